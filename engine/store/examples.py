"""Redacted texts of calls, a fair draw per day, which labels are made from. A re-import moves nothing (bottom-k).

Knows nothing of labels. ``random`` alone is a fair sample; the other strata are what people want to read.
"""

from __future__ import annotations

import heapq
import json
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date

from sqlmodel import Session, col, delete, select

from engine.models.call import Call, CallRole
from engine.models.spool import Example, Stratum
from engine.rules.frame import call_bytes, draw
from engine.rules.redact import redact_row

RANDOM_A_DAY = 200  # docs/engine.md: calls of the random stratum kept per feature and UTC day
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
    days: dict[date, list[tuple[int, str, Call]]] = {}
    for call in calls:
        if _is_fit(call):
            day, raw = call.at.astimezone(UTC).date(), call_bytes(call.id)
            days.setdefault(day, []).append((draw(slug, day.isoformat(), raw) - _SIGNED, raw.hex(), call))
    return sum(_keep_day(tx, feature_id, day, offered) for day, offered in sorted(days.items()))


def drawn(tx: Session, feature_id: int, stratum: Stratum = Stratum.RANDOM) -> list[Drawn]:
    """All texts of a stratum by their draw: the first n of them are a fair sample of what was captured."""
    query = select(Example).where(Example.feature_id == feature_id, Example.stratum == stratum)
    found: list[Drawn] = []
    for row in tx.exec(query.order_by(col(Example.draw), col(Example.call))):
        body = json.loads(zlib.decompress(row.body))
        if isinstance(body.get("input"), str) and body["input"].strip():
            found.append(Drawn(row.call, body["input"], str(body.get("output") or "")))
    return found


def _is_fit(call: Call) -> bool:
    text = call.input or ""
    return call.role is CallRole.ANSWER and call.status < 400 and bool(text.strip()) and len(text) <= LONGEST


def _keep_day(tx: Session, feature_id: int, day: date, offered: Sequence[tuple[int, str, Call]]) -> int:
    known = select(Example.draw, Example.call).where(
        Example.feature_id == feature_id, Example.day == day, Example.stratum == Stratum.RANDOM
    )
    stored = {(number, call) for number, call in tx.exec(known)}
    fresh = {(number, call_id): call for number, call_id, call in offered if (number, call_id) not in stored}
    smallest = set(sorted(stored | fresh.keys())[:RANDOM_A_DAY])
    gone = [call_id for _, call_id in stored - smallest]
    if gone:
        tx.exec(
            delete(Example).where(
                col(Example.feature_id) == feature_id,
                col(Example.day) == day,
                col(Example.stratum) == Stratum.RANDOM,
                col(Example.call).in_(gone),
            )
        )
    kept = [place for place in fresh if place in smallest]
    tx.add_all([_example(feature_id, day, place, fresh[place]) for place in kept])
    tx.flush()
    return len(kept)


def _example(feature_id: int, day: date, place: tuple[int, str], call: Call) -> Example:
    asked, said = redact_row([call.input or "", call.output or ""]).texts
    body = json.dumps({"input": asked, "output": said}, ensure_ascii=False)
    return Example(
        feature_id=feature_id,
        day=day,
        stratum=Stratum.RANDOM,
        draw=place[0],
        call=place[1],
        at=call.at,
        served=call.assigned,
        model=call.model,
        body=zlib.compress(body.encode()),
    )
