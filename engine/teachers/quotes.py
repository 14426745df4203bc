"""Where a price comes from and since when: the team's own row, or the bundled list and its day. Prices nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from functools import lru_cache
from importlib.metadata import version

from genai_prices import data_snapshot
from genai_prices.types import ConditionalPrice, StartDateConstraint, TieredPrices

from engine.models.feature import is_simulated
from engine.rules.cost import TokenPrices
from engine.store import prices
from engine.store.database import Tx
from engine.teachers.prices import PACKAGE, model_in_list, price_of

STALE_DAYS = 45
_NOON = time(12, tzinfo=UTC)


@dataclass(frozen=True)
class Quote:
    """What a model costs from a day on (none: since ever), in nano-dollars per million tokens, and who says so.

    ``price`` is none where nobody knows. ``tier_from`` are the input tokens from which a dearer tier begins.
    """

    model: str
    since: date | None
    price: TokenPrices | None
    source: str
    by: str = ""
    tier_from: int | None = None


def quotes(tx: Tx, model: str, start: date, end: date) -> list[Quote]:
    """The prices of a model from ``start`` to the day before ``end``, oldest first: one, or more where it changed."""
    found: list[Quote] = []
    for day in sorted({start, *(change for change in changes(tx, model) if start < change < end)}):
        quote = quote_of(tx, model, day)
        if not found or found[-1].price != quote.price:
            found.append(quote)
    return found


def changes(tx: Tx, model: str) -> set[date]:
    """The days on which a model's price may change."""
    own = {row.starts_on for row in prices.every(tx) if row.model == model}
    return own | (set[date]() if is_simulated(model) else {day for day, _ in _dated(model)})


def quote_of(tx: Tx, model: str, day: date) -> Quote:
    """What a model costs on a day."""
    row = prices.of(tx, model, day)
    price = price_of(tx, model, day)
    if row is not None:
        return Quote(model, row.starts_on, price, row.source, row.by)
    if price is None:
        return Quote(model, None, None, "nobody knows its price")
    since = max((start for start, _ in _dated(model) if start <= day), default=None)
    return Quote(model, since, price, f"{PACKAGE} {version(PACKAGE)}", tier_from=_tier(model, day))


@lru_cache(maxsize=1)
def list_day(today: date) -> date:
    """The newest day whose price the bundled list knows, of those that have come: no list is younger than this."""
    providers = data_snapshot.get_snapshot().providers
    days = {start for provider in providers for model in provider.models for start in _starts(model.prices)}
    return max((day for day in days if day <= today), default=date.min)


@lru_cache(maxsize=1024)
def _dated(model: str) -> tuple[tuple[date, ConditionalPrice], ...]:
    """The dated prices of a model in the bundled list."""
    found = model_in_list(model)
    if found is None:
        return ()
    if not isinstance(found.prices, list):
        return ()
    return tuple((start, one) for one in found.prices for start in _starts([one]))


def _starts(found: object) -> list[date]:
    rows = found if isinstance(found, list) else []  # pyright: ignore[reportUnknownVariableType] # of the list's types
    marks = [one.constraint for one in rows if isinstance(one, ConditionalPrice)]  # pyright: ignore[reportUnknownVariableType] # checked here
    return [mark.start_date for mark in marks if isinstance(mark, StartDateConstraint)]


def _tier(model: str, day: date) -> int | None:
    found = model_in_list(model)
    fed = found.get_prices(datetime.combine(day, _NOON)).input_mtok if found else None
    return fed.tiers[0].start if isinstance(fed, TieredPrices) and fed.tiers else None
