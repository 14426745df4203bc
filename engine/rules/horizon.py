"""Say what a stage still lacks, and in how many days a rollout can be decided (docs/rules.md 7).

Knows nothing of where calls come from; the days are those of a candidate that is no worse and of traffic as it is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from engine.models.rollout import Stage
from engine.rules import checks
from engine.rules.rollout import SHARES, StageEvidence, StagePolicy
from engine.rules.sequential import requests_needed

FEW_CALLS = 5_000  # a day; below it a rollout takes so long that people should know before it starts
_RATE_LEAST = 0.005  # bad events rarer than this prove safety no sooner: each bet wins the margin alone
_SATURDAY = 5
_LONGEST_DAYS = 3_650.0
_JUDGED = (Stage.SHADOW, Stage.CANARY_1, Stage.CANARY_5, Stage.CANARY_25, Stage.CANARY_50)


@dataclass(frozen=True)
class Need:
    """One thing a stage asks for: "hours", "units", "week" or "safe" (logs of e-values), there is and needed."""

    name: str
    have: float
    need: float

    @property
    def is_met(self) -> bool:
        """Whether it is there."""
        return self.have >= self.need


@dataclass(frozen=True)
class Pace:
    """How fast evidence comes: units a day of both sides, the tuned share served, and bad rates that must be safe.

    ``shadow_share`` of the calls is shadowed; ``margin`` is what the tuned side may be worse by.
    """

    units_a_day: float
    base_rates: tuple[float, ...]
    margin: float
    shadow_share: float = 1.0


def needs(stage: str, evidence: StageEvidence, policy: StagePolicy | None = None) -> tuple[Need, ...]:
    """What `stage` asks for before the next, with what there is of each. Raises ValueError for an unknown stage."""
    limits = policy or StagePolicy()
    here = Stage(checks.choice("stage", stage, Stage))
    found = [
        Need("hours", evidence.hours, limits.hours.get(here, 0.0)),
        Need("units", float(evidence.units), float(limits.units.get(here, 0))),
    ]
    if here is Stage.CANARY_50:
        found += [
            Need("week", float(evidence.full_week), 1.0),
            Need("safe", max(evidence.log_e_safe or 0.0, 0.0), math.log(limits.safe_odds)),
        ]
    return tuple(one for one in found if one.need > 0.0)


def days_until_decision(
    now: datetime,
    stage: str,
    pace: Pace,
    *,
    since: datetime | None = None,
    seen: int = 0,
    both: int = 0,
    policy: StagePolicy | None = None,
) -> float:
    """Count the days until half of the traffic has shown enough to serve everybody, if nothing bad turns up.

    `since` is when `stage` began (None: now), `seen` the tuned units it has, `both` those of both sides. 0 where that
    is decided. Raises ValueError for no units a day or numbers out of range.
    """
    limits = policy or StagePolicy()
    here = Stage(checks.choice("stage", stage, Stage))
    checks.above("units_a_day", pace.units_a_day)
    order = list(Stage)
    at = now
    for ahead in _JUDGED:
        if order.index(ahead) < order.index(here):
            continue
        is_here = ahead is here
        begun = since if is_here and since is not None else at
        counted = (seen, both) if is_here else (0, 0)
        at += timedelta(days=min(_stage_days(at, ahead, pace, begun=begun, counted=counted, limits=limits), 365.0))
    return min((at - now) / timedelta(days=1), _LONGEST_DAYS)


def _stage_days(
    at: datetime, stage: Stage, pace: Pace, *, begun: datetime, counted: tuple[int, int], limits: StagePolicy
) -> float:
    share = pace.shadow_share if stage is Stage.SHADOW else SHARES[stage] * (1.0 - limits.holdback)
    dwell = limits.hours.get(stage, 0.0) / 24.0 - (at - begun) / timedelta(days=1)
    tuned = (limits.units.get(stage, 0) - counted[0]) / (pace.units_a_day * max(share, 1e-6))
    days = [0.0, dwell, tuned]
    if stage is Stage.CANARY_50:
        days += [_week_days(at, begun), (_safe_units(pace, share, limits) - counted[1]) / pace.units_a_day]
    return max(days)


def _safe_units(pace: Pace, share: float, limits: StagePolicy) -> int:
    alpha = min(1.0 / limits.safe_odds, 0.5)
    rates = [min(max(rate, _RATE_LEAST), 0.5) for rate in pace.base_rates] or [_RATE_LEAST]
    return max(requests_needed(rate, rate, share, pace.margin, alpha) for rate in rates)


def _week_days(at: datetime, begun: datetime) -> float:
    """Days until a weekday and a day of the weekend have begun since a moment."""
    days = 0.0
    while not _is_full(begun, at + timedelta(days=days)):
        days += 1.0
    return days


def _is_full(begun: datetime, until: datetime) -> bool:
    found: Sequence[int] = [(begun + timedelta(days=day)).weekday() for day in range((until - begun).days + 1)]
    return any(day >= _SATURDAY for day in found) and any(day < _SATURDAY for day in found)
