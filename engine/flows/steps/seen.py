"""A reading as people see it, and as it is kept: append only, with the policy and the prices it was judged by.

Decides nothing: ``engine.flows.steps.reading`` measured it.
"""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

from engine.flows.steps.reading import FACTS_OF, Measured, measure
from engine.flows.steps.signed import SIGNABLE
from engine.models.base import Value
from engine.models.feature import Feature, is_simulated
from engine.models.reading import StoredReading
from engine.models.statement import Statement
from engine.rules.facts import PROBES, Facts
from engine.rules.readiness import Condition, Status
from engine.services import Services
from engine.store import features, readings
from engine.store.database import Tx

DECIDING = {"STAY": "fail", "NEED_EVIDENCE": "unknown"}  # which conditions speak for each answer

_DRILL = " Drill a rollback: /assay rollout {} drill."


class Signature(Value):
    """Who signed what, when (a day) and until when; ``approved_by`` is of an override that has begun."""

    subject: str
    answer: str = ""
    by: str
    on: str
    until: str = ""
    approved_by: str = ""
    reason: str


class ConditionView(Value):
    """One condition: its words, where its facts come from, who signed for it, and the facts a person may sign.

    ``same_as`` names an earlier condition that asks the same facts.
    """

    name: str
    status: str
    value: str
    threshold: str
    how_to_fix: str
    sources: tuple[str, ...] = ()
    signed: tuple[Signature, ...] = ()
    missing: tuple[str, ...] = ()
    same_as: str = ""
    override: Signature | None = None


class MoneyView(Value):
    """The money of a model nobody has trained, in US dollars; NPVs are over ``months``, low and high at 10 and 90 %."""

    month_saving_usd: float
    npv_usd: float
    npv_low_usd: float
    npv_median_usd: float
    npv_high_usd: float
    payback_months: float | None
    months: int


class ChangeView(Value):
    """A condition whose status is another than at the last reading."""

    name: str
    was: str
    now: str


class BeforeView(Value):
    """The last reading that was kept: when (a day), by whom, what it said, and what is another now.

    ``policy_changed``: it was judged by another policy; ``run_id`` is of the investigation that began with it.
    """

    on: str
    by: str
    outcome: str
    run_id: str = ""
    policy_changed: bool = False
    changes: tuple[ChangeView, ...] = ()


class ReadingView(Value):
    """A reading as people see it. ``outcome`` is STAY, NEED_EVIDENCE or INVESTIGATE; None is unknown.

    ``before`` is the last reading that was kept, none before the first.
    """

    slug: str
    outcome: str
    conditions: tuple[ConditionView, ...]
    next_measurement: str
    model: str
    simulated: bool
    month_spend_usd: float | None = None
    money: MoneyView | None = None
    price_snapshot: str
    policy: str
    before: BeforeView | None = None


def view(tx: Tx, services: Services, feature: Feature, measured: Measured | None = None) -> ReadingView:
    """A feature's reading as it is known now, beside the last one that was kept."""
    found = measured or measure(tx, services, feature)
    model = features.baseline(tx, feature.id or 0).model
    return ReadingView(
        slug=feature.slug,
        outcome=found.reading.outcome,
        conditions=tuple(_condition(feature.slug, found, one) for one in found.reading.conditions),
        next_measurement=found.reading.next_measurement,
        model=model,
        simulated=is_simulated(model),
        month_spend_usd=found.facts.month_spend_usd,
        money=_money(found),
        price_snapshot=found.price_snapshot,
        policy=found.policy.sha,
        before=_before(readings.newest(tx, feature.id or 0), found),
    )


def keep(
    tx: Tx, services: Services, feature: Feature, found: Measured, *, by: str, run_id: str | None = None
) -> StoredReading:
    """Keep a reading as it is, with the policy it was judged by; ``run_id`` is of the investigation it begins."""
    return readings.add(
        tx,
        StoredReading(
            feature_id=feature.id or 0,
            run_id=run_id,
            by=by,
            at=services.clock.now(),
            outcome=found.reading.outcome,
            conditions={one.name: str(one.status) for one in found.reading.conditions},
            facts={name: _plain(value) for name, value in asdict(found.facts).items()},
            policy_hash=found.policy.sha,
            price_snapshot=found.price_snapshot,
        ),
    )


def of_run(tx: Tx, run_id: str) -> dict[str, Any] | None:
    """The reading an investigation began with, as its decision record names it."""
    row = readings.of_run(tx, run_id)
    if row is None:
        return None
    deciding = DECIDING.get(row.outcome)
    return {
        "id": row.id,
        "at": row.at.isoformat().replace("+00:00", "Z"),
        "outcome": row.outcome,
        "names": [name for name, status in row.conditions.items() if status == deciding],
        "policy_hash": row.policy_hash,
        "price_snapshot": row.price_snapshot,
    }


def _before(row: StoredReading | None, found: Measured) -> BeforeView | None:
    if row is None:
        return None
    now = {one.name: str(one.status) for one in found.reading.conditions}
    changed = [name for name, status in now.items() if row.conditions.get(name, "") not in ("", status)]
    return BeforeView(
        on=f"{row.at:%Y-%m-%d}",
        by=row.by,
        outcome=row.outcome,
        run_id=row.run_id or "",
        policy_changed=row.policy_hash != found.policy.sha,
        changes=tuple(ChangeView(name=name, was=row.conditions[name], now=now[name]) for name in changed),
    )


def _plain(value: Any) -> Any:  # noqa: ANN401 (a fact)
    """JSON has no infinity: a volume that never pays is none."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _condition(slug: str, found: Measured, one: Condition) -> ConditionView:
    names = FACTS_OF[one.name]
    override = found.overrides.get(one.name) or found.asked.get(one.name)
    return ConditionView(
        name=one.name,
        status=one.status,
        value=one.value,
        threshold=one.threshold,
        how_to_fix=one.how_to_fix + (_DRILL.format(slug) if "rollback_drilled" in one.how_to_fix else ""),
        sources=tuple(dict.fromkeys(found.sources[name] for name in names if name in found.sources)),
        signed=tuple(_signature(found.answers[name]) for name in names if name in found.answers),
        missing=tuple(name for name in names if one.status is Status.UNKNOWN and _is_missing(found.facts, name)),
        same_as="narrow" if one.name == "broad" else "",
        override=None if override is None or one.status is Status.PASS else _signature(override),
    )


def _is_missing(facts: Facts, name: str) -> bool:
    if name not in SIGNABLE:
        return False
    return ((facts.probes or {}).get(name) if name in PROBES else getattr(facts, name)) is None


def _money(found: Measured) -> MoneyView | None:
    if found.prospect is None:
        return None
    money = found.prospect.money
    return MoneyView(
        month_saving_usd=money.month_saving_usd,
        npv_usd=money.npv_usd,
        npv_low_usd=money.simulation.npv_low_usd,
        npv_median_usd=money.simulation.npv_median_usd,
        npv_high_usd=money.simulation.npv_high_usd,
        payback_months=money.payback_months if math.isfinite(money.payback_months) else None,
        months=found.policy.cost.months,
    )


def _signature(row: Statement) -> Signature:
    return Signature(
        subject=row.condition,
        answer=row.answer,
        by=row.by,
        on=f"{row.at:%Y-%m-%d}",
        until=f"{row.expires_at:%Y-%m-%d}" if row.expires_at else "",
        approved_by=row.approved_by,
        reason=row.reason,
    )  # fmt: skip
