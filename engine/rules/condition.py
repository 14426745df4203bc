"""One condition of readiness: its words, its status, and the first row of a table that holds.

Knows nothing of which conditions there are or of the facts behind them.
"""

from __future__ import annotations

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
    """Spell named facts: "calls a month 900,000, break even not known"."""
    return ", ".join(
        f"{name.replace('_', ' ')} {'not known' if value is None else f'{value:,.6g}'}" for name, value in facts.items()
    )
