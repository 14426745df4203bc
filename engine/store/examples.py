"""Redacted texts of calls, a fair draw per day, which labels are made from. A re-import moves nothing (bottom-k).

Knows nothing of labels. ``random`` alone is a fair sample; the other strata are what people want to read.
"""

from __future__ import annotations

import heapq
import json
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from sqlmodel import Session, col, delete, select

from engine.models.call import Call, CallRole
from engine.models.spool import Example, Stratum
from engine.rules.evidence import signed
from engine.rules.frame import call_bytes, draw, name_hash
from engine.rules.redact import redact_row

RANDOM_A_DAY = 200
KEPT_A_DAY = {  # of each feature and UTC day (docs/traffic.md)
    Stratum.RANDOM: RANDOM_A_DAY,
    Stratum.UNSURE: 50,
    Stratum.INVALID: 50,
    Stratum.NEGATIVE: 500,
    Stratum.DIFFERS: 100,
    Stratum.ALL: 5_000,
}
_CHUNK = 500  # values in one statement
LONGEST = 32_768  # characters of an input; a longer one fits no label row (docs/labels.md)
_SIGNED = 2**63  # a draw is 64 bits without a sign, the column has one: the order stays


@dataclass(frozen=True)
class Drawn:
    """One example's text as it was stored, redacted: the call (32 hex digits), what was asked and what was answered."""

    call: str
    input: str
    output: str


class Wanted:
    """Whether the texts of a call may be kept: of those asked about, it has one of the smallest draws of its day."""

    def __init__(self, slug: str) -> None:
        self._slug = slug
        self._days: dict[str, list[int]] = {}

    def __call__(self, call: Call) -> bool:
        """Ask about one call."""
        if not _is_fit(call):
            return False
        day = call.at.astimezone(UTC).date().isoformat()
        kept = self._days.setdefault(day, [])
        number = -draw(self._slug, day, call_bytes(call.id))
        if len(kept) < RANDOM_A_DAY:
            heapq.heappush(kept, number)
            return True
        if number <= kept[0]:
            return False
        heapq.heapreplace(kept, number)
        return True


def keep(tx: Session, feature_id: int, slug: str, calls: Iterable[Call]) -> int:
    """Keep the texts of the calls with each day's smallest draws; how many were kept of these.

    Calls without a text, that failed, or that were no answers to a person, are passed over.
    """
    return offer(tx, [_example(feature_id, slug, call) for call in calls if _is_fit(call)])


def offer(tx: Session, rows: Iterable[Example]) -> int:
    """Keep of each feature, UTC day and stratum the rows with the smallest draws; how many were kept of these.

    Two rows of one call are one: the first stays.
    """
    places: dict[tuple[int, date, Stratum], list[Example]] = {}
    for row in rows:
        places.setdefault((row.feature_id, row.day, row.stratum), []).append(row)
    return sum(_keep_day(tx, *place, offered=places[place]) for place in sorted(places))


def of_call(tx: Session, feature_id: int, call: str) -> Example | None:
    """A call's text, in whatever stratum it was kept."""
    return tx.exec(select(Example).where(Example.feature_id == feature_id, Example.call == call).limit(1)).first()


def of_feature(tx: Session, feature_id: int) -> Iterator[Example]:
    """All examples of a feature, by day, stratum and draw, a few at a time."""
    query = select(Example).where(Example.feature_id == feature_id)
    yield from tx.exec(
        query.order_by(col(Example.day), col(Example.stratum), col(Example.draw), col(Example.call)).execution_options(
            yield_per=200
        )
    )


def made(
    feature_id: int,
    slug: str,
    stratum: Stratum,
    *,
    call: bytes,
    at: datetime,
    served: str,
    model: str,
    body: dict[str, Any],
) -> Example:
    """A row to offer; ``body`` is redacted already. Its draw is the same in whatever stratum and on every machine."""
    day = at.astimezone(UTC).date()
    return Example(
        feature_id=feature_id,
        day=day,
        stratum=stratum,
        draw=draw(slug, day.isoformat(), call) - _SIGNED,
        call=call.hex(),
        at=at,
        served=served,
        model=model,
        body=zlib.compress(json.dumps(body, ensure_ascii=False).encode()),
    )


