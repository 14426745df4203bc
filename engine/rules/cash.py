"""Lay out what staying with the prompt and tuning cost month by month, and when the second has paid for itself.

Knows nothing of how it is drawn, of prices' sources or of money already spent; every sum is a forecast in US dollars.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from engine.rules.checks import Vector
from engine.rules.cost import Draws, Spread, drawn
from engine.rules.plan import Plan, monthly_saving, payback_months, step_factor

_TENTHS = (0.1, 0.5, 0.9)


@dataclass(frozen=True)
class Cash:
    """Cumulated US dollars of one way after 0, 1, 2, … months: as planned, and the 10, 50 and 90 % of the draws."""

    planned: tuple[float, ...]
    low: tuple[float, ...]
    median: tuple[float, ...]
    high: tuple[float, ...]


@dataclass(frozen=True)
class BreakEven:
    """Months until tuning has paid for itself: as planned, and the 10, 50 and 90 % of the draws.

    None: not within the months looked at. `share` of the draws pay back within them.
    """

    planned: float | None
    low: float | None
    median: float | None
    high: float | None
    share: float


@dataclass(frozen=True)
class CashCurve:
    """Both ways over the months, and where they meet for good. `simulate` with the same seed saw the same draws."""

    months: tuple[int, ...]
    stay: Cash
    tune: Cash
    break_even: BreakEven


def cash_curve(
    plan: Plan, spread: Spread | None = None, months: int = 12, *, draws: int = 20_000, seed: int = 0
) -> CashCurve:
    """Cumulate both ways over `months`, as planned and as drawn around the plan.

    Staying costs V_t c_b,t a month; tuning costs I at once and then V_t c_b,t - S_t. Break-even is the first month that
    saves in which the savings so far reach I, linear inside the month (`plan.payback_months`). Raises ValueError for a
    broken plan or spread, or months or draws below 1.
    """
    found = drawn(plan, spread, months, draws, seed=seed)
    stays = np.cumsum(_from_nothing(found.spend), axis=1)
    tunes = found.one_time[:, None] + np.cumsum(_from_nothing(found.spend - found.savings), axis=1)
    spends = [_spend(plan, month) for month in range(1, months + 1)]
    costs = [spend - monthly_saving(plan, month) for month, spend in enumerate(spends, start=1)]
    return CashCurve(
        months=tuple(range(months + 1)),
        stay=_cash(np.cumsum([0.0, *spends]), stays),
        tune=_cash(np.cumsum([plan.one_time_usd, *costs]), tunes),
        break_even=_break_even(plan, found, months),
    )


def _spend(plan: Plan, month: int) -> float:
    volume = plan.calls_per_month * (1.0 + plan.growth) ** (month - 1)
    price = plan.baseline_call_usd * 2.0 ** (-(month - 1) / plan.halving_months)
    return volume * price * step_factor(plan, month)


def _from_nothing(sums: Vector) -> Vector:
    return np.concatenate([np.zeros((len(sums), 1)), sums], axis=1)


def _cash(planned: Vector, drawings: Vector) -> Cash:
    low, median, high = np.quantile(drawings, _TENTHS, axis=0)
    return Cash(*(tuple(float(usd) for usd in line) for line in (planned, low, median, high)))


def _break_even(plan: Plan, found: Draws, months: int) -> BreakEven:
    paid = found.paid()
    before = np.cumsum(_from_nothing(found.savings), axis=1)
    first = np.argmax(paid, axis=1)
    rows = np.arange(len(first))
    inside = (found.one_time - before[rows, first]) / np.where(paid, found.savings, 1.0)[rows, first]
    moments = np.where(paid.any(axis=1), first + inside, math.inf)
    # A quantile of the draws themselves: between a month and never there is nothing to interpolate.
    low, median, high = np.quantile(moments, _TENTHS, method="inverted_cdf")
    planned = payback_months(plan, months)
    share = float(paid.any(axis=1).mean())
    return BreakEven(*(_finite(float(month)) for month in (planned, low, median, high)), share=share)


def _finite(month: float) -> float | None:
    return month if math.isfinite(month) else None
