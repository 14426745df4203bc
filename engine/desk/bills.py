"""What a month of calls cost, by feature and component: priced from tokens, beside what the sources billed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta

from engine.desk import Desk
from engine.errors import Invalid
from engine.models.base import Value
from engine.models.call import CallRole
from engine.models.feature import Feature, is_simulated
from engine.rules.calendar import bounds, period_of
from engine.store import features, replies, volumes
from engine.store.database import Tx
from engine.store.volumes import Spend
from engine.teachers import prices, quotes
from engine.teachers.quotes import STALE_DAYS, Quote

NOTICED = 0.02  # a bill that differs by more from ours is told
ASKED = "Assay's own questions"
_DAY = timedelta(days=1)
_WEEKS = 5  # a month has parts of so many
_ROLES = {
    CallRole.FAILED: "failed tries",
    CallRole.ESCALATED: "escalated tries",
    CallRole.SHADOW: "shadow",
    CallRole.EMBEDDING: "embeddings",
}


class BillLine(Value):
    """One component of a feature's bill at one price. Days are as ``2026-10-03``; money is nano-dollars.

    ``cost_nano`` is none when no call had a price; ``unpriced`` counts those without. Prices are per million tokens.
    """

    slug: str
    component: str
    model: str
    simulated: bool
    first: str
    last: str
    calls: int
    tokens_in: int = 0
    tokens_in_cached: int = 0
    tokens_out: int = 0
    cost_nano: int | None
    unpriced: int = 0
    input_nano: int | None = None
    output_nano: int | None = None
    source: str = ""


class BillView(Value):
    """The bill of a month, of one feature or all (slug ""). ``until`` is the last day with calls.

    ``billed_nano`` and ``compared_nano`` are the sources' figure and ours for the same calls, where they differ by over
    2 %. ``weeks`` are the days 1 to 7, 8 to 14 … with the cost of each side, prompted and tuned.
    """

    slug: str
    period: str
    is_running: bool
    lines: tuple[BillLine, ...]
    cost_nano: int | None
    unpriced: int
    unpriced_models: tuple[str, ...]
    billed_nano: int | None = None
    compared_nano: int | None = None
    weeks: tuple[tuple[str, int, int], ...] = ()
    snapshot: str
    list_day: str
    list_is_old: bool
    until: str = ""


def month(desk: Desk, slug: str = "", period: str = "") -> BillView:
    """The bill of a calendar month (2026-10); without one this month's, or the newest that has calls.

    Raises ``Invalid`` for a month that is none, ``NotFound``.
    """
    now = desk.services.clock.now()
    with desk.services.database.read() as tx:
        feature = features.by_slug(tx, slug) if slug else None
        chosen = period or _newest(tx, feature, now)
        start, end = _bounds(chosen)
        known = {one.id or 0: one.slug for one in ([feature] if feature else features.every(tx))}
        edges = [*(start + 7 * _DAY * week for week in range(_WEEKS) if start + 7 * _DAY * week < end), end]
        weeks = volumes.stretches(tx, edges, feature_id=feature.id if feature else None)
        rows = volumes.together(row for week in weeks for row in week)
        lines = [*_lines(tx, rows, known, start, end=end), *_asked(tx, known, start, end)]
        span = volumes.span(tx, feature.id if feature else None)
        day = min(now, end - _DAY).date()
        return BillView(
            slug=slug,
            period=chosen,
            is_running=start <= now < end,
            lines=tuple(sorted(lines, key=_dearest_first)),
            cost_nano=_sum(lines),
            unpriced=sum(line.unpriced for line in lines),
            unpriced_models=tuple(dict.fromkeys(line.model for line in lines if line.unpriced)),
            **_difference(rows),
            weeks=tuple(map(_week, edges, edges[1:], weeks)),
            snapshot=prices.snapshot_id(tx, day),
            list_day=quotes.list_day(now.date()).isoformat(),
            list_is_old=(now.date() - quotes.list_day(now.date())).days > STALE_DAYS,
            until=f"{min(span[1], end) - timedelta(seconds=1):%Y-%m-%d}" if span and rows else "",
        )


def _newest(tx: Tx, feature: Feature | None, now: datetime) -> str:
    span = volumes.span(tx, feature.id if feature else None)
    return period_of(min(span[1] - timedelta(seconds=1), now) if span else now)


def _bounds(period: str) -> tuple[datetime, datetime]:
    try:
        return bounds(period)
    except ValueError as error:
        raise Invalid(f"month is {period[:20]!r}, which is no month.", hint="For example: month=2026-10") from error


def _lines(tx: Tx, rows: Sequence[Spend], known: dict[int, str], start: datetime, *, end: datetime) -> list[BillLine]:
    """A line for each row, or one for each price it had in the month."""
    found: list[BillLine] = []
    for model in sorted({row.model for row in rows}):
        quoted = quotes.quotes(tx, model, start.date(), end.date())
        edges = [start, *(_midnight(quote.since) for quote in quoted[1:] if quote.since), end]
        for quote, first, last in zip(quoted, edges, edges[1:], strict=False):
            parts = (
                [row for row in rows if row.model == model]
                if len(quoted) == 1
                else volumes.spends(tx, first, last, model=model)
            )
            found += [
                _line(row, known[row.feature_id], quote, first, last=last) for row in parts if row.feature_id in known
            ]
    return found


def _line(row: Spend, slug: str, quote: Quote, first: datetime, *, last: datetime) -> BillLine:
    return BillLine(
        slug=slug,
        component=_component(row),
        model=row.model,
        simulated=is_simulated(row.model),
        first=f"{first:%Y-%m-%d}",
        last=f"{last - _DAY:%Y-%m-%d}",
        calls=row.n,
        tokens_in=row.tokens_in,
        tokens_in_cached=row.tokens_in_cached,
        tokens_out=row.tokens_out,
        cost_nano=row.cost_nano if row.is_priced else None,
        unpriced=row.unpriced,
        input_nano=quote.price.input if quote.price else None,
        output_nano=quote.price.output if quote.price else None,
        source=quote.source,
    )


def _component(row: Spend) -> str:
    side = "tuned" if row.served == "tuned" else "prompted"
    role = next((told for role, told in _ROLES.items() if role == row.role), "")
    return f"{side}, {role}" if role else side


def _asked(tx: Tx, known: dict[int, str], start: datetime, end: datetime) -> Iterator[BillLine]:
    """What Assay itself spent in investigations of the features."""
    for feature_id, (calls, nano) in sorted(replies.spent(tx, start, end).items()):
        if feature_id in known:
            yield BillLine(
                slug=known[feature_id],
                component=ASKED,
                model="",
                simulated=False,
                first=f"{start:%Y-%m-%d}",
                last=f"{end - _DAY:%Y-%m-%d}",
                calls=calls,
                cost_nano=nano,
            )


def _difference(rows: Sequence[Spend]) -> dict[str, int]:
    """The sources' figure and ours, where they differ by more than is worth telling."""
    billed, ours = sum(row.billed_nano for row in rows), sum(row.compared_nano for row in rows)
    if not billed or abs(billed - ours) <= NOTICED * billed:
        return {}
    return {"billed_nano": billed, "compared_nano": ours}


def _week(first: datetime, last: datetime, rows: Sequence[Spend]) -> tuple[str, int, int]:
    tuned = sum(row.cost_nano for row in rows if row.served == "tuned")
    return f"{first.day} to {(last - _DAY).day}", sum(row.cost_nano for row in rows) - tuned, tuned


def _sum(lines: Sequence[BillLine]) -> int | None:
    known = [line.cost_nano for line in lines if line.cost_nano is not None]
    return sum(known) if known else None


def _dearest_first(line: BillLine) -> tuple[str, int, str, str]:
    return line.slug, -(line.cost_nano or 0), line.component, line.first


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(tzinfo=UTC))
