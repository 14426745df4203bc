"""When monthly and weekly work falls due. Knows nothing of clocks: it is given the moment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_SATURDAY = 5
_MONTHS_BACK = 12  # digests older than a year are history that nobody waits for


@dataclass(frozen=True)
class DigestPolicy:
    """When a team is told: the ``hour`` (0 to 23) of its ``zone`` (an IANA name) of the first working day of a month.

    Weekly alerts come at the same hour on ``weekday`` (0 is Monday). ``trackers`` is a comma list of those
    who track experiments and are told of each investigation's candidates; none as a rule.
    """

    hour: int = 9
    zone: str = "UTC"
    weekday: int = 0
    trackers: str = ""


def period_of(moment: datetime) -> str:
    """The month of a moment, as ``2026-10``."""
    return f"{moment:%Y-%m}"


def following(period: str, months: int = 1) -> str:
    """The month so many months after one, before it for a negative number. Raises ``ValueError`` as ``bounds``."""
    start, _ = bounds(period)
    place = start.year * 12 + start.month - 1 + months
    return f"{place // 12:04d}-{place % 12 + 1:02d}"


def bounds(period: str) -> tuple[datetime, datetime]:
    """First moment of a month and of the month after, UTC. Raises ``ValueError`` for text that is no month."""
    try:
        start = datetime.strptime(period, "%Y-%m").replace(tzinfo=UTC)
    except ValueError as error:
        raise ValueError(f"period is {period!r}; a month like 2026-10 is needed") from error
    return start, (start + timedelta(days=32)).replace(day=1)


def working_days(start: datetime, days: int) -> datetime:
    """The moment so many working days (Monday to Friday) after one, at the same time of day."""
    moment, left = start, days
    while left > 0:
        moment += timedelta(days=1)
        left -= moment.weekday() < _SATURDAY
    return moment


def zone_of(name: str) -> ZoneInfo:
    """The time zone of an IANA name, like ``Europe/Berlin``. Raises ``ValueError``."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"zone is {name!r}; an IANA name like Europe/Berlin is needed") from error


def due_at(period: str, policy: DigestPolicy | None = None) -> datetime:
    """When the digest of a month is due, UTC: the team's hour on the first working day of the month after.

    An hour that the clock skips or repeats on that day counts once: the moment its first reading would have had.
    """
    rules = policy or DigestPolicy()
    day = bounds(period)[1].date()
    while day.weekday() >= _SATURDAY:
        day += timedelta(days=1)
    return _local(day, rules)


def whole_at(period: str, policy: DigestPolicy | None = None) -> datetime:
    """When the digest of a month comes, UTC: once it is due, and the month, which is one of UTC, is over.

    East of Greenwich the first working day may begin before that; a month without its last hours has wrong sums.
    """
    return max(due_at(period, policy), bounds(period)[1])


def digest_due(now: datetime, deployed: datetime, policy: DigestPolicy | None = None) -> str | None:
    """The month before that of ``now`` (in the team's zone) when its digest is due; none before, or where unseen.

    A deployment from the future of ``now`` (a replayed clock) counts as having been there.
    """
    rules = policy or DigestPolicy()
    period = following(period_of(now.astimezone(zone_of(rules.zone))), -1)
    if now < due_at(period, rules):
        return None
    return None if bounds(period)[1] <= deployed <= now else period


def digests_due(now: datetime, deployed: datetime, policy: DigestPolicy | None = None) -> tuple[str, ...]:
    """Every month whose digest is due at ``now``, oldest first: those that ended after ``deployed``, a year at most."""
    rules = policy or DigestPolicy()
    newest = following(period_of(now.astimezone(zone_of(rules.zone))), -1)
    periods = [following(newest, -back) for back in reversed(range(_MONTHS_BACK))]
    if deployed > now:
        periods = periods[-1:]
    return tuple(one for one in periods if due_at(one, rules) <= now and (deployed > now or bounds(one)[1] > deployed))


def week_due(now: datetime, policy: DigestPolicy | None = None) -> str:
    """The week (ISO, ``2026-W48``) whose alerts are due at ``now``: the newest whose day and hour have come."""
    rules = policy or DigestPolicy()
    today = now.astimezone(zone_of(rules.zone)).date()
    day = today - timedelta(days=(today.weekday() - rules.weekday) % 7)
    if now < _local(day, rules):
        day -= timedelta(days=7)
    year, week, _ = day.isocalendar()
    return f"{year}-W{week:02d}"


def _local(day: date, rules: DigestPolicy) -> datetime:
    return datetime.combine(day, time(rules.hour), tzinfo=zone_of(rules.zone)).astimezone(UTC)
