"""What a feature's traffic looks like: how much, how dear, how fast, how steady, and what is missing to know more."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from engine.desk import Desk
from engine.models.base import Value
from engine.models.call import CallRole
from engine.models.feature import Feature, is_simulated
from engine.rules import histogram
from engine.rules.calendar import bounds, period_of
from engine.rules.openings import Text, begins, moved, openings, plain
from engine.store import examples, features, volumes
from engine.store.database import Tx
from engine.store.volumes import Shape, Spend, Volume

MONTH = timedelta(days=30)
WEEKS = 13
MONTHS = 6
OPENINGS = 5
MIXED_SHARE = 0.1  # a prompt of which this share of the texts begins is worth a feature of its own
NAME_WORDS = 3
TEXTS = 2_000  # looked at for how they begin
STALE = timedelta(days=7)
TENURE = timedelta(days=89)  # ninety days, less the first one's missing hours
_WEEK = timedelta(days=7)
_SUMS_LACK = ("latency", "texts")  # said in one line where all of it is sums


class MonthRow(Value):
    """A calendar month: answers, their cost in nano-dollars, their 95 % latency (ms) and share of failures.

    None where unknown.
    """

    period: str
    calls: int
    cost_nano: int | None
    unpriced: int
    p95_ms: float | None = None
    error_share: float | None = None


class OpeningRow(Value):
    """A prompt by its first words, its share of the texts that were drawn, and the days it was seen.

    ``size`` is its share of their characters; ``own`` says that it is the one the feature was registered for.
    """

    text: str
    share: float
    size: float
    first: str
    last: str
    own: bool = False


class Proposal(Value):
    """A prompt in a feature's log that is worth a feature of its own: a name, and about what it takes in 30 days.

    ``begins`` are the words that tell its calls apart; "" where a number or a mark comes too early.
    """

    inside: str
    name: str
    text: str
    begins: str
    model: str
    calls: int
    cost_nano: int | None


class TrafficView(Value):
    """A feature's traffic. Figures are of the 30 days that end with the newest call; none where unknown.

    ``summed`` says that OpenAI's usage API told some of it, in sums alone: sizes are then means.
    ``weeks`` are whole ones, oldest first; ``moved`` is how far the mix of prompts moved, 0 to 1, in ``texts`` drawn
    texts; ``missing`` names what is not known: traffic, recent, history, price, sums, latency, texts.
    """

    slug: str
    model: str
    simulated: bool
    summed: bool = False
    since: str = ""
    until: str = ""
    days: int = 0
    calls: int = 0
    cost_nano: int | None = None
    unpriced: int = 0
    error_share: float | None = None
    cached_share: float | None = None
    hit_share: float | None = None
    p50_ms: float | None = None
    p95_ms: float | None = None
    ttft_ms: float | None = None
    prompt_tokens: float | None = None
    answer_tokens: float | None = None
    models: tuple[tuple[str, float], ...] = ()
    months: tuple[MonthRow, ...] = ()
    weeks: tuple[tuple[str, int], ...] = ()
    openings: tuple[OpeningRow, ...] = ()
    texts: int = 0
    moved: float | None = None
    missing: tuple[str, ...] = ()


def show(desk: Desk, slug: str) -> TrafficView:
    """The traffic of one feature. Raises ``NotFound``."""
    with desk.services.database.read() as tx:
        return _view(tx, features.by_slug(tx, slug), desk.services.clock.now())


def every(desk: Desk) -> tuple[TrafficView, ...]:
    """The traffic of all features, the dearest first."""
    now = desk.services.clock.now()
    with desk.services.database.read() as tx:
        found = [_view(tx, feature, now) for feature in features.every(tx)]
    return tuple(sorted(found, key=lambda one: (-(one.cost_nano or 0), -one.calls, one.slug)))


def _view(tx: Tx, feature: Feature, now: datetime) -> TrafficView:
    feature_id = feature.id or 0
    model = features.baseline(tx, feature_id).model
    span = volumes.span(tx, feature_id)
    if span is None:
        return TrafficView(slug=feature.slug, model=model, simulated=is_simulated(model), missing=("traffic",))
    since, until = span
    start = max(until - MONTH, since)
    rows = volumes.spends(tx, until - MONTH, until, feature_id=feature_id)
    shape = volumes.shape(tx, feature_id, until - MONTH, until)
    drawn = examples.recent(tx, feature_id, (until - MONTH).date(), TEXTS)
    texts = [Text(day.isoformat(), text) for day, text in drawn if text.strip()]
    found = TrafficView(
        slug=feature.slug,
        model=model,
        simulated=is_simulated(model),
        since=f"{since:%Y-%m-%d}",
        until=f"{until - timedelta(seconds=1):%Y-%m-%d}",
        days=(until - start).days or 1,
        models=_models(rows),
        months=tuple(_months(tx, feature_id, until)),
        weeks=tuple(_weeks(tx, feature_id, since, until)),
        openings=tuple(_openings(texts, features.baseline(tx, feature_id).prompt)),
        texts=len(texts),
        moved=moved(texts),
        missing=tuple(
            _missing(rows, shape, texts, has_history=until - since >= TENURE, is_recent=now - until <= STALE)
        ),
    )
    figures = {**_sums(rows), **_figures(shape)}
    if volumes.summed(tx, feature_id, until - MONTH, until):
        calls = volumes.spends(tx, until - MONTH, until, feature_id=feature_id, calls_alone=True)
        figures |= _of_sums(rows, calls)
        lacking = tuple(word for word in found.missing if calls or word not in _SUMS_LACK)
        figures |= {"summed": True, "missing": ("sums", *lacking)}
    return found.model_copy(update=figures)


def proposals(found: Sequence[TrafficView]) -> tuple[Proposal, ...]:
    """The prompts in logs that nobody registered yet, the dearest first."""
    known = {one.slug for one in found}
    many = [_proposal(one, opening, known) for one in found for opening in one.openings if _is_worth_one(opening)]
    return tuple(sorted(many, key=lambda one: (-(one.cost_nano or 0), -one.calls, one.name)))


def _is_worth_one(opening: OpeningRow) -> bool:
    return not opening.own and opening.share >= MIXED_SHARE


def _proposal(one: TrafficView, opening: OpeningRow, known: set[str]) -> Proposal:
    words = re.findall(r"[a-z][a-z0-9]*", opening.text.lower())[:NAME_WORDS]
    name = "-".join(words)[:30].strip("-") or "prompt"
    name = next(each for each in (name, *(f"{name}-{number}" for number in range(2, 1000))) if each not in known)
    known.add(name)
    begins = plain(opening.text)
    return Proposal(
        inside=one.slug,
        name=name,
        text=opening.text,
        begins=begins if len(begins.split()) >= NAME_WORDS else "",
        model=one.model,
        calls=round(one.calls * opening.share),
        cost_nano=None if one.cost_nano is None else round(one.cost_nano * opening.size),
    )


def _openings(texts: Sequence[Text], prompt: str) -> Iterator[OpeningRow]:
    """The prompts in the texts; the feature's own is the one its prompt begins like, else the most frequent."""
    found = openings(texts)[:OPENINGS]
    fixed = prompt.partition("{{")[0].strip()
    own = next((one for one in found if fixed and begins(one.text, fixed)), found[0] if found else None)
    for one in found:
        yield OpeningRow(text=one.text, share=one.share, size=one.size, first=one.first, last=one.last, own=one is own)


