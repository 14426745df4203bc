"""The sheet every chart is drawn on: two widths, the page's colours, marks with names, and a title for who cannot see.

The only file that imports ziaplot. Knows nothing of what is drawn.
"""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import ziaplot
from markupsafe import Markup

WIDE, NARROW = 720, 336  # pixels of width: a page's column, and a phone's
INK, SOFT, LINE = "var(--ink)", "var(--soft)", "var(--line)"
TUNED, PROMPTED, GOOD, BAD = "var(--tuned)", "var(--prompted)", "var(--good)", "var(--bad)"
LESS, MORE = "var(--less)", "var(--more)"
TICKS = {WIDE: 8, NARROW: 5}
_TEXT = 13  # pixels a letter is high
_LETTER = 0.6  # of that it is wide, in the widest of the fonts people have; ziaplot reckons with a narrow one
_RIGHT, _BELOW, _NAME = 16, 22, 6  # pixels for the last mark's half, for the axis' name, and from its foot to the edge
_STEPS, _EDGE = (0.1, 0.2, 0.25, 0.5, 1.0, 2.0, 2.5, 5.0), 1e-9
_ADDRESSED = ("clip-path", "marker-start", "marker-mid", "marker-end")
_CSS = f"""
* {{ font: inherit; font_size: {_TEXT}; color: {INK}; edge_color: {INK}; stroke_width: 2; }}
Scatter {{ edge_color: var(--page); }}
Text {{ font: inherit; font_size: {_TEXT}; }}
Canvas {{ color: none; }}
Graph {{ color: none; edge_color: {LINE}; edge_width: 1; }}
Graph.GridX {{ color: {LINE}; stroke_width: 1; stroke: solid; }}
Graph.GridY {{ color: {LINE}; stroke_width: 1; stroke: solid; }}
Graph.TickX {{ color: {SOFT}; height: 4; stroke_width: 1; font_size: {_TEXT}; margin: 3; pad: 0; }}
Graph.TickY {{ color: {SOFT}; height: 0; stroke_width: 1; font_size: {_TEXT}; margin: 6; pad: 0; }}
ErrorBar.MarkerXError {{ shape: |; radius: 8; stroke_width: 3; edge_width: 2; color: auto; }}
"""


@dataclass(frozen=True)
class Axis:
    """From where to where, and the marks: places and what stands at them. ``name`` says what is counted."""

    low: float
    high: float
    marks: tuple[tuple[float, str], ...]
    name: str = ""


