"""Inbox, outbox, and which message shows which row. Rows only: what is sent and how is the bot's."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import String, case, cast, literal
from sqlalchemy import select as sql_select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, delete, func, select, update

from engine.clock import Clock
from engine.errors import Repeated
from engine.models.mail import Inbox, MailState, MessageRef, Once, Outbox

KEPT = timedelta(days=7)  # how long a delivery is remembered (docs/slack.md)
PROJECT = "project"  # the method of a row that shows the newest state of an entity
HOMES = "homes"  # the method of a row that has every Home somebody looks at shown anew
HOME = "home"  # the method of a row that shows one person's Home anew; also the entity of a shown Home
FILE = "send_file"  # the method of a row that has a file made and sent to a person
HOMES_WAIT = timedelta(seconds=5)  # changes that come within it are shown together
SEEN_LATELY = timedelta(days=7)  # a Home nobody opened for so long waits until it is opened (docs/slack.md)
WAITING = (MailState.READY, MailState.SENDING, MailState.UNSURE)


def take(tx: Session, clock: Clock, once: Once | None) -> None:
    """Remember a delivery in the transaction of its effect. Raises ``Repeated`` for one that was taken before."""
    if once is None:
        return
    tx.add(Inbox(team=once.team, key=once.key, kind=once.kind, at=clock.now()))
    try:
        tx.flush()
    except IntegrityError as error:
        raise Repeated("This was received already. Nothing was changed.") from error


def is_taken(tx: Session, once: Once) -> bool:
    """Whether a delivery has taken effect."""
    return tx.exec(select(Inbox.id).where(Inbox.team == once.team, Inbox.key == once.key)).first() is not None


def forget_taken(tx: Session, now: datetime) -> None:
    """Drop deliveries that are too old to come again."""
    tx.exec(delete(Inbox).where(col(Inbox.at) < now - KEPT))


def enqueue_projection(tx: Session, clock: Clock, entity: str, entity_id: str, *, kind: str, channel: str) -> None:
    """Have the one message of a row, and the Homes that may show it, show its newest state.

    No message where there is no channel, or where one waits already.
    """
    enqueue_homes(tx, clock)
    if not channel:
        return
    waiting = select(Outbox.id).where(
        Outbox.state == MailState.READY,
        Outbox.method == PROJECT,
        Outbox.entity == entity,
        Outbox.entity_id == entity_id,
        Outbox.kind == kind,
        Outbox.channel == channel,
    )
    if not _will_show(tx, waiting):
        tx.add(_row(clock, channel, PROJECT, entity=entity, entity_id=entity_id, kind=kind))


def enqueue_homes(tx: Session, clock: Clock) -> None:
    """Have every Home that was opened lately shown anew, soon; nothing where there is none, or one such row waits."""
    waiting = select(Outbox.id).where(Outbox.state == MailState.READY, Outbox.method == HOMES)
    if homes(tx, clock.now(), limit=1) and not _will_show(tx, waiting):
        add(tx, clock, "", HOMES, payload={}, delay=HOMES_WAIT)


def enqueue_home(tx: Session, clock: Clock, person: str) -> None:
    """Have one person's Home shown anew, unless that waits already."""
    waiting = select(Outbox.id).where(
        Outbox.state == MailState.READY, Outbox.method == HOME, Outbox.entity_id == person
    )
    if not _will_show(tx, waiting):
        tx.add(_row(clock, "", HOME, entity=HOME, entity_id=person))


def homes(tx: Session, now: datetime, *, limit: int | None = None) -> list[MessageRef]:
    """The Homes that were opened lately: ``ts`` is the hash Slack gave each, ``updated_at`` when it was opened last."""
    query = select(MessageRef).where(MessageRef.entity == HOME, col(MessageRef.updated_at) > now - SEEN_LATELY)
    return list(tx.exec(query.order_by(col(MessageRef.id)).limit(limit)))


def open_home(tx: Session, person: str, at: datetime) -> MessageRef:
    """Note that a person looks at their Home; what it shows."""
    dialect: Any = postgresql if tx.get_bind().dialect.name == "postgresql" else sqlite
    first = MessageRef(entity=HOME, entity_id=person, kind=HOME, channel=person, updated_at=at).model_dump(
        exclude={"id"}
    )
    tx.connection().execute(dialect.insert(MessageRef).values(first).on_conflict_do_nothing())  # opened twice at once
    shown = ref(tx, HOME, person, HOME, channel=person)
    assert shown is not None, "it was just stored"
    shown.updated_at = at
    tx.add(shown)
    tx.flush()
    return shown


def enqueue_post(tx: Session, clock: Clock, channel: str, method: str, *, payload: dict[str, Any]) -> None:
    """Have one call to Slack made; ``payload`` is complete."""
    add(tx, clock, channel, method, payload=payload)


def add(
    tx: Session, clock: Clock, channel: str, method: str, *, payload: dict[str, Any], delay: timedelta = timedelta(0)
) -> Outbox:
    """Store one row that waits its turn; ``delay`` keeps the sender off it for a while."""
    row = _row(clock, channel, method, payload=payload)
    row.not_before += delay
    tx.add(row)
    tx.flush()
    return row


