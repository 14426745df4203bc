"""Show scores of dev rounded as by the Ladder, so that many look-ups teach little of the rows (docs/rules.md 3).

Knows nothing of who was scored or where the board is shown.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from engine.rules import checks
from engine.rules.seal import ladder


@dataclass(frozen=True)
class Entry:
    """A contender's score on dev (a fraction) over a number of rows."""

    name: str
    score: float
    rows: int


@dataclass(frozen=True)
class Line:
    """What is shown of a contender: its score where it was the best when it came, else the best it did not pass."""

    name: str
    shown: float
    is_best: bool


@dataclass(frozen=True)
class Leaderboard:
    """The lines in the order the contenders were scored, and the best shown; none without any."""

    lines: tuple[Line, ...]
    best: float | None


def leaderboard(entries: Iterable[Entry], before: float | None = None) -> Leaderboard:
    """Give the board of contenders scored one after another; ``before`` is the best shown on these rows earlier.

    A new best beats the old by more than sd/sqrt(rows); sd is the most a score in [0, 1] of that mean can have.
    Raises ValueError for scores outside [0, 1] or fewer than 1 row.
    """
    best = before
    lines: list[Line] = []
    for entry in entries:
        score = checks.share(f"score of {entry.name}", entry.score)
        shown = ladder(best, score, math.sqrt(score * (1.0 - score)), entry.rows)
        leads = best is None or shown > best
        lines.append(Line(entry.name, shown, leads))
        best = shown
    return Leaderboard(tuple(lines), best)
