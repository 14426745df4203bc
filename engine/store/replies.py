"""The paid-reply ledger: what was answered and paid, and the worst case of calls under way, against a run's budget.

Knows nothing of HTTP, prices or prompts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, SQLModel, col, delete, func, select

from engine.models.evidence import StageStart
from engine.models.investigation import BatchState, Investigation, PaidBatch, PaidReply, Reservation
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
    """The same call is under way in another slot, process or run: wait for its reply, unless a batch holds it."""

    in_batch: bool = False


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
    """What investigations and judges of stages paid in a stretch of time, by feature: calls, and nano-dollars."""
    found: dict[int, tuple[int, int]] = {}
    for feature_id, run_id in (
        (Investigation.feature_id, Investigation.run_id),
        (StageStart.feature_id, StageStart.key),
    ):
        query = select(feature_id, func.count(), func.coalesce(func.sum(PaidReply.cost_nano), 0)).where(
            PaidReply.run_id == run_id, PaidReply.at >= start, PaidReply.at < end
        )
        for payer, calls, nano in tx.exec(query.group_by(col(feature_id))):
            before = found.get(payer, (0, 0))
            found[payer] = (before[0] + int(calls), before[1] + int(nano or 0))
    return found


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

    Those who reserve for one run wait for each other, and what is paid and held is read in one statement: together
    they never pass the budget. Nobody waits for a reply that is booked meanwhile.
    """
    _wait_for_writers(tx, wanted.run_id)
    paid = tx.get(PaidReply, wanted.key)
    if paid is not None:
        return paid
    under_way = tx.get(Reservation, wanted.key)
    if under_way is not None:
        return Elsewhere(in_batch=bool(under_way.batch))
    spent, held = _spent_and_held(tx, wanted.run_id)
    if spent + held + wanted.amount_nano > budget_nano:
        return Short(spent, held)
    if not _hold(tx, wanted):
        return Elsewhere()
    return _booked_meanwhile(tx, [wanted.key]).get(wanted.key) or Held()


def settle(tx: Session, reply: PaidReply) -> None:
    """Book a reply that arrived and free what was held for it; a reply that is booked already stays as it is."""
    tx.exec(_insert(tx, PaidReply).values(reply.model_dump()))
    release(tx, reply.key)


def release(tx: Session, key: str) -> None:
    """Free what was held for a call that brought no reply."""
    tx.exec(delete(Reservation).where(col(Reservation.key) == key))


def release_lost(tx: Session, run_id: str, *, older_than: datetime) -> int:
    """Free what a dead process held: all of this run, of other runs what is older; the number of calls.

    Whether the endpoint billed those calls is unknown; no reply of theirs arrived. A batch outlives its process.
    """
    lost = (col(Reservation.run_id) == run_id) | (col(Reservation.at) < older_than)
    return tx.exec(delete(Reservation).where(lost, col(Reservation.batch) == "")).rowcount


def hold_batch(tx: Session, batch: PaidBatch, wanted: Sequence[Reservation], *, budget_nano: int) -> list[str]:
    """Hold the worst cases of a batch, in order, as far as its run's budget goes: the keys of the calls that are held.

    Left out are calls that are paid or under way. Nothing is stored where none could be held.
    """
    _wait_for_writers(tx, batch.run_id)
    keys = [one.key for one in wanted]
    taken = set(find(tx, keys)) | {row.key for row in _reservations(tx, keys)}
    left = budget_nano - sum(_spent_and_held(tx, batch.run_id))
    held: list[str] = []
    for one in wanted:
        if one.key in taken:
            continue
        left -= one.amount_nano
        if left < 0:
            break
        if _hold(tx, one):
            held.append(one.key)
    booked = _booked_meanwhile(tx, held)
    held = [key for key in held if key not in booked]
    batch.calls = len(held)
    if held:
        tx.add(batch)
    return held


def in_batches(tx: Session, keys: Sequence[str]) -> set[str]:
    """Those of the calls that some batch holds, whoever's: their replies come when it ends, or never."""
    return {row.key for row in _reservations(tx, keys) if row.batch}


