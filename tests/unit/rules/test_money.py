"""What a verdict is told about money: the plan built from a team's costs (worked example A of docs/rules.md 6)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.rules.money import CostPolicy, Money, Spending, cheapest, hosting, judged, planned

POLICY = CostPolicy(engineering_usd=6000, retraining_usd=900, retrain_months=3, operations_month_usd=200)
A = Spending(1_000_000, 0.0022, label_minutes=800, label_rows=2400, bill_usd=48.8, needs_gpu=True)


def money(spending: Spending = A) -> Money:
    found = judged(spending, POLICY)
    assert found is not None
    return found


def test_the_worked_example_comes_out_of_its_parts() -> None:
    plan = planned(A, POLICY)
    assert plan.fixed_month_usd == pytest.approx(584 + 300 + 200)
    assert plan.one_time_usd == pytest.approx(6000 + 400 + 48.8)
    found = money()
    assert found.hosting_month_usd == pytest.approx(584)
    assert found.gross_saving == pytest.approx(0.7345455)
    assert found.month_saving_usd == pytest.approx(1116)
    assert found.payback_months == pytest.approx(5.778495)
    assert found.npv_usd == pytest.approx(6274.144, abs=0.01)


def test_a_whole_server_is_rented_by_the_month() -> None:
    assert hosting(True, CostPolicy()) == pytest.approx(584)
    assert hosting(False, CostPolicy()) == pytest.approx(73)


def test_minutes_nobody_took_down_are_assumed_by_the_row() -> None:
    untimed = replace(A, label_minutes=0.0, label_rows=1600)
    assert planned(untimed, POLICY).one_time_usd == pytest.approx(6000 + 1600 * 0.25 * 0.5 + 48.8)


@pytest.mark.parametrize(
    "spending",
    [None, replace(A, calls_per_month=0.0), replace(A, baseline_call_usd=0.0)],
    ids=["none", "calls", "price"],
)
def test_an_unknown_price_or_volume_is_unknown_money_and_never_free(spending: Spending | None) -> None:
    assert judged(spending, POLICY) is None


def test_the_spread_lets_the_baseline_get_cheaper() -> None:
    found = money()
    assert found.simulation.npv_low_usd < found.simulation.npv_median_usd < found.npv_usd
    assert found.simulation.saving_low < found.month_saving_usd / 2200


@given(st.floats(1e4, 1e7), st.floats(1e-5, 0.01))
def test_a_processor_never_costs_more_than_a_gpu(calls: float, price: float) -> None:
    spending = Spending(calls, price, 0.0, 1000, 0.0)
    on_gpu = planned(replace(spending, needs_gpu=True), POLICY)
    assert planned(spending, POLICY).fixed_month_usd < on_gpu.fixed_month_usd


def test_a_saving_is_counted_against_an_option_or_refused() -> None:
    with pytest.raises(ValueError, match="the baseline is always one"):
        cheapest([], 0.9, 0.02)
