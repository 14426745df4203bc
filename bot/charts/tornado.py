"""What moves a sum most: for each input a bar from where it falls to where it rises."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from markupsafe import Markup

from bot.charts.canvas import INK, LESS, MORE, TICKS, Axis, Sheet, both, marks
from bot.charts.cash import dollars
from engine.desk.reports import Swing

_ROW, _FRAME = 40, 60  # pixels of a bar's row, and of the axis below
_HALF = 0.32
_ROOM = 1.1


def tornado(
    swings: Sequence[Swing], names: Mapping[str, str], *, name: str, title: str, alt: str, across: str
) -> Markup:
    """Draw by how many US dollars the sum changes; ``names`` say each input in words, ``across`` the axis."""
    reach = max(abs(end) for swing in swings for end in (swing.low_usd, swing.high_usd)) * _ROOM or 1.0

    def draw(width: int) -> Sheet:
        up = Axis(-0.6, len(swings) - 0.4, tuple((float(row), names[one.name]) for row, one in _rows(swings)))
        axis = Axis(-reach, reach, marks(-reach, reach, TICKS[width], dollars), across)
        sheet = Sheet(width, _ROW * len(swings) + _FRAME, across=axis, up=up, rows_only=True)
        for row, swing in _rows(swings):
            for end, colour in ((swing.low_usd, LESS), (swing.high_usd, MORE)):
                sheet.box(min(end, 0), max(end, 0), bottom=row - _HALF, top=row + _HALF, colour=colour)
        sheet.line((0, 0), (-0.6, len(swings) - 0.4), INK, width=1)
        return sheet

    return both(draw, name=name, title=title, alt=alt)


def _rows(swings: Sequence[Swing]) -> list[tuple[int, Swing]]:
    """The widest on top."""
    return [(len(swings) - 1 - place, swing) for place, swing in enumerate(swings)]