def batches(tx: Session, run_id: str) -> list[PaidBatch]:
    """The batches of a run of which something is left, oldest first."""
    query = select(PaidBatch).where(PaidBatch.run_id == run_id, PaidBatch.state != BatchState.ENDED)
    return list(tx.exec(query.order_by(col(PaidBatch.id))))


def call_off(tx: Session, run_id: str) -> list[PaidBatch]:
    """Note that a run wants nothing more of its batches: those of which something is left."""
    left = batches(tx, run_id)
    for batch in left:
        batch.state = BatchState.CANCELLED
        tx.add(batch)
    tx.flush()
    return left


def called_off(tx: Session, base_url: str) -> list[PaidBatch]:
    """The batches at an endpoint that were called off and may have brought replies before that, oldest first."""
    query = select(PaidBatch).where(PaidBatch.base_url == base_url, PaidBatch.state == BatchState.CANCELLED)
    return list(tx.exec(query.order_by(col(PaidBatch.id))))


def batch_of(tx: Session, token: str) -> PaidBatch:
    """A batch by our name of it."""
    return tx.exec(select(PaidBatch).where(PaidBatch.token == token)).one()


def held_of(tx: Session, token: str) -> dict[str, int]:
    """The worst case in nano-dollars of each call of a batch that has no reply yet, by key."""
    rows = tx.exec(select(Reservation).where(Reservation.batch == token))
    return {row.key: row.amount_nano for row in rows}


def end_batch(tx: Session, token: str) -> None:
    """Nothing comes of a batch any more: what it holds is free, and those calls may be sent again."""
    batch = batch_of(tx, token)
    batch.state = BatchState.ENDED
    tx.add(batch)
    tx.exec(delete(Reservation).where(col(Reservation.batch) == token))


def _wait_for_writers(tx: Session, run_id: str) -> None:
    for payer in (Investigation, Labelling):
        tx.exec(select(payer.id).where(payer.run_id == run_id).with_for_update()).all()
    tx.exec(select(StageStart.id).where(StageStart.key == run_id).with_for_update()).all()


def _reservations(tx: Session, keys: Sequence[str]) -> Iterator[Reservation]:
    for start in range(0, len(keys), _CHUNK):
        yield from tx.exec(select(Reservation).where(col(Reservation.key).in_(keys[start : start + _CHUNK])))


def _hold(tx: Session, wanted: Reservation) -> bool:
    """Write the reservation; false when another run wrote it at the same moment."""
    statement = _insert(tx, Reservation).returning(col(Reservation.key))
    return tx.scalar(statement.values(wanted.model_dump())) is not None


def _insert(tx: Session, table: type[SQLModel]) -> Any:  # noqa: ANN401 (each dialect has a class of its own)
    """An insert that leaves a row of the same key as it is, one that is written at the same moment too."""
    dialect: Any = postgresql if tx.get_bind().dialect.name == "postgresql" else sqlite
    return dialect.insert(table).on_conflict_do_nothing()


def _booked_meanwhile(tx: Session, keys: Sequence[str]) -> dict[str, PaidReply]:
    """Of calls just held, those that somebody else settled between the look at them and the hold, free again.

    Only a look after the hold, which waits for such a settling, sees its reply: PostgreSQL shows each statement a
    newer moment.
    """
    booked = find(tx, keys)
    for key in booked:
        release(tx, key)
    return booked


def _spent_and_held(tx: Session, run_id: str) -> tuple[int, int]:
    """What a run has paid, and holds for calls under way, in nano-dollars, at one moment.

    One statement, since PostgreSQL shows each a newer moment: a reply booked between two would be in neither sum.
    """
    paid = select(func.coalesce(func.sum(PaidReply.cost_nano), 0)).where(PaidReply.run_id == run_id)
    held = select(func.coalesce(func.sum(Reservation.amount_nano), 0)).where(Reservation.run_id == run_id)
    spent, worst = tx.exec(select(paid.scalar_subquery(), held.scalar_subquery())).one()
    return int(spent), int(worst)
