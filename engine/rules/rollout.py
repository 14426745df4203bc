"""Say whether a rollout's stage may be left, and what an event makes of its state.

Knows nothing of traffic, people's roles or routes; a share rises only through an approval.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from engine.models.rollout import RolloutStatus, Stage
from engine.rules import checks
from engine.rules.sequential import harm_bound

__all__ = ["Action", "Event", "Gate", "RolloutState", "StageEvidence", "StagePolicy", "gate", "transition"]

SHARES: Mapping[Stage, float] = {
    Stage.DRAFT: 0.0,
    Stage.SHADOW: 0.0,
    Stage.CANARY_1: 0.01,
    Stage.CANARY_5: 0.05,
    Stage.CANARY_25: 0.25,
    Stage.CANARY_50: 0.50,
    Stage.FULL_100: 1.0,
    Stage.SOAKING: 1.0,
    Stage.LIVE: 1.0,
}
FINAL = (RolloutStatus.ROLLED_BACK, RolloutStatus.ABORTED, RolloutStatus.RETIRED)
SECOND_PERSON_SHARE = 0.25  # rising to it or above needs somebody else than who asked (docs/rules.md 7)


class Action(StrEnum):
    """What a gate says."""

    READY = "READY"
    HOLD = "HOLD"
    PAUSE = "PAUSE"
    ROLLBACK = "ROLLBACK"


def _hours() -> dict[str, float]:
    days = {"shadow": 24.0, "canary_1": 24.0, "canary_5": 24.0, "canary_25": 48.0, "canary_50": 72.0}
    return {**days, "full_100": 1.0, "soaking": 168.0}


def _units() -> dict[str, int]:
    return {"shadow": 500, "canary_1": 100, "canary_5": 500, "canary_25": 2_000, "canary_50": 5_000}


@dataclass(frozen=True)
class StagePolicy:
    """Limits of `gate`: alpha of the guardrails together, odds, ticks, and per stage the least hours and units.

    A stage that `hours` or `units` does not name asks for none. `holdback` is the share of tuned traffic kept on the
    baseline; `cost_ceiling` is measured over planned cost per call.
    """

    alpha: float = 0.025
    safe_odds: float = 20.0
    mismatch_odds: float = 1_000.0
    ticks: float = 2.0
    holdback: float = 0.01
    cost_ceiling: float = 1.25
    hours: Mapping[str, float] = field(default_factory=_hours)
    units: Mapping[str, int] = field(default_factory=_units)


@dataclass(frozen=True)
class StageEvidence:
    """What was seen since the stage began; e-values as natural logs, None where there is none.

    `log_e_harm` by guardrail; `ticks_old` is the evidence's age in scheduler ticks; `full_week` says that a weekday and
    a weekend day are in; `cost_ratio` is a call's measured over its planned cost in the last 24 hours.
    """

    hours: float
    units: int
    log_e_harm: Mapping[str, float] = field(default_factory=dict[str, float])
    log_e_safe: float | None = None
    log_e_mismatch: float | None = None
    ticks_old: float | None = None
    broken_ceilings: tuple[str, ...] = ()
    full_week: bool = False
    cost_ratio: float | None = None


@dataclass(frozen=True)
class Gate:
    """What may happen at this stage, and why."""

    action: Action
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True)
class RolloutState:
    """Where a rollout stands; `share` is the tuned share of traffic, `sequence` the last event that counted."""

    stage: str = Stage.DRAFT
    status: str = RolloutStatus.RUNNING
    share: float = 0.0
    requested_by: str = ""
    sequence: int = 0


@dataclass(frozen=True)
class Event:
    """A press or tick: `actor` "" is the machine, `gate` the gate's action at that moment."""

    kind: str
    sequence: int
    actor: str = ""
    gate: str = ""


