"""Pictures as numbers a template can draw: an interval on a line, counts in shades, columns by month. Pure."""

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


@dataclass(frozen=True)
class Column:
    """One column: which series it is of (0, 1, …), where it stands and how high (pixels), and its value."""

    series: int
    x: float
    y: float
    width: float
    height: float
    value: float


@dataclass(frozen=True)
class Columns:
    """Columns in groups over shared categories; ``labels`` stand in the middle of each group, at x pixels."""

    columns: tuple[Column, ...]
    labels: tuple[tuple[str, float], ...]
    base: float


def columns(categories: Sequence[str], series: Sequence[Sequence[float]], height: float = 160.0) -> Columns:
    """Lay groups of columns out over ``WIDTH``; the highest value fills ``height``, values below 0 stand at 0."""
    most = max((value for values in series for value in values), default=0.0) or 1.0
    room = (WIDTH - 2 * _PAD) / max(len(categories), 1)
    width = room / (len(series) + 1)
    found = [
        Column(
            place, round(_PAD + at * room + (place + 0.5) * width, 1), round(height - tall, 1), round(width * 0.9, 1),
            round(tall, 1), value,
        )
        for place, values in enumerate(series)
        for at, value in enumerate(values)
        for tall in [max(value, 0.0) / most * height]
    ]  # fmt: skip
    labels = tuple((name, round(_PAD + (at + 0.5) * room, 1)) for at, name in enumerate(categories))
    return Columns(tuple(found), labels, height)


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
