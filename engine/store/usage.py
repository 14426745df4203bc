"""Hourly sums and latency histograms of production calls, kept for ever; a call is counted once by its id.

Knows nothing of log formats or price lists: it is given calls and what they cost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import bindparam, insert, update
from sqlalchemy import select as sql_select
from sqlmodel import Session, col, delete, func, select

from engine.models.call import BATCH, SUMMED, Call, CallRole, HourlyUsage
from engine.rules import histogram
from engine.rules.calendar import bounds
from engine.rules.hours import HISTOGRAMS, SUMS, Place, Sums

CostOf = Callable[[Call], int | None]  # nano-dollars, or none when no price is known

MONTH = timedelta(days=30)
_STALE = timedelta(days=62)  # traffic older than two months says nothing of a month now
_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)  # traffic that begins within a day of a month's start covers the month
_MONTHS = 3
_LOW = 0.1
_CHUNK = 400  # rows in one statement
_TABLE: Any = vars(HourlyUsage)["__table__"]


@dataclass(frozen=True)
class Month:
    """Calls answered in a stretch of time, what they cost, and their 95 % latency (milliseconds; none if unknown).

    ``cost_nano`` is of the priced calls, none when no call had a price; ``unpriced`` counts the calls without.
    ``prompted_calls`` are those that the prompted model answered, ``prompted_nano`` what they cost with all that was
    tried for them; none where one has no price.
    """

    calls: int
    cost_nano: int | None
    unpriced: int
    p95_ms: float | None
    prompted_calls: int = 0
    prompted_nano: int | None = None


@dataclass(frozen=True)
class History:
    """Three months of traffic that end with the newest hour seen (``until``); calls are known since ``since``.

    ``days`` had calls, of the 90; ``calls_low`` is the 10 % quantile of the calls of its whole months of 30 days.
    """

    days: int
    calls_low: float
    newest: Month
    since: datetime
    until: datetime

    @property
    def is_whole(self) -> bool:
        """Whether calls are known for the three months, so that a day without any was one."""
        return self.since <= self.until - MONTH * _MONTHS + _DAY


@dataclass(frozen=True)
class Sides:
    """Calls and errors on each side since a moment, in whole hours; ``seen_until`` ends the newest of them."""

    baseline_n: int
    baseline_errors: int
    tuned_n: int
    tuned_errors: int
    seen_until: datetime


def count_calls(tx: Session, feature_id: int, calls: Iterable[Call], *, cost_of: CostOf, source: str = "assay") -> None:
    """Count calls into their hours. The caller holds the feature's row, and knows that none was counted before."""
    places: dict[Place, list[Call]] = {}
    for call in calls:
        places.setdefault(_place(call, source), []).append(call)
    book(tx, feature_id, {place: _sums(here, cost_of) for place, here in places.items()})


def book(tx: Session, feature_id: int, added: Mapping[Place, Sums]) -> None:
    """Add sums to their hours. The caller holds the feature's row, so that nobody else adds to them meanwhile."""
    hours = sorted({place.hour for place in added})
    known: dict[Place, Mapping[str, Any]] = {}
    for start in range(0, len(hours), _CHUNK):
        query = sql_select(_TABLE).where(
            _TABLE.c.feature_id == feature_id, _TABLE.c.hour.in_(hours[start : start + _CHUNK])
        )
        for row in tx.connection().execute(query).mappings():
            known[Place(*(row[name] for name in Place._fields))] = {str(name): value for name, value in row.items()}
    # Plain rows, not objects: a stretch of the spool has thousands of hours.
    fresh = [
        {"feature_id": feature_id, **place._asdict(), **_grown({}, sums)}
        for place, sums in added.items()
        if place not in known
    ]
    older = [
        {"row_id": known[place]["id"], **_grown(known[place], sums)} for place, sums in added.items() if place in known
    ]
    if fresh:
        tx.connection().execute(insert(_TABLE), fresh)
    if older:
        tx.connection().execute(update(_TABLE).where(_TABLE.c.id == bindparam("row_id")), older)


