"""Pictures as numbers a template can draw: an interval on a line, a confusion matrix in shades. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH = 640.0
_PAD = 24.0
_STEPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
_TICKS_MOST = 9
POINT = 100


@dataclass(frozen=True)
class Tick:
    """A mark on the axis: where (pixels) and what it says (points)."""

    x: float
    points: str


@dataclass(frozen=True)
class IntervalPlot:
    """A difference with its interval against nothing and against the margin; all x in pixels of ``WIDTH``."""

    low: float
    middle: float
    high: float
    zero: float
    margin: float
    ticks: tuple[Tick, ...]


@dataclass(frozen=True)
class Cell:
    """One count of a confusion matrix; ``share`` of its row in 0..1 shades it, ``right`` is the diagonal."""

    count: int
    share: float
    right: bool


@dataclass(frozen=True)
class Confusion:
    """Expected labels (rows) against answers (columns, the last one invalid)."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Cell, ...]], ...]


def interval(low: float, middle: float, high: float, margin: float) -> IntervalPlot:
    """Lay a difference out between its ends, nothing and the margin, with a little room."""
    least, most = min(low, -margin, 0.0), max(high, 0.0)
    room = max(most - least, 0.02) * 0.08
    least, most = least - room, most + room

    def x(value: float) -> float:
        return round(_PAD + (value - least) / (most - least) * (WIDTH - 2 * _PAD), 1)

    step = next((step for step in _STEPS if (most - least) / step <= _TICKS_MOST), 1.0)
    first, last = int(least / step) - 1, int(most / step) + 1
    marks = [place * step for place in range(first, last + 1) if least <= place * step <= most]
    ticks = tuple(Tick(x(mark), f"{mark * POINT:+.0f}" if round(mark, 6) else "0") for mark in marks)
    return IntervalPlot(x(low), x(middle), x(high), x(0.0), x(-margin), ticks)


def confusion(classes: Sequence[str], counts: Sequence[Sequence[int]]) -> Confusion:
    """Shade the counts by their share of the row."""
    rows = tuple(
        (name, tuple(Cell(count, count / (sum(line) or 1), place == column) for column, count in enumerate(line)))
        for place, (name, line) in enumerate(zip(classes, counts, strict=True))
    )
    return Confusion((*classes, "invalid"), rows)