class Sheet:
    """One drawing of a width and a height in pixels, with an axis to the right and one upwards."""

    def __init__(self, width: int, height: int, *, across: Axis, up: Axis, rows_only: bool = False) -> None:
        self.width = width
        self._height, self._name = height, across.name
        self._left = max((len(said) for _, said in up.marks), default=0) * _TEXT * (_LETTER - 0.4) + 2
        graph = ziaplot.Graph()
        graph.css(_CSS + ("Graph.GridY { color: none; }" if rows_only else "Graph.GridX { color: none; }"))
        graph.size(width - self._left - _RIGHT, height - _BELOW)
        graph.legend("none")
        graph.xrange(across.low, across.high)
        graph.yrange(up.low, up.high)
        graph.xticks([place for place, _ in across.marks], [said for _, said in across.marks])
        graph.yticks([place for place, _ in up.marks] or [up.low], [said for _, said in up.marks] or [""])
        if not up.marks:
            graph.noyticks()
        self._graph = graph

    @property
    def is_narrow(self) -> bool:
        """Whether it is drawn for a phone."""
        return self.width == NARROW

    def area(self, across: Sequence[float], top: Sequence[float], bottom: Sequence[float], colour: str) -> None:
        """Fill between two lines; ``colour`` may carry an opacity: ``var(--ink) 20%``."""
        filled = ziaplot.LineFill(across, top, bottom)
        filled.fill(colour)
        filled.color("none")
        self._graph.add(filled)

    def box(self, low: float, high: float, *, bottom: float, top: float, colour: str) -> None:
        """Fill a rectangle."""
        self.area((low, high), (top, top), (bottom, bottom), colour)

    def line(
        self, across: Sequence[float], up: Sequence[float], colour: str, *, dashes: str = "-", width: float = 2
    ) -> None:
        """Join places by a line."""
        drawn = ziaplot.PolyLine(across, up)
        drawn.color(colour)
        drawn.stroke(dashes)  # pyright: ignore[reportArgumentType] # any dash of SVG is taken
        drawn.strokewidth(width)
        self._graph.add(drawn)

    def bar(self, low: float, middle: float, high: float, *, up: float, colour: str) -> None:
        """An interval with its ends, lying at ``up``, and a dot at its middle."""
        self.line((low, high), (up, up), colour, width=3)
        for end, shape in ((low, "|"), (high, "|"), (middle, "o")):
            mark = ziaplot.Scatter([end, end], [up, up])  # of one place it writes a path that is none
            mark.color(colour)
            mark.marker(shape, 7 if shape == "|" else 5)  # pyright: ignore[reportArgumentType] # both are marker shapes
            self._graph.add(mark)

    def words(self, across: float, up: float, said: str, *, at: str = "left", colour: str = SOFT) -> None:
        """Text that begins, centres or ends at a place."""
        text = ziaplot.Text(across, up, said, halign=at, valign="center")  # pyright: ignore[reportArgumentType] # left, center, right
        text.color(colour)
        self._graph.add(text)

    def svg(self, name: str, title: str, alt: str) -> str:
        """The drawing as SVG with a title and a description; ids begin with ``name``, which is its own on the page."""
        root = self._graph.svgxml()
        self._frame(root)
        for tag, said in (("desc", alt), ("title", title)):
            told = ET.Element(tag, {"id": f"{name}-{tag}"})
            told.text = said
            root.insert(0, told)
        root.attrib |= {"role": "img", "aria-labelledby": f"{name}-title {name}-desc"}
        _rename(root, name)
        return ET.tostring(root, encoding="unicode")

    def _frame(self, root: ET.Element) -> None:
        """Make room for what ziaplot's measure of letters cuts off, and write the axis' name below its marks."""
        left, height = round(self._left), self._height
        root.attrib |= {"width": f"{self.width}", "height": f"{height}", "viewBox": f"-{left} 0 {self.width} {height}"}
        place = {"x": f"{self.width / 2 - left:g}", "y": f"{height - _NAME}", "text-anchor": "middle"}
        told = ET.SubElement(root, "text", {**place, "fill": SOFT, "font-size": f"{_TEXT}", "font-family": "inherit"})
        told.text = self._name


def both(draw: Callable[[int], Sheet], *, name: str, title: str, alt: str) -> Markup:
    """A chart drawn for a wide window and for a phone; the page's style shows one of them."""
    told: list[str] = []
    for kind, width in (("wide", WIDE), ("narrow", NARROW)):
        told.append(f'<div class="{kind}">{draw(width).svg(f"{name}-{kind}", _plain(title), _plain(alt))}</div>')
    return Markup("".join(told))  # noqa: S704 (an XML writer escaped every word)


def marks(low: float, high: float, most: int, say: Callable[[float], str]) -> tuple[tuple[float, str], ...]:
    """Round places between two ends, at most so many, with what ``say`` says of each."""
    size = 10.0 ** math.floor(math.log10(high - low))
    step = next(size * part for part in _STEPS if (high - low) / (size * part) < most)
    first, last = math.ceil(low / step - _EDGE), math.floor(high / step + _EDGE)
    return tuple((place * step, say(place * step)) for place in range(first, last + 1))


def _plain(words: str) -> str:
    """What a template made, as it is read: the XML writer escapes it again."""
    return " ".join((words.unescape() if isinstance(words, Markup) else words).split())


def _rename(root: ET.Element, name: str) -> None:
    """Ids count from 1 in each drawing of ziaplot's; several stand on one page."""
    for part in root.iter():
        if part.tag in ("clipPath", "marker"):
            part.set("id", f"{name}-{part.get('id')}")
        for key in _ADDRESSED:
            if key in part.attrib:
                part.set(key, part.attrib[key].replace("url(#", f"url(#{name}-"))
