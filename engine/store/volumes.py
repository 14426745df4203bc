"""Ask the hourly sums what was spent and seen: by model, by month, by week. Knows nothing of price lists."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, cast

from sqlmodel import Session, case, col, func, literal, select

from engine.models.call import ALL_MODELS, SUMMED, CallRole, HourlyUsage
from engine.rules import histogram
from engine.rules.histogram import Histogram

_HOUR = timedelta(hours=1)
_SHAPES = ("latency", "ttft", "prompt_sizes", "answer_sizes")


@dataclass(frozen=True)
class Spend:
    """What the calls of one model, side and role of a feature add up to. Money is nano-dollars.

    ``cost_nano`` is of priced calls. ``billed_nano`` is the source's own figure, ``compared_nano`` ours for the same.
    """

    feature_id: int
    model: str
    role: str
    served: str
    n: int
    errors: int
    tokens_in: int
    tokens_in_cached: int
    tokens_out: int
    cost_nano: int
    unpriced: int
    billed_nano: int
    compared_nano: int
    cache_hits: int

    @property
    def is_priced(self) -> bool:
        """Whether any of it has a price; a line of a bill has one without calls."""
        return self.n > self.unpriced or self.cost_nano > 0


@dataclass(frozen=True)
class Volume:
    """Answers of a stretch of time, how many failed, and the cost of all calls (none when no call had a price)."""

    start: datetime
    calls: int
    errors: int
    cost_nano: int | None
    unpriced: int


@dataclass(frozen=True)
class Shape:
    """How long answers took and how large they were: milliseconds, tokens."""

    latency: Histogram
    ttft: Histogram
    prompt_sizes: Histogram
    answer_sizes: Histogram


def spends(
    tx: Session,
    start: datetime,
    end: datetime,
    *,
    feature_id: int | None = None,
    model: str | None = None,
    calls_alone: bool = False,
) -> list[Spend]:
    """Sums of a stretch of time by feature, model, role and the side that served.

    ``calls_alone`` leaves out what a usage API summed, which knows of no failures.
    """
    query = _spent(start, end, literal(0), feature_id=feature_id)
    if model is not None:
        query = query.where(HourlyUsage.model == model)
    if calls_alone:
        query = query.where(~col(HourlyUsage.source).startswith(SUMMED))
    return [spend for _, spend in _told(tx, query)]


def stretches(tx: Session, edges: Sequence[datetime], *, feature_id: int | None = None) -> list[list[Spend]]:
    """The same between each edge and the next, in one pass over the hours."""
    stretch = case(*((col(HourlyUsage.hour) < edge, place) for place, edge in enumerate(edges[1:])), else_=0)
    found: list[list[Spend]] = [[] for _ in edges[1:]]
    for place, spend in _told(tx, _spent(edges[0], edges[-1], stretch, feature_id=feature_id)):
        found[place].append(spend)
    return found


def together(rows: Iterable[Spend]) -> list[Spend]:
    """Sums of several stretches as those of one: each feature, model, role and side once."""
    found: dict[tuple[int, str, str, str], Spend] = {}
    for row in rows:
        key = (row.feature_id, row.model, row.role, row.served)
        parts = [tuple(vars(one).values())[len(key) :] for one in (row, found.get(key)) if one is not None]
        found[key] = Spend(*key, *map(sum, zip(*parts, strict=True)))
    return list(found.values())


def _spent(start: datetime, end: datetime, stretch: Any, *, feature_id: int | None) -> Any:  # noqa: ANN401 (a query's own types)
    key: list[Any] = [stretch, HourlyUsage.feature_id, HourlyUsage.model, HourlyUsage.role, HourlyUsage.served]
    cost, billed = col(HourlyUsage.cost_nano_usd), col(HourlyUsage.billed_nano_usd)
    sums: list[Any] = [
        HourlyUsage.n, HourlyUsage.errors, HourlyUsage.tokens_in, HourlyUsage.tokens_in_cached, HourlyUsage.tokens_out,
        cost, HourlyUsage.unpriced_n, billed, case((billed > 0, cost), else_=0), HourlyUsage.cache_hit_n,
    ]  # fmt: skip
    query: Any = cast("Any", select)(*key, *(func.sum(one) for one in sums))  # more columns than sqlmodel types
    query = query.where(HourlyUsage.hour >= start, HourlyUsage.hour < end)
    return (query if feature_id is None else query.where(HourlyUsage.feature_id == feature_id)).group_by(*key)


def _told(tx: Session, query: Any) -> Iterator[tuple[int, Spend]]:  # noqa: ANN401 (a query's own types)
    for row in cast("list[tuple[Any, ...]]", tx.exec(query).all()):
        yield int(row[0]), Spend(*row[1:5], *map(int, row[5:]))


def volumes(tx: Session, feature_id: int, edges: Sequence[datetime]) -> list[Volume]:
    """What was seen between each edge and the next; stretches without calls are left out."""
    found: list[Volume] = []
    for start, end in pairwise(edges):
        rows = spends(tx, start, end, feature_id=feature_id)
        if not rows:
            continue
        answers = [row for row in rows if row.role == CallRole.ANSWER]
        is_priced = any(row.is_priced for row in rows)
        found.append(
            Volume(
                start=start,
                calls=sum(row.n for row in answers),
                errors=sum(row.errors for row in answers),
                cost_nano=sum(row.cost_nano for row in rows) if is_priced else None,
                unpriced=sum(row.unpriced for row in rows),
            )
        )
    return found


def shape(tx: Session, feature_id: int, start: datetime, end: datetime) -> Shape:
    """Latency and sizes of the answers of a stretch of time."""
    rows = tx.exec(
        select(HourlyUsage.latency, HourlyUsage.ttft, HourlyUsage.prompt_sizes, HourlyUsage.answer_sizes).where(
            HourlyUsage.feature_id == feature_id,
            HourlyUsage.hour >= start,
            HourlyUsage.hour < end,
            HourlyUsage.role == CallRole.ANSWER,
        )
    ).all()
    return Shape(*(histogram.merge_bytes(row[place] for row in rows) for place in range(len(_SHAPES))))


def latency(tx: Session, feature_id: int, start: datetime, end: datetime) -> Histogram:
    """How long the answers of a stretch of time took, in milliseconds."""
    rows = tx.exec(
        select(HourlyUsage.latency).where(
            HourlyUsage.feature_id == feature_id,
            HourlyUsage.hour >= start,
            HourlyUsage.hour < end,
            HourlyUsage.role == CallRole.ANSWER,
        )
    )
    return histogram.merge(histogram.from_bytes(row) for row in rows)


def span(tx: Session, feature_id: int | None = None) -> tuple[datetime, datetime] | None:
    """The first moment and the end of the last hour with calls; none without any."""
    query = select(func.min(HourlyUsage.hour), func.max(HourlyUsage.hour))
    if feature_id is not None:
        query = query.where(HourlyUsage.feature_id == feature_id)
    first, last = tx.exec(query).one()  # both are none when there are no rows
    return (first, last + _HOUR) if first and last else None


def summed(tx: Session, feature_id: int, start: datetime, end: datetime) -> bool:
    """Whether some of a stretch of time is known by sums of a usage API alone."""
    query = select(HourlyUsage.id).where(
        HourlyUsage.feature_id == feature_id,
        HourlyUsage.hour >= start,
        HourlyUsage.hour < end,
        col(HourlyUsage.source).startswith(SUMMED),
    )
    return tx.exec(query.limit(1)).first() is not None


def models(tx: Session) -> list[str]:
    """Every model that was ever called, by name; lines of a bill that are no calls are none."""
    query = select(HourlyUsage.model).where(HourlyUsage.n > 0, HourlyUsage.model != ALL_MODELS)
    return sorted(tx.exec(query.distinct()))


def hours(tx: Session, start: datetime, end: datetime) -> Iterator[HourlyUsage]:
    """The hourly rows of a stretch of time, to be priced again."""
    yield from tx.exec(
        select(HourlyUsage).where(HourlyUsage.hour >= start, HourlyUsage.hour < end).order_by(col(HourlyUsage.id))
    )
