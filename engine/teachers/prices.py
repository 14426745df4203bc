"""What a model's tokens cost on a day: the team's own table first, then the bundled price list.

A name that begins with "simulated-" is priced by the team's table alone. Knows nothing of budgets.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import lru_cache
from importlib.metadata import version

from genai_prices import data_snapshot
from genai_prices.types import ModelInfo, ModelPrice, TieredPrices

from engine.models.call import Call
from engine.models.feature import is_simulated
from engine.models.money import NANO
from engine.rules.cost import TokenPrices, Tokens, call_cost, checked_cost
from engine.store import prices
from engine.store.database import Tx

PACKAGE = "genai-prices"
_BATCH = {"processing": "batch"}  # how the list names the prices of batches
_EMBEDS = "embed"  # in the name of every model of embeddings
_NOON = time(12, tzinfo=UTC)  # a list with prices by the hour is read at this one


def price_of(tx: Tx, model: str, day: date, *, is_batch: bool = False) -> TokenPrices | None:
    """Nano-dollars per million tokens of a model on a day; none when nobody knows, which is not free of charge.

    A price of the team's own holds for batches too; the bundled list has some of its own for them.
    """
    row = prices.of(tx, model, day)
    if row is not None:
        return TokenPrices(input=row.input_nano, output=row.output_nano, cached_input=row.cached_nano)
    return None if is_simulated(model) else _bundled(model, day, is_batch=is_batch)


def cost_nano(price: TokenPrices, input_tokens: int, cached: int, output_tokens: int, *, cache_write: int = 0) -> int:
    """What one call costs in nano-dollars, rounded once; ``cached`` and ``cache_write`` are parts of the input."""
    tokens = Tokens(input=input_tokens, output=output_tokens, cached_input=cached, cache_write=cache_write)
    return call_cost(tokens, price)


def snapshot_id(tx: Tx, day: date) -> str:
    """The name of the prices in force on a day: package, day, and a hash of the team's rows that have begun."""
    rows = [
        f"{row.model} {row.starts_on} {row.input_nano} {row.cached_nano} {row.output_nano}" for row in _rows(tx, day)
    ]
    sha = hashlib.sha256("\n".join(rows).encode()).hexdigest()
    return f"{PACKAGE}-{version(PACKAGE)}+{day}+{sha[:12]}"


def costing(tx: Tx) -> Callable[[Call], int | None]:
    """A function that prices calls at the price of their day, for ``usage``; none where nobody knows what one cost.

    A hit in the source's own cache bought nothing. A call of a model without a price cost what its source billed.
    """
    known: dict[tuple[str, date, bool], tuple[tuple[int, TokenPrices], ...]] = {}

    def cost_of(call: Call) -> int | None:
        if call.is_cache_hit:
            return 0
        place = (call.model, call.at.astimezone(UTC).date(), call.is_batch)
        if place not in known:
            known[place] = tiers_of(tx, place[0], place[1], is_batch=place[2])
        tiers = known[place]
        if not tiers:
            return call.billed_nano or None
        # A tier is reached by one call's own input, and then all of its tokens cost what the tier says.
        price = next(price for start, price in reversed(tiers) if call.input_tokens > start or start == 0)
        fed, cached, written = call.input_tokens, call.cached_tokens, call.cache_write_tokens
        return checked_cost(fed, cached, written, call.output_tokens, prices=price)

    return cost_of


def tiers_of(tx: Tx, model: str, day: date, *, is_batch: bool = False) -> tuple[tuple[int, TokenPrices], ...]:
    """The prices of a model on a day by the input tokens above which they begin, 0 first; empty when nobody knows."""
    base = price_of(tx, model, day, is_batch=is_batch)
    if base is None:
        return ()
    if prices.of(tx, model, day) is not None:
        return ((0, base),)
    return ((0, base), *_dearer(model, day, is_batch=is_batch))


@lru_cache(maxsize=4096)
def model_in_list(model: str) -> ModelInfo | None:
    """The model in the bundled list; one whose name tells no provider is looked for at OpenAI (embeddings)."""
    for provider in (None, "openai"):
        try:
            return data_snapshot.get_snapshot().find_provider_model(model, None, provider, None)[1]
        except LookupError:
            continue
    return None


def _rows(tx: Tx, day: date) -> list[prices.Price]:
    return prices.every(tx, day)


@lru_cache(maxsize=4096)
def _bundled(model: str, day: date, *, is_batch: bool = False) -> TokenPrices | None:
    """The list price; where a list has tiers, that of the first one."""
    price = _listed(model, day, is_batch=is_batch)
    return None if price is None else _at(price, 0, has_output=_EMBEDS not in model)


@lru_cache(maxsize=4096)
def _dearer(model: str, day: date, *, is_batch: bool) -> tuple[tuple[int, TokenPrices], ...]:
    """The further tiers of a list price, by the input tokens above which they begin."""
    price = _listed(model, day, is_batch=is_batch)
    parts = (price.input_mtok, price.output_mtok, price.cache_read_mtok, price.cache_write_mtok) if price else ()
    starts = sorted({tier.start for part in parts if isinstance(part, TieredPrices) for tier in part.tiers})
    found = [(start, _at(price, start, has_output=_EMBEDS not in model)) for start in starts] if price else []
    return tuple((start, tier) for start, tier in found if tier is not None)


def _listed(model: str, day: date, *, is_batch: bool) -> ModelPrice | None:
    found = model_in_list(model)
    if found is None:
        return None
    return found.get_prices(datetime.combine(day, _NOON), _BATCH if is_batch else None)


def _at(price: ModelPrice, start: int, *, has_output: bool) -> TokenPrices | None:
    """What the tier that begins above so many input tokens costs; embeddings have no output, and no price of it."""
    kinds = (price.input_mtok, price.output_mtok, price.cache_read_mtok, price.cache_write_mtok)
    fed, said, cached, written = (_nano(one, start) for one in kinds)
    if fed is None or (said is None and has_output):
        return None
    return TokenPrices(input=fed, output=said or 0, cached_input=cached, cache_write=written)


def _nano(price: Decimal | TieredPrices | None, start: int) -> int | None:
    if isinstance(price, TieredPrices):
        price = next((tier.price for tier in reversed(price.tiers) if tier.start <= start), price.base)
    return None if price is None else round(price * NANO)
