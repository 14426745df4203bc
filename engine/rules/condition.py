"""One condition of readiness: its words, its status, and the first row of a table that holds.

Knows nothing of which conditions there are or of the facts behind them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """How one condition stands."""

    PASS = "pass"  # noqa: S105 a word, no password
    FAIL = "fail"
    UNKNOWN = "unknown"
    OVERRIDDEN = "overridden"


@dataclass(frozen=True)
class Condition:
    """One condition with the facts it was read from, the limits, and what to do next where it does not pass."""

    name: str
    status: Status
    value: str
    threshold: str
    how_to_fix: str = ""


Row = tuple[bool, Status, str]
Words = tuple[str, str, str]  # name, value, threshold


def first(words: Words, *rows: Row) -> Condition:
    """Give the condition of the first row that holds; a pass where none does."""
    name, value, threshold = words
    _, status, fix = next((row for row in rows if row[0]), (True, Status.PASS, ""))
    return Condition(name, status, value, threshold, fix)


def below(value: float | None, limit: float) -> bool:
    """Say whether a known value lies under the limit."""
    return value is not None and value < limit


def over(value: float | None, limit: float) -> bool:
    """Say whether a known value lies over the limit."""
    return value is not None and value > limit


def short(value: float | None, limit: float) -> bool:
    """Say whether a value is unknown or under the limit."""
    return value is None or value < limit


def said(**facts: float | None) -> str:
    """Spell named facts: "calls a month 900,000, spend $2,001.40, saving 72.5 %, break even not known".

    A name's ending says the unit, which is not spelled: ``_usd`` are dollars, ``_share`` is a share; others are counts,
    whole, or coefficients, to two decimals.
    """
    return ", ".join(_said(name, value) for name, value in facts.items())


def _said(name: str, value: float | None) -> str:
    kind = next((kind for kind in _UNITS if name.endswith(kind)), "")
    words = name.removesuffix(kind).replace("_", " ")
    return f"{words} {'not known' if value is None else _UNITS.get(kind, _plain)(value)}".strip()


def _plain(value: float) -> str:
    if math.isinf(value):
        return "never"
    return f"{value:,.0f}" if float(value).is_integer() or abs(value) >= _COUNTS else f"{value:.2f}"


def _dollars(value: float) -> str:
    return f"{'-' if value < 0 else ''}${abs(value):,.2f}".removesuffix(".00")


def _percent(value: float) -> str:
    return f"{value * 100:.1f}".removesuffix(".0") + " %"


_COUNTS = 10  # a coefficient is smaller
_UNITS: Mapping[str, Callable[[float], str]] = {"_usd": _dollars, "_share": _percent}