def body_of(row: Example) -> dict[str, Any]:
    """What is kept of a call: ``input``, ``output``, and for the gateway's ``messages``."""
    return json.loads(zlib.decompress(row.body))


def forget(tx: Session, unit: int, calls: Sequence[str]) -> int:
    """Drop the examples of a unit, and those of calls; how many that were."""
    gone = tx.exec(delete(Example).where(col(Example.unit) == unit)).rowcount
    for start in range(0, len(calls), _CHUNK):
        gone += tx.exec(delete(Example).where(col(Example.call).in_(calls[start : start + _CHUNK]))).rowcount
    return gone


def prune(tx: Session, feature_id: int, before: date) -> int:
    """Drop a feature's examples of days that are too old; how many that were."""
    return tx.exec(delete(Example).where(col(Example.feature_id) == feature_id, col(Example.day) < before)).rowcount


def drawn(tx: Session, feature_id: int, stratum: Stratum = Stratum.RANDOM, *, since: date | None = None) -> list[Drawn]:
    """All texts of a stratum (since a day) by their draw: the first n are a fair sample of what was captured."""
    query = select(Example).where(Example.feature_id == feature_id, Example.stratum == stratum)
    if since is not None:
        query = query.where(Example.day >= since)
    found: list[Drawn] = []
    for row in tx.exec(query.order_by(col(Example.draw), col(Example.call))):
        body = body_of(row)
        if isinstance(body.get("input"), str) and body["input"].strip():
            found.append(Drawn(row.call, body["input"], str(body.get("output") or "")))
    return found


def recent(tx: Session, feature_id: int, since: date, most: int) -> list[tuple[date, str]]:
    """The day and input of at most so many texts since a day, a fair sample of them all."""
    query = select(Example).where(
        Example.feature_id == feature_id, Example.stratum == Stratum.RANDOM, Example.day >= since
    )
    rows = tx.exec(query.order_by(col(Example.draw), col(Example.call)).limit(most))
    return [(row.day, str(body_of(row).get("input") or "")) for row in rows]


def _is_fit(call: Call) -> bool:
    text = call.input or ""
    return call.role is CallRole.ANSWER and call.status < 400 and bool(text.strip()) and len(text) <= LONGEST


def _keep_day(tx: Session, feature_id: int, day: date, stratum: Stratum, *, offered: Sequence[Example]) -> int:
    mine = (col(Example.feature_id) == feature_id, col(Example.day) == day, col(Example.stratum) == stratum)
    stored = set(tx.exec(select(Example.draw, Example.call).where(*mine)))
    fresh: dict[tuple[int, str], Example] = {}
    for row in offered:
        if (row.draw, row.call) not in stored:
            fresh.setdefault((row.draw, row.call), row)
    smallest = set(sorted(stored | fresh.keys())[: KEPT_A_DAY[stratum]])
    gone = [call for _, call in stored - smallest]
    for start in range(0, len(gone), _CHUNK):
        tx.exec(delete(Example).where(*mine, col(Example.call).in_(gone[start : start + _CHUNK])))
    kept = [row for place, row in fresh.items() if place in smallest]
    tx.add_all(kept)
    tx.flush()
    return len(kept)


def _example(feature_id: int, slug: str, call: Call) -> Example:
    asked, said = redact_row([call.input or "", call.output or ""]).texts
    row = made(
        feature_id,
        slug,
        Stratum.RANDOM,
        call=call_bytes(call.id),
        at=call.at,
        served=call.assigned,
        model=call.model,
        body={"input": asked, "output": said},
    )
    row.unit = signed(name_hash(call.unit))
    return row
