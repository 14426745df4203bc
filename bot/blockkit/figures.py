"""Write numbers for people: few figures, a unit, a direction; what is not known is said as unknown.

Knows nothing of what the numbers mean.
"""

from __future__ import annotations

import math
from datetime import UTC, date, datetime

from engine.models.money import NANO

UNKNOWN = "unknown"

_TENTH_MS = 0.1
_SECOND_MS = 1_000
_MINUTE, _HOUR = 60, 3_600


def percent(share: float | None) -> str:
    """``91.2 %`` of a fraction."""
    return UNKNOWN if share is None else f"{_idle(f'{share * 100:.1f}')} %"


def points(difference: float | None) -> str:
    """``+3.1 points`` of a difference of fractions; the sign says which way."""
    return UNKNOWN if difference is None else f"{plus(difference)} points"


def plus(difference: float | None) -> str:
    """``+3.1`` of a difference of fractions, in points, for the ends of an interval."""
    if difference is None:
        return UNKNOWN
    told = _idle(f"{difference * 100:+.1f}")
    return "0" if told in ("+0", "-0") else told


def loss(margin: float | None) -> str:
    """``2 points`` of a fraction: how far apart two qualities may be."""
    if margin is None:
        return UNKNOWN
    told = _idle(f"{margin * 100:.1f}")
    return f"{told} {'point' if told == '1' else 'points'}"


def usd(amount: float | None) -> str:
    """``$620``, ``$1.40``: US dollars to two figures, and never a dime without its cent's place."""
    if amount is None:
        return UNKNOWN
    sign = "-" if amount < 0 else ""
    told = _two_figures(abs(amount))
    return f"{sign}${told}0" if told[-2:-1] == "." else f"{sign}${told}"


def size(amount: float | None) -> str:
    """``$620`` of -620: for where a word says the direction."""
    return UNKNOWN if amount is None else usd(abs(amount))


def exactly(amount: float | None) -> str:
    """``$1,000.50``: a sum a person set, as they set it."""
    return UNKNOWN if amount is None else f"${amount:,.2f}".removesuffix(".00")


def bill(amount: float | None) -> str:
    """``$1,000.50``, and ``$0.00036`` where cents would say nothing: a sum that was spent."""
    if amount is not None and 0 < amount < 0.005:
        return rate(float(f"{amount:.2g}"))
    return exactly(amount)


def rate(amount: float | None) -> str:
    """``$2.50``, ``$0.075``: a price, with as many digits as it has."""
    if amount is None:
        return UNKNOWN
    whole, _, part = f"{amount:,.9f}".partition(".")
    part = part.rstrip("0")
    return f"${whole}.{part.ljust(2, '0')}" if part else f"${whole}"


def nano(amount: int | None) -> str:
    """US dollars to two figures, of nano-dollars."""
    return UNKNOWN if amount is None else usd(amount / NANO)


def ms(duration: float | None) -> str:
    """``640 ms`` or ``1.2 s`` of milliseconds; nobody waits for less than a tenth of one."""
    if duration is None:
        return UNKNOWN
    if 0 <= duration < _TENTH_MS:
        return "under 0.1 ms"
    return f"{_two_figures(duration)} ms" if duration < _SECOND_MS else f"{_two_figures(duration / _SECOND_MS)} s"


def lasting(seconds: float | None) -> str:
    """``42 s``, ``3 min`` or ``1.4 h`` of seconds; nobody plans by less than one."""
    if seconds is None:
        return UNKNOWN
    if 0 <= seconds < 1:
        return "under 1 s"
    if seconds < _MINUTE:
        return f"{_two_figures(seconds)} s"
    return f"{seconds / _MINUTE:.0f} min" if seconds < _HOUR else f"{_two_figures(seconds / _HOUR)} h"


def figure(number: float | None) -> str:
    """``7.4``: a bare number to two figures."""
    return UNKNOWN if number is None else _two_figures(number)


def count(number: int | None) -> str:
    """``12,400``."""
    return UNKNOWN if number is None else f"{number:,}"


def several(number: int | None, one: str, many: str) -> str:
    """``1 row`` or ``437 rows``."""
    return f"{UNKNOWN} {many}" if number is None else f"{number:,} {one if number == 1 else many}"


def day(moment: date | None) -> str:
    """``2026-11-03``."""
    if isinstance(moment, datetime):
        moment = moment.astimezone(UTC).date()
    return UNKNOWN if moment is None else moment.isoformat()


def utc(moment: datetime) -> str:
    """``2026-11-03 14:02 UTC``."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _two_figures(number: float) -> str:
    if number == 0 or not math.isfinite(number):
        return f"{number:g}"
    places = 1 - math.floor(math.log10(abs(number)))
    return (
        f"{round(number, places):,.{max(places, 0)}f}" if places <= 0 else _idle(f"{round(number, places):.{places}f}")
    )


def _idle(number: str) -> str:
    return number.rstrip("0").rstrip(".") if "." in number else number
