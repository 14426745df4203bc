"""Known answers are docs/rules.md 6 and 11's: worked example A, by hand and with numpy-financial's npv."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.rules.cost import (
    Plan,
    Spread,
    TokenPrices,
    Tokens,
    break_even_volume,
    call_cost,
    crossover_month,
    gpu_usd_per_million_tokens,
    gross_saving,
    monthly_saving,
    net_present_value,
    payback_months,
    replicas,
    simulate,
    tornado,
)
from engine.rules.plan import blended_call_usd, call_usd

PR = TokenPrices(2_500_000_000, 10_000_000_000, 1_250_000_000)
CLAUDE = TokenPrices(3_000_000_000, 15_000_000_000, cached_input=300_000_000, cache_write=3_750_000_000)
A = Plan(1e6, 0.0022, 0, 1084, 6448.8)
MANAGED = replace(A, tuned_call_usd=0.000164, fixed_month_usd=500)
NAN, INF = math.nan, math.inf


def plan(**changes: Any) -> Plan:
    return replace(A, **changes)


EXACT: list[tuple[Callable[[], int], int]] = [
    (lambda: call_cost(Tokens(800, 20), PR), 2_200_000),
    (lambda: call_cost(Tokens(800, 20, 600), PR), 1_450_000),
    (lambda: call_cost(Tokens(800, 20), PR, retry_rate=0.03), 2_266_000),
    (lambda: call_cost(Tokens(800, 20, 800), PR), 1_200_000),  # all of the input may be cached
    (lambda: call_cost(Tokens(800, 20), PR, batch_discount=0.5), 1_100_000),
    (lambda: call_cost(Tokens(800, 20, 600), TokenPrices(2_500_000_000, 10_000_000_000)), 2_200_000),
    (lambda: call_cost(Tokens(800, 20, 200, 400), CLAUDE), 2_460_000),
    (lambda: call_cost(Tokens(1, 0), TokenPrices(500_000, 0)), 1),  # half a nano-dollar is rounded up
    (lambda: call_cost(Tokens(1, 0), TokenPrices(499_999, 0)), 0),
    (lambda: replicas(12, 25, 0.6), 1),
    (lambda: replicas(40, 25, 0.6), 3),
    (lambda: replicas(15, 25, 0.6), 1),  # exactly full: floats would ask for a second GPU
    (lambda: replicas(0, 25, minimum=2), 2),
]


@pytest.mark.parametrize(("call", "known"), EXACT)
def test_known_whole_numbers_come_out(call: Callable[[], int], known: int) -> None:
    answer = call()
    assert (answer, type(answer)) == (known, int)


SHARES: list[tuple[Callable[[], object], object]] = [
    (lambda: gpu_usd_per_million_tokens(0.8, 2500, 0.3), 0.2962963),
    (lambda: gross_saving(A, 584), 0.7345455),
    (lambda: blended_call_usd(0.0022, 0.000164, 0.15), 0.000494),
    (lambda: blended_call_usd(0.0022, 0.0, 0.0), 0.0),
    (lambda: gross_saving(plan(calls_per_month=500000), 584), 0.4690909),
    (lambda: gross_saving(MANAGED, 0), 0.9254545),
    (lambda: gross_saving(plan(escalation=0.15), 584), 0.5845455),
    (lambda: gross_saving(plan(calls_per_month=5e6), 584), 0.9469091),
    (lambda: payback_months(A), 5.778495),
    (lambda: payback_months(plan(calls_per_month=100000)), INF),
    (lambda: payback_months(plan(halving_months=12)), 10.5975),
    (lambda: payback_months(plan(calls_per_month=500000), 12), INF),
    (lambda: payback_months(plan(one_time_usd=0)), 0),
    (lambda: crossover_month(plan(halving_months=12)), 12.25367),
    (lambda: crossover_month(A), INF),
    (lambda: crossover_month(plan(calls_per_month=100000)), 0),
    (lambda: crossover_month(plan(tuned_call_usd=0, fixed_month_usd=0, halving_months=12)), INF),
    (lambda: crossover_month(plan(price_steps=((7, 0.25),))), 6),
    (lambda: crossover_month(plan(halving_months=12, price_steps=((13, 2.0),))), 24.25367),
]


@pytest.mark.parametrize(("call", "known"), SHARES)
def test_known_shares_and_months_come_out(
    call: Callable[[], object], known: object, agrees: Callable[..., bool]
) -> None:
    assert agrees(call(), known)


DOLLARS: list[tuple[Callable[[], float], float]] = [
    (lambda: call_usd(plan(calls_per_month=1000, fixed_month_usd=500, tuned_call_usd=0.1)), 0.6),
    (lambda: call_usd(plan(calls_per_month=1000, fixed_month_usd=500, tuned_call_usd=0.1), 0.3), 0.8),
    (lambda: call_usd(plan(calls_per_month=0, baseline_call_usd=0.02, escalation=0.5)), 0.01),
    (lambda: monthly_saving(A), 1116),
    (lambda: monthly_saving(plan(calls_per_month=1000)), -1081.8),
    (lambda: monthly_saving(plan(halving_months=12), 13), 16),
    (lambda: monthly_saving(MANAGED), 1536),
    (lambda: monthly_saving(plan(price_steps=((4, 0.5),)), 4), 16),
    (lambda: monthly_saving(plan(price_steps=((4, 0.5),)), 3), 1116),
    (lambda: monthly_saving(plan(calls_per_month=100000)), -864),
    (lambda: monthly_saving(plan(escalation=0.15)), 786),
    (lambda: monthly_saving(plan(growth=0.1), 2), 1336),
    (lambda: net_present_value(A), 6274.144),
    (lambda: net_present_value(plan(halving_months=12)), -86.12967),
    (lambda: net_present_value(MANAGED), 11062.35),
    (lambda: net_present_value(plan(calls_per_month=100000)), -16298.82),
    (lambda: net_present_value(plan(calls_per_month=500000)), -6266.39),
    (lambda: net_present_value(plan(calls_per_month=5e6)), 106598.44),
    (lambda: net_present_value(plan(escalation=0.15)), 2511.98),
    (lambda: break_even_volume(A), 737000),
    (lambda: break_even_volume(plan(tuned_call_usd=0.0022)), INF),
]


@pytest.mark.parametrize(("call", "known"), DOLLARS)
def test_known_sums_come_out_to_the_cent(call: Callable[[], float], known: float) -> None:
    assert call() == pytest.approx(known, abs=0.01)


def test_the_tornado_names_the_widest_first() -> None:
    swings = [(swing.name, swing.low_usd, swing.high_usd) for swing in tornado(A)]
    assert [name for name, _, _ in swings] == ["baseline_price", "volume", "fixed", "one_time"]
    assert [low for _, low, _ in swings] == pytest.approx([-6270.268, -6270.268, 3089.532, 1612.2], abs=0.01)
    assert [high for _, _, high in swings] == pytest.approx([6270.268, 6270.268, -3089.532, -1612.2], abs=0.01)


def test_the_simulation_falls_where_the_note_drew_it() -> None:
    drawn = simulate(A, seed=1)
    assert -10486 <= drawn.npv_low_usd <= -9686
    assert -2967 <= drawn.npv_median_usd <= -2167
    assert 5140 <= drawn.npv_high_usd <= 5940
    assert 0.313 <= drawn.p_positive <= 0.353
    assert 0.334 <= drawn.p_payback <= 0.374


def test_a_spread_of_nothing_is_the_plan_itself() -> None:
    sure = Spread(0, 0, 0, 1e12, 0, 1, 0, 0, None)
    drawn = simulate(A, sure, draws=3)
    assert drawn.npv_low_usd == pytest.approx(net_present_value(A), abs=0.01)
    assert drawn.npv_high_usd == pytest.approx(drawn.npv_low_usd)
    assert (drawn.p_positive, drawn.p_payback) == (1.0, 1.0)
    assert drawn.saving_low == pytest.approx(1116 / 2200)


def test_the_same_seed_draws_the_same_future() -> None:
    assert simulate(A, draws=50, seed=4) == simulate(A, draws=50, seed=4)
    assert simulate(A, draws=50, seed=4) != simulate(A, draws=50, seed=5)


def test_a_value_of_nothing_is_not_positive() -> None:
    assert simulate(Plan(0, 0, 0, 0, 0), draws=10).p_positive == 0.0


def test_a_baseline_that_costs_nothing_saves_nothing() -> None:
    assert simulate(plan(baseline_call_usd=0), draws=50).saving_low < -1


plans = st.builds(
    Plan,
    st.floats(1e3, 1e7),
    st.floats(1e-5, 0.01),
    st.floats(0, 0.001),
    st.floats(0, 3000),
    st.floats(0, 20000),
    st.floats(0, 0.5),
    st.floats(-0.05, 0.1),
)


@given(plans)
def test_at_the_break_even_volume_the_savings_pay_exactly(drawn: Plan) -> None:
    volume = break_even_volume(drawn)
    if 0.0 < volume < 1e12:  # beyond, a call saves no more than the rounding of its two prices
        even = replace(drawn, calls_per_month=volume, growth=0.0)
        assert 12 * monthly_saving(even) == pytest.approx(drawn.one_time_usd, abs=0.01, rel=1e-6)


@given(plans)
def test_money_spent_once_lowers_the_value_by_itself(drawn: Plan) -> None:
    more = replace(drawn, one_time_usd=drawn.one_time_usd + 1000)
    assert net_present_value(drawn) - net_present_value(more) == pytest.approx(1000, abs=0.01)
    assert payback_months(more) >= payback_months(drawn)


@settings(max_examples=40)
@given(plans, st.floats(3, 60))
def test_at_the_cross_over_both_sides_cost_the_same(drawn: Plan, halving: float) -> None:
    falling = replace(drawn, halving_months=halving, growth=0.0)
    months = crossover_month(falling)
    if 0 < months < INF:
        share = (
            falling.calls_per_month * falling.baseline_call_usd * (1 - falling.escalation) * 2 ** (-months / halving)
        )
        keep = falling.calls_per_month * falling.tuned_call_usd + falling.fixed_month_usd
        assert share == pytest.approx(keep, rel=1e-6)


REFUSED: list[tuple[str, Callable[[], object]]] = [
    ("cached_input", lambda: call_cost(Tokens(10, 0, 11), PR)),
    ("cache_write", lambda: call_cost(Tokens(10, 0, 5, 6), PR)),
    ("input", lambda: call_cost(Tokens(-1, 0), PR)),
    ("prices.output", lambda: call_cost(Tokens(1, 0), TokenPrices(1, -1))),
    ("retry_rate", lambda: call_cost(Tokens(1, 0), PR, retry_rate=1.1)),
    ("batch_discount", lambda: call_cost(Tokens(1, 0), PR, batch_discount=NAN)),
    ("rps_per_gpu", lambda: replicas(1, 0)),
    ("utilisation", lambda: replicas(1, 1, 0)),
    ("utilisation", lambda: replicas(1, 1, 1.1)),
    ("minimum", lambda: replicas(1, 1, minimum=-1)),
    ("tokens_per_second", lambda: gpu_usd_per_million_tokens(0.8, 0, 0.3)),
    ("usd_per_hour", lambda: gpu_usd_per_million_tokens(-0.8, 10, 0.3)),
    ("baseline costs", lambda: gross_saving(plan(calls_per_month=0), 584)),
    ("hosting_month_usd", lambda: gross_saving(A, -1)),
    ("month", lambda: monthly_saving(A, 0)),
    ("calls_per_month", lambda: monthly_saving(plan(calls_per_month=-1))),
    ("fixed_month_usd", lambda: monthly_saving(plan(fixed_month_usd=INF))),
    ("escalation", lambda: monthly_saving(plan(escalation=1.2))),
    ("growth", lambda: monthly_saving(plan(growth=-1))),
    ("halving_months", lambda: monthly_saving(plan(halving_months=0))),
    ("price_steps month", lambda: monthly_saving(plan(price_steps=((0, 1),)))),
    ("price_steps factor", lambda: monthly_saving(plan(price_steps=((1, -1),)))),
    ("horizon", lambda: payback_months(A, 0)),
    ("months", lambda: net_present_value(A, 0)),
    ("annual_rate", lambda: net_present_value(A, 12, -0.1)),
    ("months", lambda: break_even_volume(A, 0)),
    ("one_time_usd", lambda: crossover_month(plan(one_time_usd=NAN))),
    ("change", lambda: tornado(A, 0)),
    ("change", lambda: tornado(A, 1.1)),
    ("draws", lambda: simulate(A, draws=0)),
    ("seed", lambda: simulate(A, seed=-1)),
    ("spread.volume_sd", lambda: simulate(A, Spread(volume_sd=-1))),
    ("spread.growth_mean", lambda: simulate(A, Spread(growth_mean=-1))),
    ("spread.halving_median", lambda: simulate(A, Spread(halving_median=0))),
    ("spread.escalation", lambda: simulate(A, Spread(escalation=(0, 1)))),
]


@pytest.mark.parametrize(("named", "call"), REFUSED)
def test_broken_arguments_are_refused_by_name(named: str, call: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match=named):
        call()
