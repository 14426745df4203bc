"""A difference with its interval, against nothing and against the margin."""

from __future__ import annotations

from markupsafe import Markup

from bot.charts.canvas import BAD, GOOD, INK, SOFT, TICKS, Axis, Sheet, both, marks

HEIGHT = 180
_ROOM = 0.14  # of the width, on each side
_LEAST = 0.01  # a difference of a point at least is looked at
_BAR, _TOP, _FIRST, _SECOND = 0.33, 0.66, 0.93, 0.76
POINT = 100.0


def interval(
    low: float, middle: float, high: float, *, margin: float, name: str, title: str, alt: str, words: tuple[str, ...]
) -> Markup:
    """Draw a difference of fractions in points; ``words`` name the axis, the margin's line and the one at nothing."""
    across, at_margin, at_nothing = words
    least, most = min(low, -margin, 0.0), max(high, 0.0)
    room = max(most - least, _LEAST) * _ROOM
    least, most = (least - room) * POINT, (most + room) * POINT

    def draw(width: int) -> Sheet:
        axis = Axis(least, most, marks(least, most, TICKS[width], _points), across)
        sheet = Sheet(width, HEIGHT, across=axis, up=Axis(0.0, 1.0, ()))
        sheet.box(least, -margin * POINT, bottom=0, top=_TOP, colour=f"{BAD} 14%")
        sheet.box(0.0, most, bottom=0, top=_TOP, colour=f"{GOOD} 14%")
        sheet.line((-margin * POINT,) * 2, (0, _FIRST - 0.07), BAD, dashes="6 4")
        sheet.line((0.0, 0.0), (0, _TOP), SOFT, dashes="2 3")
        sheet.words(-margin * POINT, _FIRST, at_margin, at="right" if _fits(-margin * POINT, least, most) else "left")
        sheet.words(0.0, _SECOND, at_nothing, at="right" if _fits(0.0, least, most) else "left")
        sheet.bar(low * POINT, middle * POINT, high * POINT, up=_BAR, colour=INK)
        return sheet

    return both(draw, name=name, title=title, alt=alt)


def _fits(place: float, least: float, most: float) -> bool:
    return (place - least) / (most - least) > 0.3


def _points(place: float) -> str:
    return f"{place:+g}" if round(place, 6) else "0"
