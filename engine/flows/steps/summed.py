"""Bring sums of a usage API into the hours: kept by bucket, priced by day and model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date

from engine.models.call import UsageBucket, UsageSum
from engine.rules.sums import by_day
from engine.store import sums, usage
from engine.store.database import Tx
from engine.teachers import prices


def store(tx: Tx, feature_id: int, buckets: Sequence[UsageBucket]) -> int:
    """Keep buckets, and make their days' rows anew; how many of them said something new. Raises ``Conflict``."""
    changed = [bucket for bucket in buckets if sums.put(tx, feature_id, bucket)]
    days = {bucket.start.astimezone(UTC).date() for bucket in changed}
    if days:
        usage.rebook(tx, feature_id, days, by_day(sums.of_days(tx, feature_id, days), _costing(tx)))
    return len(changed)


def _costing(tx: Tx) -> Callable[[UsageSum, date], int | None]:
    """What tokens cost at the price of their day. Where a list has tiers the lowest counts: sums hide large calls."""

    def cost_of(one: UsageSum, day: date) -> int | None:
        price = prices.price_of(tx, one.model, day, is_batch=one.is_batch)
        if price is None:
            return None
        return prices.cost_nano(price, one.input_tokens, one.cached_tokens, one.output_tokens)

    return cost_of