def rebook(tx: Session, feature_id: int, days: Iterable[date], rows: Mapping[Place, Sums]) -> None:
    """Put sums of a usage API in the place of those that were known of these days (UTC), each at its midnight."""
    for day in sorted(set(days)):
        midnight = datetime.combine(day, time(tzinfo=UTC))
        tx.exec(
            delete(HourlyUsage).where(
                col(HourlyUsage.feature_id) == feature_id,
                col(HourlyUsage.hour) == midnight,
                col(HourlyUsage.source).startswith(SUMMED),
            )
        )
    book(tx, feature_id, rows)


def month(tx: Session, feature_id: int, period: str) -> Month | None:
    """What was seen in a calendar month (``2026-10``); none when nothing was, for that is unknown and not zero."""
    start, end = bounds(period)
    return _between(tx, feature_id, start, end)


def last_month(tx: Session, feature_id: int, now: datetime) -> Month | None:
    """The 30 days that end with the newest hour seen; none without traffic, or when it is over two months old.

    Traffic of fewer days is not blown up to a month: a saving is never forecast from calls nobody saw.
    """
    query = select(HourlyUsage.hour).where(HourlyUsage.feature_id == feature_id, HourlyUsage.hour <= _begun(now))
    newest = tx.exec(query.order_by(col(HourlyUsage.hour).desc()).limit(1)).first()
    if newest is None or newest < now - _STALE:
        return None
    return _between(tx, feature_id, newest + _HOUR - MONTH, newest + _HOUR)


def history(tx: Session, feature_id: int, now: datetime) -> History | None:
    """The last three months; none without traffic, or when it is over two months old.

    Months that began before the first call ever seen are no whole months; a first month of fewer days counts as it is.
    """
    hours = select(HourlyUsage.hour, func.sum(HourlyUsage.n)).where(
        HourlyUsage.feature_id == feature_id, HourlyUsage.hour <= _begun(now), HourlyUsage.role == CallRole.ANSWER
    )
    counts = {hour: int(n) for hour, n in tx.exec(hours.group_by(col(HourlyUsage.hour)))}
    newest = last_month(tx, feature_id, now)
    if not counts or newest is None:
        return None
    until = max(counts) + _HOUR
    months = [(until - MONTH * (place + 1), until - MONTH * place) for place in range(_MONTHS)]
    whole = [month for month in months if month[0] >= min(counts) - _DAY] or months[:1]
    return History(
        days=len({hour.date() for hour in counts if hour >= months[-1][0]}),
        calls_low=low_quantile([sum(n for hour, n in counts.items() if start <= hour < end) for start, end in whole]),
        newest=newest,
        since=min(counts),
        until=until,
    )


def sides_since(tx: Session, feature_id: int, since: datetime) -> Sides | None:
    """Answers and shadow answers by side in the whole hours after a moment; none when there are none.

    The hour the moment lies in is left out: what came before the moment in it must not count.
    """
    roles = (CallRole.ANSWER, CallRole.SHADOW)
    rows = tx.exec(
        select(HourlyUsage.assigned, func.sum(HourlyUsage.n), func.sum(HourlyUsage.errors), func.max(HourlyUsage.hour))
        .where(HourlyUsage.feature_id == feature_id, HourlyUsage.hour >= since, col(HourlyUsage.role).in_(roles))
        .where(~col(HourlyUsage.source).startswith(SUMMED))  # sums know of no errors
        .group_by(HourlyUsage.assigned)
    ).all()
    if not rows:
        return None
    counts = {side: (int(n), int(errors)) for side, n, errors, _ in rows}
    baseline, tuned = counts.get("baseline", (0, 0)), counts.get("tuned", (0, 0))
    return Sides(*baseline, *tuned, seen_until=max(hour for *_, hour in rows) + _HOUR)


