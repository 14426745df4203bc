"""Which calls of logs, and which files, were counted already: the reason importing twice changes nothing.

A call is known by a 64-bit hash for 35 days after it was counted, then only by its file. Knows nothing of sums.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from sqlalchemy import text
from sqlmodel import Session, col, delete, func, select

from engine.models.call import Call, CallRole, ImportedFile, SeenCall
from engine.models.feature import Feature

KEPT = timedelta(days=35)

# One statement for a whole block, whatever its size; ours stay known, and what is given back was not known before.
_TAKE = {
    "sqlite": "INSERT INTO seen_call (hash, day) SELECT value, :day FROM json_each(:hashes) WHERE true"
    " ON CONFLICT DO NOTHING RETURNING hash",
    "postgresql": "INSERT INTO seen_call (hash, day)"
    " SELECT CAST(value AS bigint), CAST(:day AS date) FROM json_array_elements_text(CAST(:hashes AS json)) AS value"
    " ON CONFLICT DO NOTHING RETURNING hash",
}
_LOOK = {
    "sqlite": "SELECT hash FROM seen_call WHERE hash IN (SELECT value FROM json_each(:hashes))",
    "postgresql": "SELECT hash FROM seen_call WHERE hash IN"
    " (SELECT CAST(value AS bigint) FROM json_array_elements_text(CAST(:hashes AS json)) AS value)",
}


@dataclass(frozen=True)
class Sorted:
    """The calls of a block: ``fresh`` ones count, ``known`` ones were counted before, ``old`` ones nobody can tell.

    The tries of one answer have their roles: the last of them is the answer, the others failed. ``each`` are all calls
    of the block that are not old, once.
    """

    fresh: list[Call]
    known: int
    old: int = 0
    each: Sequence[Call] = ()


def take(
    tx: Session, feature_id: int, calls: Sequence[Call], *, source: str, day: date, forgotten: datetime | None = None
) -> Sorted:
    """Remember the calls of a block, and say which of them nobody had seen.

    Calls up to ``forgotten`` that are not known may have been counted by a file whose calls are forgotten: they are
    ``old``, and not remembered. ``day`` is today.
    """
    tx.exec(select(Feature.id).where(Feature.id == feature_id).with_for_update()).all()  # one writer per feature
    by_hash, old = _by_hash(tx, feature_id, calls, source=source, forgotten=forgotten)
    ours = set(_run(tx, _TAKE, sorted(by_hash), day=day))
    fresh = [call for number, call in by_hash.items() if number in ours]
    answered = _answers(feature_id, source, fresh)
    counted = answered.keys() - set(_run(tx, _TAKE, sorted(answered), day=day))
    spoken = {answered[number] for number in counted}
    return Sorted(_with_roles(fresh, spoken), len(calls) - old - len(fresh), old, tuple(by_hash.values()))


def look(
    tx: Session, feature_id: int, calls: Sequence[Call], *, source: str, forgotten: datetime | None = None
) -> Sorted:
    """As ``take``, and nothing is remembered."""
    by_hash, old = _by_hash(tx, feature_id, calls, source=source, forgotten=forgotten)
    known = set(_run(tx, _LOOK, sorted(by_hash)))
    fresh = [call for number, call in by_hash.items() if number not in known]
    return Sorted(fresh, len(calls) - old - len(fresh), old)


def file_of(tx: Session, feature_id: int, source: str, sha256: str) -> ImportedFile | None:
    """The file with this content, if it was counted whole."""
    return tx.exec(
        select(ImportedFile).where(
            ImportedFile.feature_id == feature_id, ImportedFile.source == source, ImportedFile.sha256 == sha256
        )
    ).one_or_none()


def add_file(tx: Session, file: ImportedFile) -> None:
    """Remember a file that was counted whole; the same again moves nothing."""
    if file_of(tx, file.feature_id, file.source, file.sha256) is None:
        tx.add(file)
        tx.flush()


def forget(tx: Session, today: date) -> int:
    """Forget calls that were counted over 35 days ago; how many."""
    return tx.exec(delete(SeenCall).where(col(SeenCall.day) < today - KEPT)).rowcount


def forgotten_until(tx: Session, feature_id: int, source: str, now: datetime) -> datetime | None:
    """The newest call of files whose single calls are forgotten by now; none when there is no such file."""
    query = select(func.max(ImportedFile.newest)).where(
        ImportedFile.feature_id == feature_id, ImportedFile.source == source, ImportedFile.at < now - KEPT
    )
    return tx.exec(query).one()


def _by_hash(
    tx: Session, feature_id: int, calls: Sequence[Call], *, source: str, forgotten: datetime | None
) -> tuple[dict[int, Call], int]:
    """Each call once by its hash, less those that are too old to tell, and how many these are.

    Of rows that share an id the one that says most counts, in whatever order they stand.
    """
    by_hash: dict[int, Call] = {}
    for call in calls:
        number = _hash(source, feature_id, call.id)
        other = by_hash.get(number)
        by_hash[number] = call if other is None else max(other, call, key=_said)
    if forgotten is None:
        return by_hash, 0
    early = sorted(number for number, call in by_hash.items() if call.at <= forgotten)
    unknown = set(early) - set(_run(tx, _LOOK, early))
    return {number: call for number, call in by_hash.items() if number not in unknown}, len(unknown)


def _answers(feature_id: int, source: str, fresh: Sequence[Call]) -> dict[int, str]:
    """The answers that may have several tries, by hash."""
    ids = {call.answer_id for call in fresh if _is_try(call)}
    return {_hash(source, feature_id, f"\0answer\0{answer_id}"): answer_id for answer_id in ids}


def _with_roles(fresh: Sequence[Call], spoken: set[str]) -> list[Call]:
    """The calls, of each answer all but the last as failed tries; all, where the answer was counted before."""
    last: dict[str, Call] = {}
    for call in fresh:
        if _is_try(call) and call.answer_id not in spoken:
            other = last.get(call.answer_id)
            last[call.answer_id] = call if other is None else max(other, call, key=_moment)
    return [call if not _is_try(call) or last.get(call.answer_id) is call else _failed(call) for call in fresh]


def _said(call: Call) -> tuple[object, ...]:
    """What a row says, to be compared with another of the same id: later, dearer and longer is more."""
    tokens = call.input_tokens, call.output_tokens, call.cached_tokens, call.reasoning_tokens, call.cache_write_tokens
    times = call.latency_ms or -1.0, call.ttft_ms or -1.0
    billed = -1 if call.billed_nano is None else call.billed_nano
    texts = len(call.input or ""), len(call.output or ""), call.input or "", call.output or ""
    return call.at, call.status, *tokens, billed, *times, call.model, call.unit, *texts


def _is_try(call: Call) -> bool:
    return call.role is CallRole.ANSWER and call.answer_id not in ("", call.id)


def _moment(call: Call) -> tuple[datetime, str]:
    return call.at, call.id


def _failed(call: Call) -> Call:
    return replace(call, role=CallRole.FAILED)


def _hash(source: str, feature_id: int, call_id: str) -> int:
    name = f"{source}\0{feature_id}\0{call_id}"
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "big", signed=True)


def _run(tx: Session, statements: dict[str, str], hashes: Sequence[int], *, day: date | None = None) -> Sequence[int]:
    if not hashes:
        return ()
    statement = text(statements[tx.get_bind().dialect.name])
    told = {"hashes": json.dumps(hashes)} | ({"day": day.isoformat()} if day else {})
    return tx.connection().execute(statement, told).scalars().all()
