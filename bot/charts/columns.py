"""Columns side by side for each month: what was paid, and what prompting alone would have cost."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from bot.charts.canvas import NARROW, PROMPTED, TICKS, TUNED, WIDE, Axis, Sheet, both, marks
from bot.charts.cash import dollars

HEIGHT = {WIDE: 260, NARROW: 240}
_WIDTH = 0.36  # of a month's room, for each column
_ROOM = 1.06
_NAMES = {WIDE: 12, NARROW: 4}  # months whose names fit


def columns(
    months: Sequence[str], paid: Sequence[float], prompted: Sequence[float], *, name: str, title: str, alt: str
) -> Markup:
    """Draw US dollars by month; below nothing is drawn as nothing."""
    most = max((*paid, *prompted), default=0.0) * _ROOM or 1.0

    def draw(width: int) -> Sheet:
        every = -(-len(months) // _NAMES[width])
        names = tuple((float(place), said) for place, said in enumerate(months) if place % every == 0)
        up = Axis(0.0, most, marks(0.0, most, TICKS[width], dollars))
        sheet = Sheet(width, HEIGHT[width], across=Axis(-0.6, len(months) - 0.4, names), up=up)
        for place, sides in enumerate(zip(paid, prompted, strict=True)):
            for shift, usd, colour in zip((-_WIDTH, 0.0), sides, (TUNED, PROMPTED), strict=True):
                left = place + shift
                sheet.box(left, left + _WIDTH, bottom=0.0, top=max(usd, 0.0), colour=colour)
        return sheet

    return both(draw, name=name, title=title, alt=alt)
