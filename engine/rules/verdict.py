"""Decide ship, no-go or not enough evidence from measured numbers, in one fixed order.

Knows nothing of how the numbers were measured, of Slack, SQL or models' weights; money already spent is no argument.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from engine.models.verdict import Outcome
from engine.rules import checks
from engine.rules.distributions import normal_quantile
from engine.rules.pairs import Interval

__all__ = ["Evidence", "Interval", "Outcome", "Ruling", "VerdictPolicy", "decide"]

_AT_MARGIN = 1e-12  # a distance to the margin below this is rounding


@dataclass(frozen=True)
class VerdictPolicy:
    """Thresholds of `decide`: alpha is one-sided; floors are shares; `rows_cap` is the most rows worth asking for."""

    alpha: float = 0.025
    power: float = 0.8
    saving_floor: float = 0.30
    payback_floor: float = 0.80
    rows_cap: int = 50_000


@dataclass(frozen=True)
class Evidence:
    """What is known of one candidate on the sealed part, against the best prompted contender.

    `difference` is candidate minus baseline at confidence 1 - 2 alpha; `margin` a fraction; `row_variance` the variance
    of the paired difference per row; `saving_low` the 10 % quantile of net saving; sums in US dollars; None is unknown.
    `invalid` names blockers, `broken` names gates that surely failed.
    """

    difference: Interval
    margin: float
    rows: int
    planned_rows: int
    row_variance: float
    saving_low: float | None
    payback_probability: float | None
    npv_usd: float | None
    quality_worth_usd: float = 0.0
    invalid: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()
    design_effect: float = 1.0


@dataclass(frozen=True)
class Ruling:
    """An outcome, why in order, and how many further labelled rows would settle it (None: rows do not help)."""

    outcome: Outcome
    reasons: tuple[str, ...]
    rows_needed: int | None = None


@dataclass(frozen=True)
class _Money:
    saving_low: float
    payback_probability: float
    npv_usd: float


def decide(evidence: Evidence, policy: VerdictPolicy | None = None) -> Ruling:
    """Judge the evidence; the first matching row of docs/rules.md 4 wins, all signs strict as written there.

    Raises ValueError for numbers out of range or an estimate outside its interval.
    """
    policy = policy or VerdictPolicy()
    _check_policy(policy)
    _check(evidence)
    if evidence.invalid:
        return Ruling(Outcome.INCONCLUSIVE, tuple(evidence.invalid))
    if evidence.broken:
        return Ruling(Outcome.NO_GO, tuple(evidence.broken))
    if evidence.rows < evidence.planned_rows:
        missing = evidence.planned_rows - evidence.rows
        return Ruling(Outcome.INCONCLUSIVE, ("fewer rows than planned",), missing)
    if evidence.difference.high < -evidence.margin:
        return Ruling(Outcome.NO_GO, ("worse by more than the margin",))
    if evidence.difference.low > -evidence.margin:
        return _not_worse(evidence, policy)
    return _undecided(evidence, policy)


def _not_worse(evidence: Evidence, policy: VerdictPolicy) -> Ruling:
    money = _money(evidence)
    if money is None:
        return Ruling(Outcome.INCONCLUSIVE, ("the money is not known",))
    if evidence.difference.low > 0.0 and money.npv_usd + evidence.quality_worth_usd >= 0.0:
        return Ruling(Outcome.SHIP_BETTER, ("better, and worth its cost",))
    if _is_cheaper(money, policy):
        return Ruling(Outcome.SHIP_CHEAPER, ("not worse by more than the margin, and cheaper",))
    return Ruling(Outcome.NO_GO, ("as good but not worth its cost",))


def _undecided(evidence: Evidence, policy: VerdictPolicy) -> Ruling:
    money = _money(evidence)
    if money is not None and not _is_cheaper(money, policy) and evidence.difference.high <= 0.0:
        return Ruling(Outcome.NO_GO, ("cannot be better and is not cheaper",))
    needed = _rows_needed(evidence, policy)
    if needed is None:
        return Ruling(Outcome.INCONCLUSIVE, ("the difference sits at the margin",))
    return Ruling(Outcome.INCONCLUSIVE, ("the interval holds the margin",), needed)


def _rows_needed(evidence: Evidence, policy: VerdictPolicy) -> int | None:
    distance = min(evidence.difference.estimate, 0.0) + evidence.margin
    if abs(distance) < _AT_MARGIN:
        return None
    more = further_rows(evidence, policy, distance)
    return None if more > policy.rows_cap - evidence.rows else max(1, more)


def further_rows(evidence: Evidence, policy: VerdictPolicy, distance: float) -> int:
    """Count the rows beyond those read that tell a difference this far from -margin, by docs/rules.md 4; 0 or below:
    enough are there.

    Raises ValueError for a distance of 0.
    """
    width = checks.above("distance", abs(distance))
    z_sum = normal_quantile(1.0 - policy.alpha) + normal_quantile(policy.power)
    return math.ceil(z_sum**2 * evidence.row_variance / width**2 * evidence.design_effect - evidence.rows)


def _money(evidence: Evidence) -> _Money | None:
    saving, payback, npv = evidence.saving_low, evidence.payback_probability, evidence.npv_usd
    return None if saving is None or payback is None or npv is None else _Money(saving, payback, npv)


def _is_cheaper(money: _Money, policy: VerdictPolicy) -> bool:
    return money.saving_low >= policy.saving_floor and money.payback_probability >= policy.payback_floor


def _check(evidence: Evidence) -> None:
    interval = evidence.difference
    for name in ("estimate", "low", "high"):
        checks.number(f"difference.{name}", getattr(interval, name))
    if not interval.low <= interval.estimate <= interval.high:
        raise ValueError(f"difference is {interval!r}; the estimate must lie between low and high")
    checks.margin("margin", evidence.margin)
    checks.count("rows", evidence.rows)
    checks.count("planned_rows", evidence.planned_rows)
    checks.number("row_variance", evidence.row_variance, 0.0)
    checks.number("quality_worth_usd", evidence.quality_worth_usd, 0.0)
    checks.number("design_effect", evidence.design_effect, 1.0)
    if evidence.saving_low is not None:
        checks.number("saving_low", evidence.saving_low)
    if evidence.payback_probability is not None:
        checks.share("payback_probability", evidence.payback_probability)
    if evidence.npv_usd is not None:
        checks.number("npv_usd", evidence.npv_usd)


def _check_policy(policy: VerdictPolicy) -> None:
    checks.open_share("policy.alpha", policy.alpha)
    checks.open_share("policy.power", policy.power)
    checks.number("policy.saving_floor", policy.saving_floor)
    checks.share("policy.payback_floor", policy.payback_floor)
    checks.count("policy.rows_cap", policy.rows_cap)
