"""Read whether a feature is worth an investigation, sign what only people know, and override a condition by two."""

from __future__ import annotations

import difflib

from engine.desk import Desk
from engine.errors import Conflict, Invalid, NotAllowed, NotReady
from engine.flows.steps.reading import FACTS_OF, measure
from engine.flows.steps.seen import BeforeView, ChangeView, ConditionView, MoneyView, ReadingView, Signature, keep, view
from engine.flows.steps.signed import SIGNABLE, answer_of
from engine.models.actor import Actor, Role, mentions
from engine.models.feature import Feature
from engine.models.mail import Once
from engine.models.statement import Statement, StatementKind
from engine.rules.readiness import Status
from engine.store import deeds, features, mail, roles, statements
from engine.store.database import Tx

__all__ = ["BeforeView", "ChangeView", "ConditionView", "MoneyView", "ReadingView", "Signature"]
DAYS = 90  # how long a signature counts where nobody says
REASON_LEAST, REASON_MOST = 10, 500
NEVER_OVERRIDDEN = "worth"
OVERRIDABLE = tuple(name for name in FACTS_OF if name != NEVER_OVERRIDDEN)


def read(desk: Desk, slug: str) -> ReadingView:
    """Read a feature as it is known now. Raises ``NotFound``."""
    with desk.services.database.read() as tx:
        return view(tx, desk.services, features.by_slug(tx, slug))


def ask(desk: Desk, actor: Actor, slug: str, *, once: Once | None = None) -> ReadingView:
    """Read a feature for somebody: the reading is kept, and says what changed since the last. Raises ``NotFound``."""
    with desk.services.database.write() as tx:
        mail.take(tx, desk.services.clock, once)
        feature = features.by_slug(tx, slug)
        found = measure(tx, desk.services, feature)
        told = view(tx, desk.services, feature, found)
        keep(tx, desk.services, feature, found, by=actor.id)
        return told


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
        return view(tx, desk.services, feature)


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
        return view(tx, desk.services, feature)


def approve(desk: Desk, actor: Actor, slug: str, *, condition: str, once: Once | None = None) -> ReadingView:
    """Let a requested override begin. Raises ``NotAllowed`` for who asked or is no approver, ``NotReady`` for none."""
    _known(condition, "condition", OVERRIDABLE)
    with desk.services.database.write() as tx:
        mail.take(tx, desk.services.clock, once)
        feature = features.by_slug(tx, slug)
        features.alone(tx, feature.id or 0)
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
        return view(tx, desk.services, feature)


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
    named = mentions(able)
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