def gate(stage: str, evidence: StageEvidence, policy: StagePolicy | None = None) -> Gate:
    """Judge whether `stage` may be left: READY, HOLD, PAUSE or ROLLBACK; the first matching rule wins.

    Raises ValueError for an unknown stage or broken evidence. Source: docs/rules.md 7.
    """
    limits = _checked_policy(policy or StagePolicy())
    here = Stage(checks.choice("stage", stage, Stage))
    _check_evidence(evidence)
    if here is Stage.DRAFT:
        return Gate(Action.READY)
    for action, reasons in (
        (Action.ROLLBACK, _harms(evidence, limits)),
        (Action.PAUSE, _doubts(evidence, limits)),
        (Action.HOLD, _shortfalls(here, evidence, limits)),
    ):
        if reasons:
            return Gate(action, tuple(reasons))
    return Gate(Action.READY)


def transition(state: RolloutState, event: Event) -> RolloutState:
    """Give the state after `event`; an event whose sequence is not newer changes nothing, so a press counts once.

    Raises ValueError with the reason for everything the table of docs/rules.md 7 does not allow.
    """
    _check_state(state)
    checks.choice("kind", event.kind, _EFFECTS)
    if event.gate:
        checks.choice("gate", event.gate, Action)
    if checks.count("event.sequence", event.sequence) <= state.sequence:
        return state
    if state.status in FINAL:
        raise ValueError(f"the rollout is {state.status}; nothing follows that")
    return replace(_EFFECTS[event.kind](state, event), sequence=event.sequence)


def _harms(evidence: StageEvidence, limits: StagePolicy) -> list[str]:
    bound = harm_bound(len(evidence.log_e_harm), limits.alpha)
    harmed = [f"harm: {name}" for name, log_e in evidence.log_e_harm.items() if log_e >= bound]
    return harmed + [f"ceiling: {name}" for name in evidence.broken_ceilings]


def _doubts(evidence: StageEvidence, limits: StagePolicy) -> list[str]:
    doubts: list[str] = []
    if evidence.ticks_old is None or evidence.ticks_old > limits.ticks:
        doubts.append("no call of it was recorded lately")
    if evidence.log_e_mismatch is not None and evidence.log_e_mismatch >= math.log(limits.mismatch_odds):
        doubts.append("the split does not match its share")
    if evidence.cost_ratio is not None and evidence.cost_ratio > limits.cost_ceiling:
        doubts.append("a call costs more than planned")
    return doubts


def _shortfalls(stage: Stage, evidence: StageEvidence, limits: StagePolicy) -> list[str]:
    short: list[str] = []
    if evidence.hours < limits.hours.get(stage, 0.0):
        short.append("too few hours")
    if evidence.units < limits.units.get(stage, 0):
        short.append("too few units")
    if not evidence.log_e_harm and stage is not Stage.LIVE:
        short.append("no guardrail configured")
    if stage is Stage.CANARY_50 and not evidence.full_week:
        short.append("no full week")
    if stage is Stage.CANARY_50 and (evidence.log_e_safe is None or evidence.log_e_safe < math.log(limits.safe_odds)):
        short.append("not shown to be safe")
    return short


def _approve(state: RolloutState, event: Event) -> RolloutState:
    _need_person(event)
    _need_running(state, event)
    _need_ready(event)
    if state.stage == Stage.LIVE:
        raise ValueError("stage is 'live'; there is no next stage to approve")
    following = _following(state.stage)
    share = SHARES[following]
    if share > state.share and share >= SECOND_PERSON_SHARE and event.actor == state.requested_by:
        raise ValueError(f"actor is {event.actor!r}, who asked for it; from {share:.0%} on somebody else approves")
    return replace(state, stage=following, share=share)


def _settle(state: RolloutState, event: Event) -> RolloutState:
    _need_running(state, event)
    _need_ready(event)
    if state.stage not in (Stage.FULL_100, Stage.SOAKING):
        raise ValueError(f"only full_100 and soaking settle, and this one is at {state.stage}")
    return replace(state, stage=_following(state.stage))


