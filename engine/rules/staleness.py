"""Advise whether to keep, watch, retrain or retire a live model, from what it costs and yields from now on.

Knows nothing of money already spent: no rule here takes it.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from engine.models.checkup import Advice
from engine.rules import checks
from engine.rules.trend import Forecast, forecast_crossover

__all__ = [
    "Advice",
    "AdvicePolicy",
    "Forecast",
    "Month",
    "Recommendation",
    "advantage",
    "advise",
    "forecast_crossover",
    "noise",
]

_NOISE_MONTHS = 12
_NOISE_LEAST = 4
_Z_POWER = 0.8416  # the 80 % quantile of the standard normal, as docs/rules.md 8 writes it


@dataclass(frozen=True)
class AdvicePolicy:
    """Thresholds of `advise`: sds, advantages as shares; days; months. `watch_below` < `watch_until` stops flapping."""

    default_sd: float = 0.10
    quiet_sd: float = 0.05
    quiet_run: int = 2
    noisy_run: int = 3
    shutdown_days: float = 90.0
    least_days_live: float = 60.0
    retire_below: float = 0.05
    watch_below: float = 0.10
    watch_until: float = 0.15
    crossover_months: float = 3.0


@dataclass(frozen=True)
class Month:
    """One checkup: 1 - keep/cheapest qualified alternative, and whether tuned is surely worse by the margin."""

    advantage: float
    quality_broken: bool = False


@dataclass(frozen=True)
class Recommendation:
    """The advice, why, the month-to-month sd it was judged with, and the bad months at the end of the list."""

    advice: Advice
    reasons: tuple[str, ...]
    noise_sd: float
    bad_months: int


@dataclass(frozen=True)
class _Case:
    months: Sequence[Month]
    days_live: float
    previous: Advice
    crossover_months: float | None
    shutdown_in_days: float | None
    retrain_due: tuple[str, ...]
    sd: float
    run: int


def advantage(keep_month_usd: float, alternatives_month_usd: Sequence[float]) -> float:
    """Give 1 - keep/cheapest alternative, both in US dollars a month from now on; 1.0 without an alternative.

    Raises ValueError for a negative cost of keeping or an alternative that costs nothing.
    """
    keep = checks.number("keep_month_usd", keep_month_usd, 0.0)
    prices = [checks.above(f"alternatives_month_usd[{at}]", usd) for at, usd in enumerate(alternatives_month_usd)]
    return 1.0 - keep / min(prices) if prices else 1.0


def noise(advantages: Sequence[float]) -> float | None:
    """Give the month-to-month sd: that of first differences over sqrt 2, of the last 12; None for fewer than 4.

    Raises ValueError for a number that is not finite.
    """
    values = [checks.number(f"advantages[{place}]", value) for place, value in enumerate(advantages)]
    if len(values) < _NOISE_LEAST:
        return None
    steps = [later - earlier for earlier, later in pairwise(values[-_NOISE_MONTHS:])]
    return statistics.stdev(steps) / math.sqrt(2.0)


def advise(
    months: Sequence[Month],
    *,
    days_live: float,
    previous: str = Advice.KEEP,
    crossover_months: float | None = None,
    shutdown_in_days: float | None = None,
    retrain_due: Sequence[str] = (),
    noise_sd: float | None = None,
    policy: AdvicePolicy | None = None,
) -> Recommendation:
    """Advise on a live model from its monthly checkups, oldest first; the first matching rule of section 8 wins.

    `crossover_months` and `shutdown_in_days` count from now, None where unknown. Raises ValueError for no months, an
    unknown previous advice or numbers out of range.
    """
    limits = _checked_policy(policy or AdvicePolicy())
    if not months:
        raise ValueError(f"months is {months!r}; at least one checkup is needed")
    for name, value in (
        ("days_live", days_live),
        ("crossover_months", crossover_months),
        ("shutdown_in_days", shutdown_in_days),
        ("noise_sd", noise_sd),
    ):
        if value is not None:
            checks.number(name, value, 0.0)
    measured = noise([month.advantage for month in months])
    sd = next(sd for sd in (noise_sd, measured, limits.default_sd) if sd is not None)
    before = Advice(checks.choice("previous", previous, Advice))
    case = _Case(
        months, days_live, before, crossover_months, shutdown_in_days, tuple(retrain_due), sd, _bad_run(months)
    )
    advice, reasons = _advice(case, limits)
    return Recommendation(advice, tuple(reasons), float(sd), case.run)


def _advice(case: _Case, limits: AdvicePolicy) -> tuple[Advice, list[str]]:
    for advice, reasons in (
        (Advice.RETIRE, _reasons_to_retire(case, limits)),
        (Advice.RETRAIN, _reasons_to_retrain(case)),
        (Advice.WATCH, _reasons_to_watch(case, limits)),
    ):
        if reasons:
            return advice, reasons
    return Advice.KEEP, ["still better than the best prompted option"]


def _reasons_to_retire(case: _Case, limits: AdvicePolicy) -> list[str]:
    if case.shutdown_in_days is not None and case.shutdown_in_days <= limits.shutdown_days:
        return ["its platform shuts down"]
    k = limits.quiet_run if case.sd <= limits.quiet_sd else limits.noisy_run
    last = case.months[-k:]
    if case.run < k:
        return []
    if any(month.quality_broken for month in last):
        return [f"{case.run} bad months in a row, with quality surely worse"]
    hoped = statistics.fmean(month.advantage for month in last) + _Z_POWER * case.sd / math.sqrt(k)
    is_settled = case.days_live >= limits.least_days_live and hoped < limits.retire_below
    return [f"{case.run} bad months in a row"] if is_settled else []


def _reasons_to_retrain(case: _Case) -> list[str]:
    broken = ["quality surely worse by more than the margin"] if case.months[-1].quality_broken else []
    return [*case.retrain_due, *broken]


def _reasons_to_watch(case: _Case, limits: AdvicePolicy) -> list[str]:
    reasons: list[str] = []
    if case.months[-1].advantage < limits.watch_below:
        reasons.append("the advantage is small")
    if case.crossover_months is not None and case.crossover_months <= limits.crossover_months:
        reasons.append("the baseline will soon be as cheap")
    is_clear = len(case.months) >= 2 and all(month.advantage > limits.watch_until for month in case.months[-2:])
    if not reasons and case.previous is not Advice.KEEP and not is_clear:
        reasons.append("not yet two clear months in a row")
    return reasons


def _bad_run(months: Sequence[Month]) -> int:
    run = 0
    for month in reversed(months):
        if month.advantage >= 0.0 and not month.quality_broken:
            break
        run += 1
    return run


def _checked_policy(policy: AdvicePolicy) -> AdvicePolicy:
    for name in ("default_sd", "quiet_sd", "shutdown_days", "least_days_live", "crossover_months"):
        checks.number(f"policy.{name}", getattr(policy, name), 0.0)
    for name in ("retire_below", "watch_below", "watch_until"):
        checks.number(f"policy.{name}", getattr(policy, name))
    checks.count("policy.quiet_run", policy.quiet_run, 1)
    checks.count("policy.noisy_run", policy.noisy_run, 1)
    return policy
