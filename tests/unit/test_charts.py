"""A chart shows the numbers it is given: the same bytes each time, marks that are round, words that stay words."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from markupsafe import Markup

from bot.charts import cash, columns, forest, interval, tornado
from bot.charts.canvas import NARROW, WIDE, marks
from bot.charts.confusion import confusion
from engine.rules.cash import BreakEven, cash_curve
from engine.rules.compare import Interval
from engine.rules.cost import Plan, Swing
from engine.rules.cost import tornado as swings

A = Plan(1e6, 0.0022, 0, 1084, 6448.8)
SVG = "{http://www.w3.org/2000/svg}"
WORDS = {"name": "chart", "title": "A title", "alt": "What it shows"}


def of_cash(**changes: Any) -> Markup:
    curve = cash_curve(A, draws=300, seed=1)
    return cash.cash(replace(curve, **changes), words=("months", "pays back"), **WORDS)


def of_interval(low: float = -0.014, middle: float = 0.007, high: float = 0.028, margin: float = 0.02) -> Markup:
    return interval.interval(low, middle, high, margin=margin, words=("points", "margin", "equal"), **WORDS)


def of_tornado() -> Markup:
    names = {"volume": "calls", "baseline_price": "price", "fixed": "fixed", "one_time": "once"}
    return tornado.tornado(swings(A), names, across="dollars", **WORDS)


def of_forest(*rows: forest.Row) -> Markup:
    known = rows or (forest.Row("billing", Interval(0.9, 0.85, 0.93), Interval(0.8, 0.7, 0.9)),)
    return forest.forest(known, across="share", **WORDS)


def of_columns(*months: str) -> Markup:
    known = months or ("2026-09", "2026-10")
    return columns.columns(known, [810.0] * len(known), [2_200.0] * len(known), **WORDS)


CHARTS = pytest.mark.parametrize("draw", [of_cash, of_columns, of_interval, of_tornado, of_forest])


def drawings(chart: Markup) -> list[ET.Element]:
    return [ET.fromstring(svg) for svg in re.findall(r"<svg.*?</svg>", chart, re.DOTALL)]


def said(drawing: ET.Element) -> list[str]:
    return [part.text or "" for part in drawing.iter(f"{SVG}text")]


@CHARTS
def test_a_chart_is_drawn_for_a_window_and_for_a_phone(draw: Any) -> None:
    wide, narrow = drawings(draw())

    assert (wide.get("width"), narrow.get("width")) == (str(WIDE), str(NARROW))
    for drawing in (wide, narrow):
        left, _, width, _ = map(float, drawing.attrib["viewBox"].split())
        assert width == float(drawing.attrib["width"])
        for text in drawing.iter(f"{SVG}text"):
            assert left <= float(text.attrib["x"]) <= left + width


@CHARTS
def test_the_same_numbers_give_the_same_bytes_in_any_thread(draw: Any) -> None:
    with ThreadPoolExecutor(4) as threads:
        drawn = set(threads.map(lambda _: str(draw()), range(8)))

    assert drawn == {str(draw())}


@CHARTS
def test_what_a_chart_points_at_is_in_it(draw: Any) -> None:
    for drawing in drawings(draw()):
        ids = {part.get("id") for part in drawing.iter() if part.get("id")}
        pointed = set(re.findall(r"url\(#([^)]*)\)", ET.tostring(drawing, encoding="unicode")))
        assert pointed <= ids
        assert set(drawing.attrib["aria-labelledby"].split()) <= ids


@given(st.floats(-1, 1), st.floats(0, 1), st.floats(0, 1), st.floats(0, 0.5))
@settings(max_examples=30, deadline=None)
def test_any_interval_can_be_drawn(low: float, one: float, two: float, margin: float) -> None:
    for drawing in drawings(of_interval(low, low + one, low + one + two, margin)):
        assert "margin" in said(drawing)
        assert "0" in said(drawing)


@given(st.floats(-1e7, 1e7), st.floats(1e-4, 1e7), st.integers(3, 12))
def test_marks_are_round_inside_and_few(low: float, width: float, most: int) -> None:
    assume(width > abs(low) * 1e-6)  # nearer together, floats themselves are not round
    found = [place for place, _ in marks(low, low + width, most, str)]

    assert 1 <= len(found) <= most + 1
    assert low - width * 1e-6 <= found[0]
    assert found[-1] <= low + width * (1 + 1e-6)
    steps = {round((after - before) / width, 3) for before, after in pairwise(found)}
    assert len(steps) <= 1


def test_break_even_is_marked_where_there_is_one() -> None:
    even = BreakEven(5.8, 4.1, 7.9, None, 0.4)

    assert "pays back" in said(drawings(of_cash(break_even=even))[0])
    never = of_cash(break_even=BreakEven(None, None, None, None, 0.0))
    assert "pays back" not in said(drawings(never)[0])
    late = of_cash(break_even=BreakEven(11.5, 9.0, None, None, 0.1))
    assert 'text-anchor="end"' in str(late)


def test_a_plan_that_costs_nothing_is_still_a_picture() -> None:
    curve = cash_curve(Plan(0, 0, 0, 0, 0), draws=5)

    assert drawings(cash.cash(curve, words=("months", ""), **WORDS))
    assert drawings(tornado.tornado([Swing("volume", 0, 0)], {"volume": "calls"}, across="", **WORDS))


def test_months_whose_names_would_not_fit_are_named_in_turn() -> None:
    year = [f"2026-{month:02}" for month in range(1, 13)]
    wide, narrow = drawings(of_columns(*year))

    assert [text for text in said(wide) if text in year] == year
    assert [text for text in said(narrow) if text in year] == year[::3]
    assert drawings(columns.columns(["2026-10"], [-5.0], [0.0], **WORDS))


def test_a_side_that_is_not_there_is_not_drawn() -> None:
    both = of_forest(forest.Row("a", Interval(0.5, 0.4, 0.6), Interval(0.5, 0.4, 0.6)))
    one = of_forest(forest.Row("a", Interval(0.5, 0.4, 0.6), None))

    assert both.count("var(--prompted)") > 0
    assert one.count("var(--prompted)") == 0


def test_long_names_are_cut_for_a_phone_and_words_of_people_stay_words() -> None:
    name = "a very long <b>label</b> & more of it"
    wide, narrow = drawings(of_forest(forest.Row(name, Interval(0.5, 0.4, 0.6), None)))

    assert any(text.startswith("a very long <b>label</b>") for text in said(wide))
    assert "a very long <…" in said(narrow)


@pytest.mark.parametrize(
    ("amount", "told"), [(0, "$0"), (12_500, "$12,500"), (-2_500_000, "-$2.5M"), (0.5, "$0.5"), (10, "$10")]
)
def test_marks_of_money_are_exact(amount: float, told: str) -> None:
    assert cash.dollars(amount) == told


def test_a_matrix_shades_by_its_row_and_names_the_worst() -> None:
    found = confusion(["a", "b"], [[8, 2, 0], [0, 0, 0]], "invalid")

    assert [(cell.count, cell.step, cell.is_right) for cell in found.rows[0][1]] == [
        (8, 8, True),
        (2, 2, False),
        (0, 0, False),
    ]
    assert [(one.expected, one.answered, one.count, one.of) for one in found.worst] == [("a", "b", 2, 10)]
    assert found.columns == ("a", "b", "invalid")


def test_a_matrix_no_person_reads_is_told_by_its_worst_alone() -> None:
    names = [str(number) for number in range(11)]
    counts = [[place if column == 11 else 50 for column in range(12)] for place in range(11)]
    found = confusion(names, counts, "invalid")

    assert found.rows == ()
    assert len(found.worst) == 15
