"""A confusion matrix in steps of shade, or its most frequent confusions where it would be too wide. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

CLASSES_MOST = 10  # more columns are no table a person reads, on a phone least of all
CONFUSIONS_MOST = 15
STEPS = 10


@dataclass(frozen=True)
class Cell:
    """One count; ``step`` shades it by its share of the row, 0 to ``STEPS``; ``is_right`` is the diagonal."""

    count: int
    step: int
    is_right: bool


@dataclass(frozen=True)
class Confused:
    """How often one label was answered as another; an answer that is no label is ``invalid``."""

    expected: str
    answered: str
    count: int
    of: int


@dataclass(frozen=True)
class Confusion:
    """Expected labels (rows) against answers (columns, the last one invalid); ``rows`` is empty where too wide."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Cell, ...]], ...]
    worst: tuple[Confused, ...]


def confusion(classes: Sequence[str], counts: Sequence[Sequence[int]], invalid: str) -> Confusion:
    """Shade the counts; ``invalid`` names the last column."""
    columns = (*classes, invalid)
    wrong = [
        Confused(name, columns[column], count, sum(line))
        for place, (name, line) in enumerate(zip(classes, counts, strict=True))
        for column, count in enumerate(line)
        if count and column != place
    ]
    wrong.sort(key=lambda one: -one.count)
    shown = zip(classes, counts, strict=True) if len(classes) <= CLASSES_MOST else ()
    rows = tuple((name, _cells(place, line)) for place, (name, line) in enumerate(shown))
    return Confusion(columns, rows, tuple(wrong[:CONFUSIONS_MOST]))


def _cells(place: int, line: Sequence[int]) -> tuple[Cell, ...]:
    whole = sum(line) or 1
    return tuple(Cell(count, round(STEPS * count / whole), place == column) for column, count in enumerate(line))
