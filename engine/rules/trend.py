"""Forecast when a prompted option will be as cheap as the tuned model, or say that no date can be given.

Knows nothing of advice; scheduled price changes belong to a plan's price steps, not to this trend.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from engine.rules import checks
from engine.rules.distributions import t_quantile

_LEAST_FOR_LINE = 3  # a slope with an error needs one row more than its two numbers


@dataclass(frozen=True)
class Forecast:
    """Months from the first ratio to the cross-over with its Fieller interval, the line of ln(ratio), and why none."""

    month: float | None
    low: float | None
    high: float | None
    intercept: float | None
    slope: float | None
    robust_slope: float | None
    reason: str = ""


@dataclass(frozen=True)
class _Line:
    """A least-squares line over months 0, 1, …: its level at the middle month, and t² times the residual variance."""

    rows: int
    level: float
    slope: float
    squares: float
    error: float

    @property
    def middle(self) -> float:
        return (self.rows - 1) / 2.0

    @property
    def intercept(self) -> float:
        return self.level - self.slope * self.middle


def forecast_crossover(ratios: Sequence[float], *, confidence: float = 0.90, minimum_months: int = 6) -> Forecast:
    """Fit ln(best/keep) by month and give the month it reaches 0, with a Fieller (1954) interval and Theil–Sen slope.

    `ratios` are best/keep, oldest first, above 0. month is None, with a reason, for fewer than `minimum_months` or a
    slope that is not surely falling. Raises ValueError for no ratios or a ratio of 0 or below.
    """
    level = checks.open_share("confidence", confidence)
    least = checks.count("minimum_months", minimum_months, _LEAST_FOR_LINE)
    if not ratios:
        raise ValueError(f"ratios is {ratios!r}; at least one is needed")
    logs = [math.log(checks.above(f"ratios[{month}]", ratio)) for month, ratio in enumerate(ratios)]
    if len(logs) < _LEAST_FOR_LINE:
        return Forecast(None, None, None, None, None, None, f"only {len(logs)} months; no date can be given")
    line = _fit(logs, level)
    robust = statistics.median((logs[b] - logs[a]) / (b - a) for a, b in combinations(range(len(logs)), 2))
    reason = _reason(line, least)
    if reason:
        return Forecast(None, None, None, line.intercept, line.slope, robust, f"{reason}; no date can be given")
    low, high = _fieller(line)
    return Forecast(-line.intercept / line.slope, low, high, line.intercept, line.slope, robust)


def _fit(logs: Sequence[float], confidence: float) -> _Line:
    rows, level = len(logs), statistics.fmean(logs)
    middle = (rows - 1) / 2.0
    squares = math.fsum((month - middle) ** 2 for month in range(rows))
    # Rounding would give a flat line a slope of 1e-17; it must stay exactly flat.
    is_flat = min(logs) == max(logs)
    slope = 0.0 if is_flat else math.fsum((month - middle) * log for month, log in enumerate(logs)) / squares
    rest = math.fsum((log - level - slope * (month - middle)) ** 2 for month, log in enumerate(logs))
    t = t_quantile(0.5 + confidence / 2.0, rows - 2)
    return _Line(rows, level, slope, squares, t * t * rest / (rows - 2))


def _reason(line: _Line, least: int) -> str:
    if line.rows < least:
        return f"only {line.rows} months"
    if line.slope**2 <= line.error / line.squares:
        return "the trend is not clear"
    return "the prompted options are not getting cheaper" if line.slope > 0.0 else ""


def _fieller(line: _Line) -> tuple[float, float]:
    """Solve (level + slope d)² = error (1/n + d²/squares) for d, the months from the middle."""
    a = line.slope**2 - line.error / line.squares
    b = line.level * line.slope
    c = line.level**2 - line.error / line.rows
    root = math.sqrt(max(b * b - a * c, 0.0))
    return line.middle + (-b - root) / a, line.middle + (-b + root) / a