def due(tx: Session, now: datetime, limit: int = 50) -> list[Outbox]:
    """Rows that may go now, oldest first: of each channel the oldest that waits alone, so that order is kept.

    A message that is only updated waits behind its own updates; a row without a channel behind nothing.
    """
    line = case(
        (col(Outbox.channel) == "", literal("row ").concat(cast(Outbox.id, String))),
        (col(MessageRef.ts) != "", literal("shown ").concat(cast(MessageRef.id, String))),
        else_=literal("channel ").concat(Outbox.channel),
    )
    same = (
        (col(MessageRef.entity) == Outbox.entity)
        & (col(MessageRef.entity_id) == Outbox.entity_id)
        & (col(MessageRef.kind) == Outbox.kind)
        & (col(MessageRef.channel) == Outbox.channel)
        & (col(Outbox.method) == PROJECT)
    )
    place = func.row_number().over(partition_by=line, order_by=col(Outbox.id)).label("place")
    waiting = (
        sql_select(col(Outbox.id).label("id"), place)  # pyright: ignore[reportUnknownArgumentType] # SQLAlchemy's own label type
        .outerjoin(MessageRef, same)
        .where(col(Outbox.state).in_(WAITING))
        .subquery()
    )
    query = (
        select(Outbox)
        .join(waiting, waiting.c.id == col(Outbox.id))
        .where(waiting.c.place == 1, col(Outbox.state) != MailState.SENDING, Outbox.not_before <= now)
    )
    return list(tx.exec(query.order_by(col(Outbox.id)).limit(limit)))


def claim(tx: Session, row: Outbox) -> bool:
    """Mark a row as being sent, if nobody else did, and no change is under way that it is to show; one more attempt."""
    mine = select(Outbox.id).where(Outbox.id == row.id, Outbox.state == row.state, Outbox.attempts == row.attempts)
    if tx.exec(mine.with_for_update(skip_locked=True)).first() is None:
        return False
    tx.exec(
        update(Outbox)
        .where(col(Outbox.id) == row.id)
        .values(state=MailState.SENDING, attempts=row.attempts + 1)
        .execution_options(synchronize_session=False)
    )
    return True


def settle(
    tx: Session, row_id: int, state: MailState, *, not_before: datetime | None = None, ts: str = "", error: str = ""
) -> None:
    """Say how sending went; ``not_before`` is when to try again."""
    row = tx.get_one(Outbox, row_id)
    row.state, row.error = state, error
    row.ts = ts or row.ts
    row.not_before = not_before or row.not_before
    tx.add(row)


def recover(tx: Session) -> int:
    """At start-up: what was being sent when a bot died may or may not have arrived. The number of such rows."""
    found = tx.exec(
        update(Outbox)
        .where(col(Outbox.state) == MailState.SENDING)
        .values(state=MailState.UNSURE)
        .execution_options(synchronize_session=False)
    )
    return found.rowcount


def ref(tx: Session, entity: str, entity_id: str, kind: str, *, channel: str) -> MessageRef | None:
    """The message that shows a row in a channel, or none yet."""
    query = select(MessageRef).where(
        MessageRef.entity == entity,
        MessageRef.entity_id == entity_id,
        MessageRef.kind == kind,
        MessageRef.channel == channel,
    )
    return tx.exec(query).one_or_none()


def ref_at(tx: Session, channel: str, ts: str) -> MessageRef | None:
    """What a message in Slack shows, by where it stands."""
    return tx.exec(select(MessageRef).where(MessageRef.channel == channel, MessageRef.ts == ts)).first()


def point(tx: Session, row: Outbox, *, ts: str, sha: str, version: int, at: datetime) -> None:
    """Remember which message shows a row, what was rendered into it and of which version."""
    known = ref(tx, row.entity, row.entity_id, row.kind, channel=row.channel)
    shown = known or MessageRef(
        entity=row.entity, entity_id=row.entity_id, kind=row.kind, channel=row.channel, updated_at=at
    )
    shown.ts, shown.rendered_sha, shown.entity_version, shown.updated_at = ts, sha, version, at
    tx.add(shown)


def depth(tx: Session) -> tuple[int, datetime | None, int]:
    """How many rows wait, when the oldest of them was made, and how many are dead."""
    count, oldest = tx.exec(
        select(func.count(), func.min(Outbox.created_at)).where(col(Outbox.state).in_(WAITING))
    ).one()
    dead = tx.exec(select(func.count()).where(Outbox.state == MailState.DEAD)).one()
    return count, oldest, dead


def shut_out(tx: Session) -> dict[str, str]:
    """Channels with messages that wait though they were tried, each with why."""
    query = select(Outbox.channel, Outbox.error).where(
        col(Outbox.state).in_(WAITING), Outbox.channel != "", Outbox.error != "", Outbox.attempts > 0
    )
    return dict(tx.exec(query.order_by(col(Outbox.id))).all())


def _will_show(tx: Session, waiting: Any) -> bool:  # noqa: ANN401 (a query's own type)
    """Whether a row waits that is sent after this transaction: until its end nobody claims it.

    A row that somebody else holds on PostgreSQL may be sent before, and would show what was.
    """
    return tx.exec(waiting.limit(1).with_for_update(skip_locked=True)).first() is not None


def _row(clock: Clock, channel: str, method: str, **rest: Any) -> Outbox:  # noqa: ANN401 (Outbox's own fields)
    now = clock.now()
    return Outbox(uid=str(uuid4()), channel=channel, method=method, not_before=now, created_at=now, **rest)


def by_id(tx: Session, row_id: int) -> Outbox:
    """A row by its id."""
    return tx.get_one(Outbox, row_id)
