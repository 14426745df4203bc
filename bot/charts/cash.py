"""Two ways of spending over the months with their bands, and the month in which the second has paid for itself."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from bot.charts.canvas import NARROW, PROMPTED, SOFT, TICKS, TUNED, WIDE, Axis, Sheet, both, marks
from engine.desk.reports import CashCurve

HEIGHT = {WIDE: 350, NARROW: 320}
_BAND = "18%"
_ROOM = 1.06  # above the highest line


def cash(curve: CashCurve, *, name: str, title: str, alt: str, words: tuple[str, str]) -> Markup:
    """Draw cumulated US dollars over months; ``words`` name the axis and what happens at break-even."""
    months, ways = curve.months, ((curve.stay, PROMPTED, "-"), (curve.tune, TUNED, "8 4"))
    most = max(max(*way.planned, *way.high) for way, _, _ in ways) * _ROOM or 1.0

    def draw(width: int) -> Sheet:
        across = Axis(0, months[-1], _months(months, width), words[0])
        sheet = Sheet(width, HEIGHT[width], across=across, up=Axis(0.0, most, marks(0.0, most, TICKS[width], dollars)))
        _even(sheet, curve, most, words[1])
        for way, colour, _ in ways:
            sheet.area(months, way.high, way.low, f"{colour} {_BAND}")
        for way, colour, dashes in ways:
            sheet.line(months, way.planned, colour, dashes=dashes, width=3)
        return sheet

    return both(draw, name=name, title=title, alt=alt)


def _months(months: Sequence[int], width: int) -> tuple[tuple[float, str], ...]:
    step = next(step for step in (1, 2, 3, 6, 12) if len(months) / step <= TICKS[width] * 1.7)
    return tuple((float(month), str(month)) for month in months[::step])


def _even(sheet: Sheet, curve: CashCurve, most: float, said: str) -> None:
    even, end = curve.break_even, curve.months[-1]
    if even.low is not None:
        high = end if even.high is None else even.high
        sheet.box(even.low, high, bottom=0, top=most, colour=f"{SOFT} 12%")
    if even.planned is None:
        return
    sheet.line((even.planned,) * 2, (0, most), SOFT, dashes="2 3", width=2)
    is_late = even.planned > end * (0.4 if sheet.is_narrow else 0.6)
    sheet.words(even.planned + (-0.15 if is_late else 0.15), most * 0.95, said, at="right" if is_late else "left")


def dollars(amount: float) -> str:
    """``$12,500`` or ``-$1.2M``: a mark on an axis, never rounded to another one."""
    sign, size = ("-" if amount < 0 else ""), abs(amount)
    if size >= 1_000_000:
        return f"{sign}${size / 1_000_000:g}M"
    return f"{sign}${size:,.0f}" if size >= 10 or not size else f"{sign}${size:g}"