def low_quantile(values: Sequence[float]) -> float:
    """The 10 % quantile, linear between neighbours (as numpy's default), of at least one value."""
    ordered = sorted(values)
    at = _LOW * (len(ordered) - 1)
    below = int(at)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (at - below) * (ordered[above] - ordered[below])


def _place(call: Call, source: str) -> Place:
    hour = _begun(call.at)
    # A shadow answer is the tuned side's; every other call is served by the side it was assigned to.
    source = f"{source}{BATCH}" if call.is_batch else source  # its tokens have a price of their own
    return Place(hour, call.assigned, call.assigned, call.model, source, f"{call.status // 100}xx", call.role)


def _sums(calls: Sequence[Call], cost_of: CostOf) -> Sums:
    costs = [cost_of(call) for call in calls]
    bought = [call for call in calls if not call.is_cache_hit]
    return Sums(
        {
            "n": len(calls),
            "errors": sum(call.status >= 400 for call in calls),
            "tokens_in": sum(call.input_tokens for call in calls),
            "tokens_in_cached": sum(call.cached_tokens for call in calls),
            "tokens_cache_write": sum(call.cache_write_tokens for call in calls),
            "tokens_out": sum(call.output_tokens for call in calls),
            "cost_nano_usd": sum(cost for cost in costs if cost is not None),
            "billed_nano_usd": sum(call.billed_nano or 0 for call in calls),
            "unpriced_n": sum(cost is None for cost in costs),
            "cache_hit_n": len(calls) - len(bought),
        },
        {
            "latency": histogram.of([call.latency_ms for call in calls if call.latency_ms is not None]),
            "ttft": histogram.of([call.ttft_ms for call in calls if call.ttft_ms is not None]),
            "prompt_sizes": histogram.of([call.input_tokens for call in bought]),
            "answer_sizes": histogram.of([call.output_tokens for call in bought]),
        },
    )


def _grown(row: Mapping[str, Any], added: Sums) -> dict[str, Any]:
    """A row's sums and histograms with more added; no row at all is one of zeros."""
    grown: dict[str, Any] = {name: row.get(name, 0) + added.sums.get(name, 0) for name in SUMS}
    for name in HISTOGRAMS:
        before, shape = row.get(name, b""), added.histograms.get(name)
        if shape is None or not shape.total:
            grown[name] = before
        else:
            grown[name] = histogram.to_bytes(
                histogram.merge([histogram.from_bytes(before), shape]) if before else shape
            )
    return grown


def _between(tx: Session, feature_id: int, start: datetime, end: datetime) -> Month | None:
    query = select(HourlyUsage).where(
        HourlyUsage.feature_id == feature_id, HourlyUsage.hour >= start, HourlyUsage.hour < end
    )
    rows = list(tx.exec(query))
    if not rows:
        return None
    answers = [row for row in rows if row.role == CallRole.ANSWER]
    unpriced = sum(row.unpriced_n for row in rows)
    is_priced = any(row.n > row.unpriced_n or row.cost_nano_usd for row in rows)
    latency = histogram.merge_bytes(row.latency for row in answers)
    prompted = [row for row in rows if row.served == "baseline"]
    is_known = is_priced and not any(row.unpriced_n for row in prompted)
    return Month(
        calls=sum(row.n for row in answers),
        cost_nano=sum(row.cost_nano_usd for row in rows) if is_priced else None,
        unpriced=unpriced,
        p95_ms=histogram.quantile(latency, 0.95),
        prompted_calls=sum(row.n for row in prompted if row.role == CallRole.ANSWER),
        prompted_nano=sum(row.cost_nano_usd for row in prompted) if is_known else None,
    )


def _begun(moment: datetime) -> datetime:
    """The hour that a moment is in, which is compared whole: columns of hours keep no more than seconds."""
    return moment.replace(minute=0, second=0, microsecond=0)
