"""The price of every model in use, with its dates and source; and a month priced again from its tokens."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from engine.desk import Desk
from engine.errors import Invalid, KeyRejected
from engine.models.actor import Actor
from engine.models.base import Value
from engine.models.call import BATCH, HourlyUsage
from engine.models.feature import is_simulated
from engine.rules import histogram
from engine.rules.calendar import bounds
from engine.rules.hours import RECORDED
from engine.rules.watch import shutdowns
from engine.store import deeds, features, policies, volumes
from engine.store import prices as overlay
from engine.store.database import Tx
from engine.teachers import catalog, prices, quotes
from engine.teachers.keys import key_for
from engine.teachers.quotes import STALE_DAYS, Quote

AHEAD = timedelta(days=366)  # how far price changes to come are told


class PriceTold(Value):
    """What a model costs from a day on ("": since ever), in nano-dollars per million tokens (none: nobody knows).

    ``tier_from`` are the input tokens of a call above which it costs more.
    """

    since: str
    input_nano: int | None
    cached_nano: int | None
    output_nano: int | None
    source: str
    by: str = ""
    tier_from: int | None = None


class ModelPrices(Value):
    """The price of a model in force, changes to come, which features run on it, and its announced last day."""

    model: str
    simulated: bool
    features: tuple[str, ...]
    now: PriceTold
    later: tuple[PriceTold, ...] = ()
    shutdown: str = ""


class PriceBook(Value):
    """All models in use. ``silent`` endpoints were asked for shutdown dates and did not answer."""

    models: tuple[ModelPrices, ...]
    snapshot: str
    list_day: str
    list_is_old: bool
    silent: tuple[str, ...] = ()


class Repriced(Value):
    """A month priced again, in nano-dollars before and after. ``left`` calls kept their price: their list has tiers."""

    period: str
    calls: int
    changed: int
    before_nano: int
    after_nano: int
    unpriced: int
    left: int


def book(desk: Desk, *, ask: bool = False) -> PriceBook:
    """The price book today. With ``ask``, each feature's endpoint is asked which models it will shut down."""
    today = desk.services.clock.now().date()
    with desk.services.database.read() as tx:
        baselines = [(one.slug, features.baseline(tx, one.id or 0)) for one in features.every(tx)]
    days, silent = _shutdowns(desk, {row.base_url for _, row in baselines}) if ask else ({}, ())
    used: dict[str, tuple[str, ...]] = {}
    for slug, row in baselines:
        used[row.model] = (*used.get(row.model, ()), slug)
    with desk.services.database.read() as tx:
        days = {**days, **shutdowns(policies.current(tx).rebaseline.shutdowns)}
        names = sorted({*used, *volumes.models(tx), *(row.model for row in overlay.every(tx))})
        return PriceBook(
            models=tuple(_model(tx, name, used.get(name, ()), today, days=days) for name in names),
            snapshot=prices.snapshot_id(tx, today),
            list_day=quotes.list_day(today).isoformat(),
            list_is_old=(today - quotes.list_day(today)).days > STALE_DAYS,
            silent=silent,
        )


def recompute(desk: Desk, actor: Actor, period: str) -> Repriced:
    """Price a month again from its tokens. Calls of a list with tiers keep their price: sums do not tell them apart.

    Answers without counts of tokens stay unpriced.

    Raises ``Invalid`` for a month that is none.
    """
    try:
        start, end = bounds(period)
    except ValueError as error:
        raise Invalid(f"The month is {period[:20]!r}.", hint="For example: assay prices --recompute 2026-10") from error
    with desk.services.database.write() as tx:
        features.all_alone(tx)  # calls that are counted meanwhile wait, and come on top of what is priced here
        rows = list(volumes.hours(tx, start, end))
        before = sum(row.cost_nano_usd for row in rows)
        outcomes = [_repriced(tx, row) for row in rows]
        done = Repriced(
            period=period,
            calls=sum(row.n for row in rows),
            changed=sum(row.n for row, outcome in zip(rows, outcomes, strict=True) if outcome == "changed"),
            before_nano=before,
            after_nano=sum(row.cost_nano_usd for row in rows),
            unpriced=sum(row.unpriced_n for row in rows),
            left=sum(row.n for row, outcome in zip(rows, outcomes, strict=True) if outcome == "left"),
        )
        deeds.record(
            tx,
            desk.services.clock,
            actor,
            "set price",
            entity="month",
            entity_id=period,
            before={"nano_usd": before},
            after={"nano_usd": done.after_nano, "calls": done.changed},
        )
    return done


def _repriced(tx: Tx, row: HourlyUsage) -> str:
    """Price the calls of one hour: changed, same, or left as they were."""
    tiers = prices.tiers_of(tx, row.model, row.hour.date(), is_batch=row.source.endswith(BATCH))
    if not tiers or not row.n:
        return "same"  # what the source billed, or unknown, as it was
    if len(tiers) > 1:
        return "left"
    fed, cached = row.tokens_in, row.tokens_in_cached
    written = min(row.tokens_cache_write, fed - cached)
    cost = prices.cost_nano(dict(tiers)[0], fed, cached, row.tokens_out, cache_write=written)
    unknown = min(_without_tokens(row), row.unpriced_n)
    if row.unpriced_n == unknown and abs(cost - row.cost_nano_usd) <= row.n:
        return "same"  # each call was rounded by itself
    row.cost_nano_usd, row.unpriced_n = cost, unknown
    tx.add(row)
    return "changed"


def _without_tokens(row: HourlyUsage) -> int:
    """Answers whose upstream told no tokens, which no price helps: the gateway counts sizes where it was told them."""
    if row.source not in RECORDED or row.status_class != "2xx":
        return 0
    known = min(histogram.merge_bytes([blob]).total for blob in (row.prompt_sizes, row.answer_sizes))
    return max(row.n - known, 0)


def _model(tx: Tx, name: str, used: tuple[str, ...], today: date, *, days: dict[str, date]) -> ModelPrices:
    now, *later = quotes.quotes(tx, name, today, today + AHEAD)
    last = next((days[one] for one in (name, *used) if one in days), None)
    return ModelPrices(
        model=name,
        simulated=is_simulated(name),
        features=used,
        now=_told(now),
        later=tuple(_told(one) for one in later),
        shutdown=last.isoformat() if last else "",
    )


def _told(quote: Quote) -> PriceTold:
    return PriceTold(
        since=quote.since.isoformat() if quote.since else "",
        input_nano=quote.price.input if quote.price else None,
        cached_nano=quote.price.cached_input if quote.price else None,
        output_nano=quote.price.output if quote.price else None,
        source=quote.source,
        by=quote.by,
        tier_from=quote.tier_from,
    )


def _shutdowns(desk: Desk, endpoints: set[str]) -> tuple[dict[str, date], tuple[str, ...]]:
    found: dict[str, date] = {}
    silent: list[str] = []
    for base_url, days in _answers(desk, endpoints):
        if days is None:
            silent.append(base_url)
        found |= days or {}
    return found, tuple(silent)


def _answers(desk: Desk, endpoints: set[str]) -> Iterator[tuple[str, dict[str, date] | None]]:
    for base_url in sorted(endpoints):
        try:
            yield base_url, catalog.shutdown_days(base_url, key_for(desk.services.settings, base_url))
        except KeyRejected:
            yield base_url, None
