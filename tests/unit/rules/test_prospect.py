"""What could be saved before anything is trained: shares of the bill, never a zero for the unknown."""

from __future__ import annotations

import math

import numpy as np
import pytest

from engine.rules.money import CostPolicy, Spending
from engine.rules.prospect import prospect

# Worked example A of docs/rules.md 6: a GPU at $.80, $300 retraining and $200 operations a month.
POLICY = CostPolicy(engineering_usd=6_448.80, retraining_usd=900, retrain_months=3, operations_month_usd=200)


def spending(calls: float = 1_000_000, *, needs_gpu: bool = True, price: float = 0.0022) -> Spending:
    return Spending(calls, price, label_minutes=0.0, label_rows=0, bill_usd=0.0, needs_gpu=needs_gpu)


def test_the_worked_example_saves_what_the_note_says() -> None:
    found = prospect(spending(), POLICY)

    assert found is not None
    assert found.saving_median == pytest.approx(0.7345455, abs=1e-6)
    assert found.break_even_calls == pytest.approx(737_000)
    assert found.money.npv_usd == pytest.approx(6_274.14, abs=0.01)
    assert found.effort_month_usd == 500.0


def test_the_low_saving_is_the_tenth_percentile_of_drawn_ones() -> None:
    generator = np.random.default_rng(7)
    hosting = 584.0 * np.exp(generator.normal(0.0, 0.2, 200_000))
    bill = 2_200.0 * np.exp(generator.normal(0.0, 0.15, 200_000))
    found = prospect(spending(), POLICY)

    assert found is not None
    assert found.saving_low == pytest.approx(float(np.quantile(1.0 - hosting / bill, 0.1)), abs=0.003)
    assert found.saving_low < found.saving_median


@pytest.mark.parametrize("unknown", [None, spending(0), spending(price=0.0)])
def test_unknown_calls_or_prices_give_no_prospect(unknown: Spending | None) -> None:
    assert prospect(unknown, POLICY) is None


def test_a_processor_is_cheaper_than_a_gpu() -> None:
    small, large = prospect(spending(needs_gpu=False), POLICY), prospect(spending(), POLICY)

    assert small is not None
    assert large is not None
    assert small.saving_low > large.saving_low
    assert math.isfinite(small.break_even_calls)
