"""Lay a data_visualization block out: where bars, lines, slices, ticks and labels go in an SVG of 560 by 260.

Knows nothing of colours or of SVG's words; `templates/standin/chart.html.j2` draws it, with a table beside it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from bot.blockkit.shape import Json, mapping, mappings, sequence, string

WIDTH, HEIGHT = 560, 260
LEFT, RIGHT, TOP, BOTTOM = 66, 12, 14, 44
CENTRE_X, CENTRE_Y, RADIUS = 130, 128, 104
GAP = 0.24  # share of a group's width left free
STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True)
class Shape:
    """A bar, a line, an area or a slice: an SVG path in the colour of its series, and what it stands for."""

    path: str
    colour: int
    label: str
    is_line: bool = False
    is_area: bool = False


@dataclass(frozen=True)
class Mark:
    """A word at a place: a tick of the scale or a category."""

    x: float
    y: float
    text: str


@dataclass(frozen=True)
class Chart:
    """All that is drawn, and the same numbers as rows of a table."""

    kind: str
    title: str
    shapes: tuple[Shape, ...]
    ticks: tuple[Mark, ...]
    categories: tuple[Mark, ...]
    legend: tuple[str, ...]
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    x_label: str = ""
    y_label: str = ""


def lay_out(block: Json) -> Chart:
    """The chart of a data_visualization block."""
    chart = mapping(block.get("chart"))
    if chart.get("type") == "pie":
        return _pie(string(block.get("title")), mappings(chart.get("segments")))
    return _axes(string(block.get("title")), chart)


def number(value: float) -> str:
    """A number as a table shows it: thousands separated, no idle zeros."""
    return f"{value:,.4f}".rstrip("0").rstrip(".")


def _pie(title: str, segments: list[Json]) -> Chart:
    total = sum(float(segment["value"]) for segment in segments)
    shapes: list[Shape] = []
    rows: list[tuple[str, ...]] = []
    turned = 0.0
    for index, segment in enumerate(segments):
        share = float(segment["value"]) / total
        told = f"{segment['label']}: {number(float(segment['value']))} ({share:.0%})"
        shapes.append(Shape(_slice(turned, share), index, told))
        rows.append((string(segment["label"]), number(float(segment["value"])), f"{share:.0%}"))
        turned += share
    legend = tuple(string(segment["label"]) for segment in segments)
    return Chart("pie", title, tuple(shapes), (), (), legend, ("", "Value", "Share"), tuple(rows))


def _slice(turned: float, share: float) -> str:
    if share > 0.9999:
        top = f"M {CENTRE_X} {CENTRE_Y - RADIUS}"
        return f"{top} a {RADIUS} {RADIUS} 0 1 1 -0.01 0 Z"
    (x1, y1), (x2, y2) = _rim(turned), _rim(turned + share)
    large = 1 if share > 0.5 else 0
    return f"M {CENTRE_X} {CENTRE_Y} L {x1} {y1} A {RADIUS} {RADIUS} 0 {large} 1 {x2} {y2} Z"


def _rim(turned: float) -> tuple[float, float]:
    angle = 2 * math.pi * turned
    return round(CENTRE_X + RADIUS * math.sin(angle), 2), round(CENTRE_Y - RADIUS * math.cos(angle), 2)


@dataclass(frozen=True)
class _Scale:
    """From a value to a height, over round ticks that always hold zero."""

    low: float
    high: float
    step: float

    @classmethod
    def over(cls, values: list[float]) -> _Scale:
        low, high = min(0.0, *values), max(0.0, *values)
        rough = (high - low or 1.0) / 4
        power = 10 ** math.floor(math.log10(rough))
        step = next(step for step in STEPS if step * power >= rough * 0.999) * power
        return cls(math.floor(low / step) * step, math.ceil((high or step) / step) * step, step)

    def y(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return round(HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM), 2)

    def ticks(self) -> tuple[Mark, ...]:
        count = round((self.high - self.low) / self.step)
        levels = [self.low + index * self.step for index in range(count + 1)]
        return tuple(Mark(LEFT, self.y(level), number(round(level, 10))) for level in levels)


def _axes(title: str, chart: Json) -> Chart:
    axis = mapping(chart.get("axis_config"))
    categories = [str(name) for name in sequence(axis.get("categories"))]
    series = [(string(line.get("name")), _by_label(line)) for line in mappings(chart.get("series"))]
    scale = _Scale.over([value for _, points in series for value in points.values()])
    width = (WIDTH - LEFT - RIGHT) / max(len(categories), 1)
    centres = [round(LEFT + width * (index + 0.5), 2) for index in range(len(categories))]
    every = max(1, math.ceil(len(categories) / 8))  # more than eight labels would run into each other
    draw = _bars if chart.get("type") == "bar" else _lines
    return Chart(
        kind=string(chart.get("type")),
        title=title,
        shapes=tuple(draw(series, categories, scale, centres, area=chart.get("type") == "area")),
        ticks=scale.ticks(),
        categories=tuple(
            Mark(x, HEIGHT - BOTTOM + 17, name)
            for index, (x, name) in enumerate(zip(centres, categories, strict=True))
            if index % every == 0
        ),
        legend=tuple(name for name, _ in series),
        head=(string(axis.get("x_label")), *(name for name, _ in series)),
        rows=tuple((name, *(number(points[name]) for _, points in series)) for name in categories),
        x_label=string(axis.get("x_label")),
        y_label=string(axis.get("y_label")),
    )


def _by_label(line: Json) -> dict[str, float]:
    return {string(point.get("label")): float(point["value"]) for point in mappings(line.get("data"))}


_Series = list[tuple[str, dict[str, float]]]


def _bars(series: _Series, categories: list[str], scale: _Scale, centres: list[float], *, area: bool) -> list[Shape]:
    del area
    group = (WIDTH - LEFT - RIGHT) / max(len(categories), 1)
    width = group * (1 - GAP) / len(series)
    shapes: list[Shape] = []
    for colour, (name, points) in enumerate(series):
        for centre, category in zip(centres, categories, strict=True):
            x = round(centre - group * (1 - GAP) / 2 + width * colour, 2)
            path = f"M {x} {scale.y(0)} V {scale.y(points[category])} h {round(width * 0.94, 2)} V {scale.y(0)} Z"
            shapes.append(Shape(path, colour, f"{name}, {category}: {number(points[category])}"))
    return shapes


def _lines(series: _Series, categories: list[str], scale: _Scale, centres: list[float], *, area: bool) -> list[Shape]:
    shapes: list[Shape] = []
    for colour, (name, points) in enumerate(series):
        steps = [f"{x} {scale.y(points[category])}" for x, category in zip(centres, categories, strict=True)]
        path = f"M {' L '.join(steps)}"
        if area:
            floor = scale.y(0)
            shapes.append(Shape(f"{path} L {centres[-1]} {floor} L {centres[0]} {floor} Z", colour, name, is_area=True))
        shapes.append(Shape(path, colour, name, is_line=True))
    return shapes