def _pause(state: RolloutState, event: Event) -> RolloutState:
    _need_running(state, event)
    return replace(state, status=RolloutStatus.PAUSED)


def _resume(state: RolloutState, event: Event) -> RolloutState:
    _need_person(event)
    if state.status != RolloutStatus.PAUSED:
        raise ValueError(f"only a paused rollout resumes, and this one is {state.status}")
    return replace(state, status=RolloutStatus.RUNNING)


def _roll_back(state: RolloutState, event: Event) -> RolloutState:  # noqa: ARG001 every effect takes both
    return replace(state, status=RolloutStatus.ROLLED_BACK, share=0.0)


def _lower(state: RolloutState, event: Event) -> RolloutState:
    _need_person(event)
    if state.share > SHARES[Stage.CANARY_50]:
        return replace(state, stage=Stage.CANARY_50, status=RolloutStatus.RUNNING, share=SHARES[Stage.CANARY_50])
    return replace(state, status=RolloutStatus.RETIRED, share=0.0)


def _abort(state: RolloutState, event: Event) -> RolloutState:  # noqa: ARG001 every effect takes both
    if state.share > 0.0:
        raise ValueError(f"share is {state.share!r}; with traffic on the tuned side roll back instead of aborting")
    return replace(state, status=RolloutStatus.ABORTED)


_EFFECTS: Mapping[str, Callable[[RolloutState, Event], RolloutState]] = {
    "approve": _approve,
    "settle": _settle,
    "pause": _pause,
    "resume": _resume,
    "rollback": _roll_back,
    "lower": _lower,
    "abort": _abort,
}


def _following(stage: str) -> Stage:
    order = list(Stage)
    return order[order.index(Stage(stage)) + 1]


def _need_person(event: Event) -> None:
    if not event.actor:
        raise ValueError(f"actor is {event.actor!r}; {event.kind} needs a person")


def _need_running(state: RolloutState, event: Event) -> None:
    if state.status != RolloutStatus.RUNNING:
        raise ValueError(f"{event.kind} needs a running rollout, and this one is {state.status}")


def _need_ready(event: Event) -> None:
    if event.gate != Action.READY:
        raise ValueError(f"gate is {event.gate!r}; {event.kind} needs READY")


def _check_state(state: RolloutState) -> None:
    checks.choice("state.stage", state.stage, Stage)
    checks.choice("state.status", state.status, RolloutStatus)
    checks.share("state.share", state.share)
    checks.count("state.sequence", state.sequence)


def _check_evidence(evidence: StageEvidence) -> None:
    checks.number("hours", evidence.hours, 0.0)
    checks.count("units", evidence.units)
    for name, log_e in evidence.log_e_harm.items():
        checks.number(f"log_e_harm[{name!r}]", log_e)
    for name in ("log_e_safe", "log_e_mismatch"):
        if getattr(evidence, name) is not None:
            checks.number(name, getattr(evidence, name))
    if evidence.ticks_old is not None:
        checks.number("ticks_old", evidence.ticks_old, 0.0)
    if evidence.cost_ratio is not None:
        checks.number("cost_ratio", evidence.cost_ratio, 0.0)


def _checked_policy(policy: StagePolicy) -> StagePolicy:
    checks.open_share("policy.alpha", policy.alpha)
    checks.above("policy.safe_odds", policy.safe_odds)
    checks.above("policy.mismatch_odds", policy.mismatch_odds)
    checks.number("policy.ticks", policy.ticks, 0.0)
    checks.share("policy.holdback", policy.holdback)
    checks.above("policy.cost_ceiling", policy.cost_ceiling)
    for name, hours in policy.hours.items():
        checks.number(f"policy.hours[{name!r}]", hours, 0.0)
    for name, units in policy.units.items():
        checks.count(f"policy.units[{name!r}]", units)
    return policy
