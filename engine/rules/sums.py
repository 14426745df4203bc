"""Make hourly rows, one a day, of what a usage API summed; priced by tokens, or as it was billed.

Knows nothing of price lists, files or databases.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, time

from engine.models.call import BATCH, SUMMED, UsageBucket, UsageSum
from engine.rules.hours import Place, Sums

CostOf = Callable[[UsageSum, date], int | None]  # nano-dollars, or none when no price is known

_SIDE = "baseline"  # a usage API knows of no sides
_ANSWERED = "2xx"  # nor of failures


def by_day(buckets: Iterable[UsageBucket], cost_of: CostOf) -> dict[Place, Sums]:
    """The rows of days, of all that is known of them.

    What was billed stands with the model's largest row of the day. It is the cost where tokens have no price or where
    there are none (a line of the bill for something else); else it is told beside the cost.
    """
    used: dict[Place, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    costs: dict[Place, list[int | None]] = defaultdict(list)
    billed: dict[tuple[datetime, str], int] = defaultdict(int)
    for bucket in buckets:
        day = bucket.start.astimezone(UTC).date()
        midnight = datetime.combine(day, time(tzinfo=UTC))
        for one in bucket.sums:
            if bucket.endpoint == "costs":
                billed[(midnight, one.model)] += one.billed_nano
                continue
            place = _place(midnight, one)
            row = used[place]
            row["n"] += one.calls
            row["tokens_in"] += one.input_tokens
            row["tokens_in_cached"] += one.cached_tokens
            row["tokens_out"] += one.output_tokens
            costs[place].append(cost_of(one, day))
    for (midnight, model), nano in billed.items():
        mine = [place for place in used if (place.hour, place.model) == (midnight, model)]
        place = max(mine, key=lambda one: (used[one]["tokens_in"], one)) if mine else _billed_alone(midnight, model)
        used[place]["billed_nano_usd"] += nano
    return {place: _priced(row, costs[place]) for place, row in used.items()}


def _priced(row: dict[str, int], costs: list[int | None]) -> Sums:
    known = [cost for cost in costs if cost is not None]
    if len(known) == len(costs) and costs:
        return Sums({**row, "cost_nano_usd": sum(known)})
    if row["billed_nano_usd"]:
        return Sums({**row, "cost_nano_usd": row["billed_nano_usd"]})
    return Sums({**row, "unpriced_n": row["n"]})


def _place(midnight: datetime, one: UsageSum) -> Place:
    source = f"{SUMMED}{BATCH}" if one.is_batch else SUMMED
    return Place(midnight, _SIDE, _SIDE, one.model, source, _ANSWERED, one.role)


def _billed_alone(midnight: datetime, model: str) -> Place:
    return _place(midnight, UsageSum(model=model))
