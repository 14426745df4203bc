"""Read whether a feature is worth an investigation, sign what only people know, and override a condition by two."""

from __future__ import annotations

import difflib
import math

from engine.desk import Desk
from engine.errors import Conflict, Invalid, NotAllowed, NotReady
from engine.flows.steps.reading import FACTS_OF, Measured, measure
from engine.flows.steps.signed import SIGNABLE, answer_of
from engine.models.actor import Actor, Role
from engine.models.base import Value
from engine.models.feature import Feature, is_simulated
from engine.models.mail import Once
from engine.models.statement import Statement, StatementKind
from engine.rules.facts import PROBES, Facts
from engine.rules.readiness import Condition, Status
from engine.store import deeds, features, mail, roles, statements
from engine.store.database import Tx

DAYS = 90  # how long a signature counts where nobody says
REASON_LEAST, REASON_MOST = 10, 500
NEVER_OVERRIDDEN = "worth"
OVERRIDABLE = tuple(name for name in FACTS_OF if name != NEVER_OVERRIDDEN)


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


class ReadingView(Value):
    """A reading as people see it. ``outcome`` is STAY, NEED_EVIDENCE or INVESTIGATE; None is unknown."""

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


def read(desk: Desk, slug: str) -> ReadingView:
    """Read a feature as it is known now. Raises ``NotFound``."""
    with desk.services.database.read() as tx:
        return _view(desk, tx, features.by_slug(tx, slug))


def sign(
    desk: Desk,
    actor: Actor,
    slug: str,
    *,
    fact: str,
    value: str,
    reason: str,
    days: int = DAYS,
    once: Once | None = None,
) -> ReadingView:
    """Sign for a fact nobody can measure; the newest signature counts until its days are over.

    Raises ``Invalid`` for another fact, a value that cannot be, a short reason or days out of 1 to 90.
    """
    _known(fact, "fact", tuple(SIGNABLE))
    answer = answer_of(fact, value)
    said = _reason(reason)
    with desk.services.database.write() as tx:
        mail.take(tx, desk.services.clock, once)
        feature = features.by_slug(tx, slug)
        row = _statement(desk, feature, actor, StatementKind.ANSWER, subject=fact, reason=said, days=_days(days))
        row.answer = answer
        statements.begin(tx, statements.add(tx, row), at=row.at)
        _deed(desk, tx, actor, "sign", feature=feature, row=row)
        return _view(desk, tx, feature)


def override(
    desk: Desk,
    actor: Actor,
    slug: str,
    *,
    condition: str,
    reason: str,
    days: int = DAYS,
    once: Once | None = None,
) -> ReadingView:
    """Ask to go on in spite of a condition; it counts once an approver says so.

    Raises ``Invalid`` for ``worth``, which never is overridden, ``NotReady`` for a condition that passes.
    """
    if condition == NEVER_OVERRIDDEN:
        raise Invalid(
            "worth can never be overridden: the team's own figures say it does not pay.",
            hint="Correct the figures with /assay settings and /assay settings prices.",
        )
    _known(condition, "condition", OVERRIDABLE)
    said = _reason(reason)
    with desk.services.database.write() as tx:
        mail.take(tx, desk.services.clock, once)
        feature = features.by_slug(tx, slug)
        _refuse_passing(desk, tx, feature, condition)
        row = _statement(desk, feature, actor, StatementKind.OVERRIDE, subject=condition, reason=said, days=_days(days))
        statements.add(tx, row)
        _deed(desk, tx, actor, "ask override", feature=feature, row=row)
        return _view(desk, tx, feature)


def approve(desk: Desk, actor: Actor, slug: str, *, condition: str, once: Once | None = None) -> ReadingView:
    """Let a requested override begin. Raises ``NotAllowed`` for who asked or is no approver, ``NotReady`` for none."""
    _known(condition, "condition", OVERRIDABLE)
    with desk.services.database.write() as tx:
        mail.take(tx, desk.services.clock, once)
        feature = features.by_slug(tx, slug)
        row = statements.newest(tx, feature.id or 0, StatementKind.OVERRIDE).get(condition)
        if row is None:
            raise NotReady(
                f"Nobody asked to override {condition} of {slug}.",
                hint=f'Ask: /assay ready {slug} override condition={condition} days=60 reason="…"',
            )
        if row.approved_by:
            raise Conflict(
                f"<@{row.approved_by}> approved this already. Nothing was changed.", people=(row.approved_by,)
            )
        _refuse_person(tx, feature, row, actor)
        statements.begin(tx, row, approved_by=actor.id, at=desk.services.clock.now())
        _deed(desk, tx, actor, "approve override", feature=feature, row=row)
        return _view(desk, tx, feature)


