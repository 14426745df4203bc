"""Read a day however people write it, where it can be read in one way only. Knows nothing of fields or documents."""

from __future__ import annotations

import re
from datetime import date

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_ISO = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})(?:[t ].*)?")
_DOTTED = re.compile(r"(\d{1,2})\.\s?(\d{1,2})\.\s?(\d{4})")
_DAY_FIRST = re.compile(r"(\d{1,2})(?:st|nd|rd|th)?\.?\s+([a-z]{3,9})\.?,?\s+(\d{4})")
_MONTH_FIRST = re.compile(r"([a-z]{3,9})\.?\s+(\d{1,2})(?:st|nd|rd|th)?,?\s+(\d{4})")


def read_date(value: object) -> date | None:
    """Give the day: ``2026-01-02`` (a time after it is left out), ``2.1.2026``, ``2 Jan 2026``, ``January 2, 2026``.

    None where it is none of these, or is no day of the calendar. ``01/02/2026`` is two days, and so none.
    """
    text = str(value).strip().casefold()
    for pattern, order in ((_ISO, "ymd"), (_DOTTED, "dmy"), (_DAY_FIRST, "dmy"), (_MONTH_FIRST, "mdy")):
        found = pattern.fullmatch(text)
        if found is not None:
            parts = dict(zip(order, found.groups(), strict=True))
            return _day(parts["y"], parts["m"], parts["d"])
    return None


def _day(year: str, month: str, day: str) -> date | None:
    number = int(month) if month.isdigit() else _named(month)
    try:
        return date(int(year), number, int(day))
    except ValueError:
        return None


def _named(month: str) -> int:
    return _MONTHS.index(month[:3]) + 1 if month[:3] in _MONTHS else 0
