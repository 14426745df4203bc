"""What one stretch of traffic was by day, side and role, and the sizes of its calls. Knows nothing of prices."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from sqlmodel import Session, select

from engine.models.call import CallRole, HourlyUsage
from engine.rules import histogram
from engine.rules.histogram import Histogram

TUNED, BASELINE = "tuned", "baseline"


@dataclass(frozen=True)
class Sums:
    """Calls of one day, role and model, by the side they were put on and the one that answered.

    ``cost_nano`` is of the priced ones.
    """

    day: date
    side: str
    served: str
    role: str
    model: str
    n: int
    tokens_in: int
    tokens_cached: int
    tokens_out: int
    cost_nano: int
    unpriced: int


@dataclass(frozen=True)
class Stretch:
    """Traffic between two moments. Sizes are tokens of all answers; ``busy_ms`` sums the tuned side's latencies.

    ``timed`` tuned calls had a latency.
    """

    sums: tuple[Sums, ...]
    prompts: Histogram
    answers: Histogram
    busy_ms: float
    timed: int

    def of(self, side: str, *roles: CallRole) -> tuple[Sums, ...]:
        """The sums of one side, as calls were assigned to it, and these roles."""
        return tuple(one for one in self.sums if one.side == side and one.role in roles)

    @property
    def answered(self) -> int:
        """Calls answered, whoever answered them."""
        return sum(one.n for one in self.sums if one.role == CallRole.ANSWER)

    def by_day(self) -> dict[date, int]:
        """Calls answered on each day."""
        days: dict[date, int] = defaultdict(int)
        for one in self.sums:
            if one.role == CallRole.ANSWER:
                days[one.day] += one.n
        return dict(days)


@dataclass
class _Adding:
    n: int = 0
    tokens_in: int = 0
    tokens_cached: int = 0
    tokens_out: int = 0
    cost_nano: int = 0
    unpriced: int = 0


def between(tx: Session, feature_id: int, start: datetime, end: datetime) -> Stretch | None:
    """The traffic from a moment to before another; none when there was none, for that is unknown and not zero."""
    query = select(HourlyUsage).where(
        HourlyUsage.feature_id == feature_id, HourlyUsage.hour >= start, HourlyUsage.hour < end
    )
    rows = list(tx.exec(query))
    if not rows:
        return None
    answers = [row for row in rows if row.role == CallRole.ANSWER]
    busy = _merged(row.latency for row in rows if row.served == TUNED)
    return Stretch(
        sums=_summed(rows),
        prompts=_merged(row.prompt_sizes for row in answers),
        answers=_merged(row.answer_sizes for row in answers),
        busy_ms=histogram.amount(busy),
        timed=busy.total,
    )


def _summed(rows: list[HourlyUsage]) -> tuple[Sums, ...]:
    places: dict[tuple[date, str, str, str, str], _Adding] = defaultdict(_Adding)
    for row in rows:
        adding = places[(row.hour.date(), row.assigned, row.served, row.role, row.model)]
        adding.n += row.n
        adding.tokens_in += row.tokens_in
        adding.tokens_cached += row.tokens_in_cached
        adding.tokens_out += row.tokens_out
        adding.cost_nano += row.cost_nano_usd
        adding.unpriced += row.unpriced_n
    return tuple(
        Sums(*place, one.n, one.tokens_in, one.tokens_cached, one.tokens_out, one.cost_nano, one.unpriced)
        for place, one in sorted(places.items())
    )


def _merged(blobs: Iterable[bytes]) -> Histogram:
    return histogram.merge_bytes(blobs)
