"""Two ways month by month: worked example A of docs/rules.md 6, and the same draws that ``simulate`` judges."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.rules.cash import Cash, cash_curve
from engine.rules.cost import Plan, Spread, drawn, monthly_saving, simulate

A = Plan(1e6, 0.0022, 0, 1084, 6448.8)
NO_CHANCE = Spread(0, 0, 0, 1e12, 0, 1, 0, 0, None)


def test_the_worked_example_meets_after_5_8_months_as_planned() -> None:
    found = cash_curve(A, draws=500)

    assert found.months == tuple(range(13))
    assert found.break_even.planned == pytest.approx(5.778495)
    assert found.stay.planned[:3] == pytest.approx((0, 2_200, 4_400))
    assert found.tune.planned[:3] == pytest.approx((6_448.8, 7_532.8, 8_616.8))
    assert found.stay.planned[5] < found.tune.planned[5]
    assert found.stay.planned[6] > found.tune.planned[6]


def test_escalated_calls_and_calls_of_the_tuned_model_are_paid_on_the_tuned_side() -> None:
    found = cash_curve(replace(A, escalation=0.15, tuned_call_usd=0.0001), draws=10)

    assert found.tune.planned[1] - found.tune.planned[0] == pytest.approx(0.15 * 2_200 + 100 + 1_084)


@settings(max_examples=25)
@given(
    st.floats(-0.2, 0.2), st.floats(2.0, 60.0), st.lists(st.tuples(st.integers(1, 12), st.floats(0.1, 2.0)), max_size=2)
)
def test_the_gap_of_the_plans_is_what_they_save(growth: float, halving: float, steps: list[tuple[int, float]]) -> None:
    moved = replace(A, growth=growth, halving_months=halving, price_steps=tuple(steps))
    found = cash_curve(moved, draws=1)

    gaps = np.subtract(found.stay.planned, found.tune.planned)
    assert np.diff(gaps) == pytest.approx([monthly_saving(moved, month) for month in range(1, 13)])


def test_the_draws_are_those_simulate_judged() -> None:
    found, judged = cash_curve(A, seed=1), simulate(A, seed=1, annual_rate=0.0)
    draws = drawn(A, None, 12, 20_000, seed=1)
    gap = draws.savings.sum(axis=1) - draws.one_time

    assert found.break_even.share == judged.p_payback
    assert np.quantile(gap, [0.1, 0.5, 0.9]) == pytest.approx(
        [judged.npv_low_usd, judged.npv_median_usd, judged.npv_high_usd]
    )


def test_more_months_are_the_same_draws_longer() -> None:
    short, long = cash_curve(A, months=6, seed=3), cash_curve(A, months=24, seed=3)

    assert long.stay.high[:7] == pytest.approx(short.stay.high)
    assert long.tune.low[:7] == pytest.approx(short.tune.low)
    assert long.break_even.share > short.break_even.share
    assert long.break_even.low == short.break_even.low


def test_bands_hold_their_medians_and_start_at_what_is_known() -> None:
    found = cash_curve(A, seed=2)

    for way in (found.stay, found.tune):
        assert all(low <= middle <= high for low, middle, high in zip(way.low, way.median, way.high, strict=True))
    assert found.stay.low[0] == found.stay.high[0] == 0.0
    assert found.tune.low[0] < found.tune.high[0]


def test_without_chance_the_bands_are_the_plan() -> None:
    found = cash_curve(A, NO_CHANCE, draws=7)

    assert found.stay == Cash(*(pytest.approx(found.stay.planned) for _ in range(4)))
    assert found.tune == Cash(*(pytest.approx(found.tune.planned) for _ in range(4)))
    even = found.break_even
    assert (even.low, even.median, even.high) == pytest.approx((even.planned,) * 3)
    assert even.share == 1.0


def test_what_never_pays_back_has_no_month() -> None:
    found = cash_curve(replace(A, calls_per_month=1_000), draws=200)

    assert found.break_even.planned is None
    assert found.break_even.low is None
    assert found.break_even.high is None
    assert found.break_even.share == 0.0


def test_a_band_may_begin_in_a_month_and_end_in_never() -> None:
    found = cash_curve(A, seed=1).break_even

    assert found.low is not None
    assert 3 < found.low < 12
    assert found.high is None
    assert 0.3 < found.share < 0.4


def test_what_costs_nothing_once_has_paid_at_once() -> None:
    assert cash_curve(replace(A, one_time_usd=0.0), draws=5).break_even.planned == 0.0


@pytest.mark.parametrize("broken", [{"months": 0}, {"draws": 0}, {"seed": -1}])
def test_broken_counts_are_refused(broken: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=next(iter(broken))):
        cash_curve(A, **broken)
