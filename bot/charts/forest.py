"""Shares with their intervals, one row for each thing measured, one colour for each side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from bot.blockkit.escape import cut
from bot.charts.canvas import NARROW, PROMPTED, TICKS, TUNED, WIDE, Axis, Sheet, both, marks
from engine.desk.reports import Interval

_ROW, _FRAME = 36, 60
_LETTERS = {WIDE: 28, NARROW: 14}
_APART = 0.17  # how far two sides of a row lie from its middle
_PERCENT = 100.0


@dataclass(frozen=True)
class Row:
    """One row: what it is, and the share of each side with its ends; none where a side has none."""

    name: str
    tuned: Interval | None
    prompted: Interval | None


def forest(rows: Sequence[Row], *, name: str, title: str, alt: str, across: str) -> Markup:
    """Draw shares in percent, the first row on top; ``across`` names the axis."""
    known = [side for row in rows for side in (row.tuned, row.prompted) if side]
    least = max(min(side.low for side in known) - 0.02, 0.0) * _PERCENT
    most = min(max(side.high for side in known) + 0.02, 1.0) * _PERCENT

    def draw(width: int) -> Sheet:
        places = [(float(len(rows) - 1 - place), row) for place, row in enumerate(rows)]
        up = Axis(-0.6, len(rows) - 0.4, tuple((up, cut(row.name, _LETTERS[width])) for up, row in places))
        axis = Axis(least, most, marks(least, most, TICKS[width], lambda place: f"{place:g} %"), across)
        sheet = Sheet(width, _ROW * len(rows) + _FRAME, across=axis, up=up, rows_only=True)
        for up_at, row in places:
            apart = _APART if row.tuned and row.prompted else 0.0
            for side, colour, shift in ((row.tuned, TUNED, apart), (row.prompted, PROMPTED, -apart)):
                if side:
                    ends = (side.low * _PERCENT, side.estimate * _PERCENT, side.high * _PERCENT)
                    sheet.bar(*ends, up=up_at + shift, colour=colour)
        return sheet

    return both(draw, name=name, title=title, alt=alt)
