"""When monthly work falls due. Knows nothing of clocks: it is given the moment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

_SATURDAY = 5


@dataclass(frozen=True)
class DigestPolicy:
    """The hour (UTC, 0 to 23) of the first working day of a month at which the digest of the month before is due."""

    hour: int = 9


def period_of(moment: datetime) -> str:
    """The month of a moment, as ``2026-10``."""
    return f"{moment:%Y-%m}"


def bounds(period: str) -> tuple[datetime, datetime]:
    """First moment of a month and of the month after, UTC. Raises ``ValueError`` for text that is no month."""
    try:
        start = datetime.strptime(period, "%Y-%m").replace(tzinfo=UTC)
    except ValueError as error:
        raise ValueError(f"period is {period!r}; a month like 2026-10 is needed") from error
    return start, (start + timedelta(days=32)).replace(day=1)


def digest_due(now: datetime, deployed: datetime, policy: DigestPolicy | None = None) -> str | None:
    """The period whose digest is due at ``now``, late or not; none before its hour or for months before ``deployed``.

    A deployment from the future of ``now`` (a replayed clock) counts as having been there.
    """
    rules = policy or DigestPolicy()
    month = now.replace(day=1, hour=rules.hour, minute=0, second=0, microsecond=0)
    while month.weekday() >= _SATURDAY:
        month += timedelta(days=1)
    if now < month:
        return None
    period = period_of(now.replace(day=1) - timedelta(days=1))
    ended = bounds(period)[1]
    return None if ended <= deployed <= now else period
