"""The paid-reply ledger: what was answered and paid, and the worst case of calls under way, against a run's budget.

Knows nothing of HTTP, prices or prompts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col, delete, func, select

from engine.models.investigation import Investigation, PaidReply, Reservation
from engine.models.labelling import Labelling

_CHUNK = 500  # keys in one statement; SQLite's oldest limit is 999


@dataclass(frozen=True)
class Bill:
    """Every paid reply of a run; replies reused from earlier runs are on the bill of the run that paid."""

    paid_calls: int
    input_tokens: int
    output_tokens: int
    nano_usd: int


@dataclass(frozen=True)
class Held:
    """The worst case of a call is reserved: it may be sent."""


@dataclass(frozen=True)
class Elsewhere:
    """The same call is under way in another slot, process or run: wait for its reply."""


@dataclass(frozen=True)
class Short:
    """The budget does not cover the worst case: nano-dollars paid, and reserved for calls still under way."""

    paid_nano: int
    held_nano: int


Reserved = PaidReply | Held | Elsewhere | Short


def bill(tx: Session, run_id: str) -> Bill:
    """What a run has paid."""
    sums = tx.exec(
        select(
            func.count(),
            func.coalesce(func.sum(PaidReply.tokens_in), 0),
            func.coalesce(func.sum(PaidReply.tokens_out), 0),
            func.coalesce(func.sum(PaidReply.cost_nano), 0),
        ).where(PaidReply.run_id == run_id)
    ).one()
    return Bill(*(int(figure or 0) for figure in sums))


def spent(tx: Session, start: datetime, end: datetime) -> dict[int, tuple[int, int]]:
    """What investigations paid in a stretch of time, by feature: calls, and nano-dollars."""
    rows = tx.exec(
        select(Investigation.feature_id, func.count(), func.coalesce(func.sum(PaidReply.cost_nano), 0))
        .where(PaidReply.run_id == Investigation.run_id, PaidReply.at >= start, PaidReply.at < end)
        .group_by(col(Investigation.feature_id))
    )
    return {feature_id: (int(calls), int(nano or 0)) for feature_id, calls, nano in rows}


def span(tx: Session, run_id: str) -> tuple[datetime, datetime] | None:
    """When a run's first and last paid replies arrived; none where it paid for none."""
    mine = select(PaidReply.at).where(PaidReply.run_id == run_id)
    first = tx.exec(mine.order_by(col(PaidReply.at)).limit(1)).first()
    last = tx.exec(mine.order_by(col(PaidReply.at).desc()).limit(1)).first()
    return (first, last) if first and last else None


def find(tx: Session, keys: Sequence[str]) -> dict[str, PaidReply]:
    """The replies there are already, by key."""
    found: dict[str, PaidReply] = {}
    for start in range(0, len(keys), _CHUNK):
        chunk = keys[start : start + _CHUNK]
        found |= {row.key: row for row in tx.exec(select(PaidReply).where(col(PaidReply.key).in_(chunk)))}
    return found


def reserve(tx: Session, wanted: Reservation, *, budget_nano: int) -> Reserved:
    """Hold the worst case of a call against its run's budget, or say why it must not be sent.

    The sums and the reservation are one transaction, and writers of one run wait for each other: what is paid and
    held never passes the budget.
    """
    for payer in (Investigation, Labelling):
        tx.exec(select(payer.id).where(payer.run_id == wanted.run_id).with_for_update()).all()
    paid = tx.get(PaidReply, wanted.key)
    if paid is not None:
        return paid
    if tx.get(Reservation, wanted.key) is not None:
        return Elsewhere()
    spent, held = bill(tx, wanted.run_id).nano_usd, _held(tx, wanted.run_id)
    if spent + held + wanted.amount_nano > budget_nano:
        return Short(spent, held)
    if not _hold(tx, wanted):
        return Elsewhere()
    # Another thread may have settled this very call between the look above and the hold: only a look after the hold,
    # which waits for such a settling, sees its reply (PostgreSQL shows each statement a newer moment).
    arrived = find(tx, [wanted.key]).get(wanted.key)
    if arrived is not None:
        release(tx, wanted.key)
        return arrived
    return Held()


def settle(tx: Session, reply: PaidReply) -> None:
    """Book a reply that arrived and free what was held for it; a reply that is booked already stays as it is."""
    if tx.get(PaidReply, reply.key) is None:
        tx.add(reply)
    release(tx, reply.key)


def release(tx: Session, key: str) -> None:
    """Free what was held for a call that brought no reply."""
    tx.exec(delete(Reservation).where(col(Reservation.key) == key))


def release_lost(tx: Session, run_id: str, *, older_than: datetime) -> int:
    """Free what a dead process held: all of this run, of other runs what is older; the number of calls.

    Whether the endpoint billed those calls is unknown; no reply of theirs arrived.
    """
    lost = (col(Reservation.run_id) == run_id) | (col(Reservation.at) < older_than)
    return tx.exec(delete(Reservation).where(lost)).rowcount


def _hold(tx: Session, wanted: Reservation) -> bool:
    """Write the reservation; false when another run wrote it at the same moment."""
    dialect = postgresql if tx.get_bind().dialect.name == "postgresql" else sqlite
    statement = dialect.insert(Reservation).on_conflict_do_nothing().returning(col(Reservation.key))
    return tx.scalar(statement.values(wanted.model_dump())) is not None


def _held(tx: Session, run_id: str) -> int:
    query = select(func.coalesce(func.sum(Reservation.amount_nano), 0)).where(Reservation.run_id == run_id)
    return int(tx.exec(query).one())
