"""Read whether a feature is worth an investigation: 13 conditions, overrides, and one answer.

Knows nothing of traffic, labels or Slack; it takes facts, and a fact that is None is unknown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from engine.rules import checks
from engine.rules.condition import Condition, Status
from engine.rules.conditions import CONDITIONS
from engine.rules.facts import Facts, ReadinessPolicy, check

__all__ = ["Answer", "Condition", "Facts", "Override", "ReadinessPolicy", "Reading", "Status", "read"]

_NEVER_OVERRIDDEN = "worth"
_CHEAPEST_FIRST = (  # what a measurement costs a team: a signature, a probe, an import, an estimate, labels
    "evolving",
    "tenure",
    "operations",
    "volume",
    "low_volume",
    "narrow",
    "broad",
    "stable",
    "saving",
    "worth",
    "wall",
    "data",
    "subjective",
)


class Answer(StrEnum):
    """What a reading adds up to."""

    STAY = "STAY"
    NEED_EVIDENCE = "NEED_EVIDENCE"
    INVESTIGATE = "INVESTIGATE"


@dataclass(frozen=True)
class Override:
    """Somebody's decision to go on in spite of a condition, asked for and approved by two people, for some days."""

    condition: str
    requested_by: str
    approved_by: str
    reason: str
    days_left: int


@dataclass(frozen=True)
class Reading:
    """The answer, every condition in order, and the cheapest to measure next ("" unless evidence is needed)."""

    outcome: Answer
    conditions: tuple[Condition, ...]
    next_measurement: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """The conditions that decided it: those that fail, else those that are unknown; none where it is worth it."""
        deciding = {Answer.STAY: Status.FAIL, Answer.NEED_EVIDENCE: Status.UNKNOWN}.get(self.outcome)
        return tuple(condition.name for condition in self.conditions if condition.status is deciding)


def read(facts: Facts, policy: ReadinessPolicy | None = None, overrides: Sequence[Override] = ()) -> Reading:
    """Read the facts: any fail gives STAY, else any unknown NEED_EVIDENCE, else INVESTIGATE.

    An override turns a fail or unknown into `overridden`; a pass stays a pass. Raises ValueError for facts out of
    range, an override of `worth` or of no condition, by one person alone, without a reason or out of its days.
    """
    limits = policy or ReadinessPolicy()
    check(facts)
    waived = {_checked(override, limits) for override in overrides}
    conditions = tuple(_waive(condition(facts, limits), waived) for condition in CONDITIONS)
    statuses = {condition.status for condition in conditions}
    if Status.FAIL in statuses:
        return Reading(Answer.STAY, conditions)
    if Status.UNKNOWN in statuses:
        return Reading(Answer.NEED_EVIDENCE, conditions, _cheapest(conditions))
    return Reading(Answer.INVESTIGATE, conditions)


def _waive(condition: Condition, waived: set[str]) -> Condition:
    if condition.name not in waived or condition.status is Status.PASS:
        return condition
    return replace(condition, status=Status.OVERRIDDEN)


def _cheapest(conditions: Sequence[Condition]) -> str:
    unknown = {condition.name for condition in conditions if condition.status is Status.UNKNOWN}
    return next(name for name in _CHEAPEST_FIRST if name in unknown)


def _checked(override: Override, limits: ReadinessPolicy) -> str:
    name = checks.choice("condition", override.condition, _CHEAPEST_FIRST)
    if name == _NEVER_OVERRIDDEN:
        raise ValueError(f"condition is {name!r}; it can never be overridden")
    if not override.requested_by or not override.approved_by or override.requested_by == override.approved_by:
        raise ValueError(f"approved_by is {override.approved_by!r}; somebody else than who asked must approve")
    if len(override.reason.strip()) < limits.override_reason_letters:
        raise ValueError(f"reason is {override.reason!r}; it needs at least {limits.override_reason_letters} letters")
    if checks.count("days_left", override.days_left, 1) > limits.override_days:
        raise ValueError(f"days_left is {override.days_left!r}; an override lasts at most {limits.override_days} days")
    return name