def _sums(rows: Sequence[Spend]) -> dict[str, float | int | None]:
    answers = [row for row in rows if row.role == CallRole.ANSWER]
    calls, fed = sum(row.n for row in answers), sum(row.tokens_in for row in answers)
    is_priced = any(row.is_priced for row in rows)
    return {
        "calls": calls,
        "cost_nano": sum(row.cost_nano for row in rows) if is_priced else None,
        "unpriced": sum(row.unpriced for row in rows),
        "error_share": sum(row.errors for row in answers) / calls if calls else None,
        "cached_share": sum(row.tokens_in_cached for row in answers) / fed if fed else None,
        "hit_share": sum(row.cache_hits for row in answers) / calls if calls else None,
    }


def _of_sums(rows: Sequence[Spend], calls: Sequence[Spend]) -> dict[str, float | None]:
    """What differs where sums are among it: failures are those of calls, and sizes are means."""
    answers = [row for row in rows if row.role == CallRole.ANSWER]
    n, seen = sum(row.n for row in answers), sum(row.n for row in calls if row.role == CallRole.ANSWER)
    failed = sum(row.errors for row in calls if row.role == CallRole.ANSWER)
    return {
        "error_share": failed / seen if seen else None,
        "prompt_tokens": sum(row.tokens_in for row in answers) / n if n else None,
        "answer_tokens": sum(row.tokens_out for row in answers) / n if n else None,
    }


