"""What a call of the tuned side costs against its plan, over the last day: too dear a candidate is paused."""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime, timedelta
from typing import Any

from engine.flows.steps.recheck import plan_of
from engine.models.call import CallRole
from engine.models.money import to_usd
from engine.models.rollout import Rollout
from engine.models.verdict import Verdict
from engine.rules.plan import Plan, call_usd
from engine.store import months
from engine.store.database import Tx

DAY = timedelta(hours=24)
LEAST = 100  # calls of the day: fewer say little of what one costs
_PAID = (CallRole.ANSWER, CallRole.FAILED, CallRole.ESCALATED)


def cost_ratio(tx: Tx, rollout: Rollout, now: datetime) -> float | None:
    """Measured over planned US dollars of a tuned call in the last 24 whole hours of a stage.

    None where that is unknown: a younger stage, no plan, too few calls, or calls of a metered model without a price;
    a cascade's is none, its plan holds what escalated calls cost beyond the baseline's.
    """
    end = now.replace(minute=0, second=0, microsecond=0)
    cost: dict[str, dict[str, Any]] = tx.get_one(Verdict, rollout.verdict_id).record.get("cost") or {}
    said = cost.get("plan", {})
    if (
        rollout.share <= 0.0
        or rollout.stage_since > end - DAY
        or not said.keys() >= {field.name for field in fields(Plan)}
    ):
        return None
    day = months.between(tx, rollout.feature_id, end - DAY, end)
    paid = day.of(months.TUNED, *_PAID) if day is not None else ()
    calls = sum(one.n for one in paid if one.role == CallRole.ANSWER)
    plan = plan_of(said)
    is_metered = plan.tuned_call_usd > 0.0 and not plan.escalation
    is_unknown = is_metered and any(one.unpriced for one in paid)
    planned = call_usd(plan)
    if calls < LEAST or is_unknown or planned <= 0.0:
        return None
    return call_usd(plan, to_usd(sum(one.cost_nano for one in paid)) / calls) / planned
