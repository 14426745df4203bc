"""How far a rollout is from its decision: what its stage lacks, and the days at today's traffic. Decides nothing."""

from __future__ import annotations

import math
from datetime import timedelta

from engine.flows.steps import guardrails, stage
from engine.models.base import Value
from engine.models.rollout import Rollout, RolloutStatus, Stage
from engine.rules.horizon import FEW_CALLS, Need, Pace, days_until_decision, needs
from engine.services import Services
from engine.store import evidence, policies, usage
from engine.store.database import Tx

_DECIDED = (Stage.FULL_100, Stage.SOAKING, Stage.LIVE)


class NeedView(Value):
    """One thing a stage asks for: "hours", "units", "week" or "safe", what there is and what is needed."""

    name: str
    have: float
    need: float


class Horizon(Value):
    """What the stage asks for, and the whole days until the decision at half of the traffic (none: not known).

    ``calls_a_day`` is the feature's traffic; ``is_slow`` where it is so little that people should know beforehand.
    """

    needs: tuple[NeedView, ...] = ()
    days: int | None = None
    calls_a_day: int | None = None
    is_slow: bool = False


def ahead(tx: Tx, services: Services, feature_id: int, rollout: Rollout | None) -> Horizon:
    """What lies ahead of a rollout, or before its first stage of one that is not begun."""
    policy = policies.current(tx, feature_id).stage
    if rollout is not None and rollout.status is not RolloutStatus.RUNNING:
        return Horizon()
    shown = stage.evidence(tx, services, rollout) if rollout is not None else None
    asked = needs(rollout.stage, shown, policy) if rollout is not None and shown is not None else ()
    found = Horizon(needs=tuple(_told(one) for one in asked))
    month = usage.last_month(tx, feature_id, services.clock.now())
    calls = round(month.calls / 30) if month is not None else 0
    if not calls or (rollout is not None and rollout.stage in _DECIDED):
        return found
    days = _days(tx, services, feature_id, rollout, calls=calls, seen=shown.units if shown else 0)
    return found.model_copy(update={"calls_a_day": calls, "is_slow": calls < FEW_CALLS, "days": math.ceil(days)})


def _days(tx: Tx, services: Services, feature_id: int, rollout: Rollout | None, *, calls: int, seen: int) -> float:
    policy = policies.current(tx, feature_id).stage
    pace = Pace(
        units_a_day=calls * (_units_a_call(tx, rollout) if rollout is not None else 1.0),
        base_rates=_rates(tx, services, feature_id, rollout),
        margin=min(one.margin for one in guardrails.GUARDRAILS if one.name in guardrails.SAFE),
        shadow_share=policies.traffic(tx, feature_id).shadow_share,
    )
    if rollout is None:
        return days_until_decision(services.clock.now(), Stage.DRAFT, pace, policy=policy)
    return days_until_decision(
        services.clock.now(),
        rollout.stage,
        pace,
        since=rollout.stage_since,
        seen=seen,
        both=round(seen / rollout.share) if rollout.share else seen,
        policy=policy,
    )


def _units_a_call(tx: Tx, rollout: Rollout) -> float:
    """Units a call made, over the days that are closed; before the first every call counts as a unit of its own."""
    starts = evidence.starts(tx, rollout.id)
    root = starts[-1].root if starts else ""
    scored = [one for one in evidence.scores(tx, root) if one.guardrail == "errors"]
    closed = {one.day for one in scored}
    calls = sum(one.n for one in evidence.counts(tx, root) if one.day in closed)
    return sum(one.units for one in scored) / calls if calls else 1.0


def _rates(tx: Tx, services: Services, feature_id: int, rollout: Rollout | None) -> tuple[float, ...]:
    """The baseline's rates of what must be shown to be safe: as the stage fixed them, else as they were lately."""
    starts = evidence.starts(tx, rollout.id) if rollout is not None else []
    fixed = starts[-1].base_rates if starts else {}
    lately = evidence.baseline_of(tx, feature_id, services.clock.now() - timedelta(days=7)).error_rate
    return tuple(fixed.get(name, lately if name == "errors" else 0.0) for name in guardrails.SAFE)


def _told(need: Need) -> NeedView:
    return NeedView(name=need.name, have=need.have, need=need.need)