def _figures(shape: Shape) -> dict[str, float | None]:
    return {
        "p50_ms": histogram.quantile(shape.latency, 0.5),
        "p95_ms": histogram.quantile(shape.latency, 0.95),
        "ttft_ms": histogram.quantile(shape.ttft, 0.5),
        "prompt_tokens": histogram.quantile(shape.prompt_sizes, 0.5),
        "answer_tokens": histogram.quantile(shape.answer_sizes, 0.5),
    }


def _models(rows: Sequence[Spend]) -> tuple[tuple[str, float], ...]:
    """The models that answered, by share of the answers."""
    counts: dict[str, int] = {}
    for row in rows:
        if row.role == CallRole.ANSWER and row.n:
            counts[row.model] = counts.get(row.model, 0) + row.n
    total = sum(counts.values()) or 1
    return tuple((model, n / total) for model, n in sorted(counts.items(), key=lambda one: (-one[1], one[0])))


def _months(tx: Tx, feature_id: int, until: datetime) -> Iterator[MonthRow]:
    edges = [bounds(period_of(until - timedelta(seconds=1)))[1]]
    while len(edges) <= MONTHS:
        edges.append(bounds(period_of(edges[-1] - timedelta(days=1)))[0])
    for one in volumes.volumes(tx, feature_id, edges[::-1]):
        end = bounds(period_of(one.start))[1]
        is_known = one.calls and not volumes.summed(tx, feature_id, one.start, end)
        yield MonthRow(
            period=period_of(one.start),
            calls=one.calls,
            cost_nano=one.cost_nano,
            unpriced=one.unpriced,
            p95_ms=histogram.quantile(volumes.latency(tx, feature_id, one.start, end), 0.95),
            error_share=one.errors / one.calls if is_known else None,
        )


def _weeks(tx: Tx, feature_id: int, since: datetime, until: datetime) -> Iterator[tuple[str, int]]:
    """Whole weeks that end with the newest call; one without calls among them had none."""
    count = min(WEEKS, (until - since + timedelta(days=1)) // _WEEK)
    edges = [until - _WEEK * place for place in range(count, -1, -1)]
    seen: dict[datetime, Volume] = {one.start: one for one in volumes.volumes(tx, feature_id, edges)}
    for start in edges[:-1]:
        yield f"{start:%m-%d}", seen[start].calls if start in seen else 0


def _missing(
    rows: Sequence[Spend], shape: Shape, texts: Sequence[Text], *, has_history: bool, is_recent: bool
) -> Iterator[str]:
    if not is_recent:
        yield "recent"
    if not has_history:
        yield "history"
    if any(row.unpriced for row in rows):
        yield "price"
    if not shape.latency.total:
        yield "latency"
    if not texts:
        yield "texts"