def _view(desk: Desk, tx: Tx, feature: Feature) -> ReadingView:
    found = measure(tx, desk.services, feature)
    model = features.baseline(tx, feature.id or 0).model
    return ReadingView(
        slug=feature.slug,
        outcome=found.reading.outcome,
        conditions=tuple(_condition(found, one) for one in found.reading.conditions),
        next_measurement=found.reading.next_measurement,
        model=model,
        simulated=is_simulated(model),
        month_spend_usd=found.facts.month_spend_usd,
        money=_money(found),
        price_snapshot=found.price_snapshot,
        policy=found.policy.sha,
    )


def _condition(found: Measured, one: Condition) -> ConditionView:
    names = FACTS_OF[one.name]
    override = found.overrides.get(one.name) or found.asked.get(one.name)
    return ConditionView(
        name=one.name,
        status=one.status,
        value=one.value,
        threshold=one.threshold,
        how_to_fix=one.how_to_fix,
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


def _statement(
    desk: Desk, feature: Feature, actor: Actor, kind: StatementKind, *, subject: str, reason: str, days: int
) -> Statement:
    return Statement(
        feature_id=feature.id or 0,
        kind=kind,
        condition=subject,
        reason=reason,
        by=actor.id,
        at=desk.services.clock.now(),
        days=days,
    )


def _known(word: str, key: str, known: tuple[str, ...]) -> None:
    if word in known:
        return
    near = difflib.get_close_matches(word, known, n=1, cutoff=0)[0]
    raise Invalid(f"{key} is {word[:40]!r}; nearest: {near}.", hint=f"One of: {', '.join(known)}.")


def _reason(reason: str) -> str:
    said = " ".join(reason.split())
    if REASON_LEAST <= len(said) <= REASON_MOST:
        return said
    raise Invalid(
        f"The reason has {len(said)} characters; {REASON_LEAST} to {REASON_MOST} are needed.",
        hint='Say how it is known: reason="…"',
    )


def _days(days: int) -> int:
    if 1 <= days <= DAYS:
        return days
    raise Invalid(f"days is {days}; a signature lasts 1 to {DAYS} days.", hint="Sign again when it runs out: days=90")


def _refuse_passing(desk: Desk, tx: Tx, feature: Feature, condition: str) -> None:
    conditions = measure(tx, desk.services, feature).reading.conditions
    if any(one.name == condition and one.status is Status.PASS for one in conditions):
        raise NotReady(f"{condition} of {feature.slug} passes, so there is nothing to override.")


def _refuse_person(tx: Tx, feature: Feature, row: Statement, actor: Actor) -> None:
    able = tuple(person for person in roles.people(tx, Role.APPROVER, feature.id) if person != row.by)
    named = ", ".join(f"<@{person}>" for person in able) or "nobody yet"
    if actor.id == row.by:
        raise NotAllowed("You asked for this, so somebody else must approve it.", f"Who may: {named}.", people=able)
    if actor.role is Role.OPERATOR or actor.id in able:
        return
    raise NotAllowed(f"Overriding needs the role approver for {feature.slug}.", f"Who has it: {named}.", people=able)


def _deed(desk: Desk, tx: Tx, actor: Actor, verb: str, *, feature: Feature, row: Statement) -> None:
    deeds.record(
        tx,
        desk.services.clock, actor, verb, entity="reading",
        entity_id=f"{feature.slug}/{row.condition}",
        feature_id=feature.id,
        after={"answer": row.answer, "days": row.days, "by": row.by, "approved_by": row.approved_by},
        reason=row.reason,
    )  # fmt: skip
