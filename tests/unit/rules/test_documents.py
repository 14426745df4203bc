"""Schemas read into rules, days read in one way only, and documents compared by resampling their groups."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from engine.rules.dates import read_date
from engine.rules.documents import compared, extracted, f1_difference
from engine.rules.fields import comparable, rules_of, unfit
from engine.rules.metrics import FieldRule, extraction
from engine.rules.paired import NO_INTERVAL
from engine.rules.pairs import Pairs
from engine.rules.power import rows_planned_by_spread

SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["total"],
    "properties": {
        "total": {"type": "number", "x-tolerance": 0.005},
        "issued": {"type": ["string", "null"], "format": "date", "x-tolerance": 1},
        "vendor": {"type": "string"},
        "currency": {"enum": ["EUR", "USD"]},
        "paid": {"type": "boolean"},
        "lines": {"type": "array", "items": {"properties": {"name": {"type": "string"}, "qty": {"type": "integer"}}}},
    },
}
LINE = {"name": FieldRule("text"), "qty": FieldRule("number")}


def test_a_schema_says_how_each_field_is_compared() -> None:
    assert rules_of(SCHEMA) == {
        "total": FieldRule("number", absolute=0.005),
        "issued": FieldRule("number", absolute=1),
        "vendor": FieldRule("text"),
        "currency": FieldRule("exact"),
        "paid": FieldRule("exact"),
        "lines": FieldRule("items", fields=LINE),
    }


@pytest.mark.parametrize(
    ("document", "why"),
    [
        ({"total": 3, "issued": None, "lines": [{"name": "bolt", "qty": 2}]}, ""),
        ({"total": 3.5, "currency": "EUR", "paid": True}, ""),
        ([], "output: [] is not an object"),
        ({"total": "12 EUR"}, 'output.total: "12 EUR" is not a number'),
        ({"total": True}, "output.total: true is not a number"),
        ({"total": None}, "output.total is missing"),
        ({"total": 1, "currency": "GBP"}, 'output.currency: "GBP" is none of EUR, USD'),
        ({"total": 1, "sum": 1}, "output.sum is no field of the schema"),
        ({"total": 1, "lines": [{"qty": 1.5}]}, "output.lines[0].qty: 1.5 is not an integer"),
        ({"total": 1, "lines": {}}, "output.lines: {} is not an array"),
    ],
)
def test_a_document_that_does_not_fit_says_where(document: object, why: str) -> None:
    assert unfit(document, SCHEMA) == why


@pytest.mark.parametrize(
    "broken",
    [
        lambda: rules_of({}),
        lambda: rules_of({"type": "array"}),
        lambda: rules_of({"properties": {"a": {"type": "object"}}}),
        lambda: rules_of({"properties": {"a": {"type": ["string", "number"]}}}),
        lambda: rules_of({"properties": {"a": {"type": "number", "x-tolerance": -1}}}),
    ],
)
def test_a_schema_that_cannot_be_compared_is_refused(broken: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match="schema"):
        broken()


@pytest.mark.parametrize(
    "written",
    ["2026-01-02", "2026-1-2", "2026-01-02T10:00:00Z", "02.01.2026", "2. 1. 2026", "2 Jan 2026", "2nd January, 2026",
     "Jan. 2, 2026", "January 2nd 2026"],
)  # fmt: skip
def test_a_day_is_read_however_it_is_written(written: str) -> None:
    assert read_date(written) == date(2026, 1, 2)


@pytest.mark.parametrize("written", ["01/02/2026", "2026-02-30", "2 Foo 2026", "soon", "", None, 20260102])
def test_what_is_no_day_or_two_is_none(written: object) -> None:
    assert read_date(written) is None


def test_dates_agree_within_their_days() -> None:
    rule = {"issued": rules_of(SCHEMA)["issued"]}
    said = [{"issued": "3 Jan 2026"}, {"issued": "4 Jan 2026"}, {"issued": "soon"}]
    wanted = [comparable({"issued": "2026-01-02"}, SCHEMA)] * 3
    found = extraction(wanted, [comparable(one, SCHEMA) for one in said], rule)
    assert (found.true_positive, found.false_positive, found.false_negative) == (1, 2, 2)


def test_days_in_lines_are_compared_too_and_the_rest_stays() -> None:
    schema = {"properties": {"lines": {"type": "array", "items": {"properties": {"on": {"format": "date"}}}}}}
    document = {"lines": [{"on": "2026-01-02", "x": 1}, "odd"], "total": 3}
    day = date(2026, 1, 2).toordinal()
    assert comparable(document, schema) == {"lines": [{"on": day, "x": 1}, "odd"], "total": 3}
    assert comparable({"lines": [{"on": "2026-01-02"}]}, {}) == {"lines": [{"on": "2026-01-02"}]}


FIELDS = {"a": FieldRule("text"), "b": FieldRule("number")}
GOLD = [{"a": f"x{place}", "b": place} for place in range(60)]
GOOD: list[dict[str, Any] | None] = [dict(one) for one in GOLD]
HALF: list[dict[str, Any] | None] = [
    {"a": "wrong", "b": one["b"]} if place % 2 else dict(one) for place, one in enumerate(GOLD)
]


def test_every_field_and_the_share_of_valid_answers_are_told() -> None:
    found = extracted(GOLD, [*HALF[:-1], None], FIELDS)
    assert found.fields["b"].recall == pytest.approx(59 / 60)
    assert found.fields["b"].precision == 1.0
    assert found.fields["a"].true_positive == 30
    assert found.whole.exact_match == 0.5
    assert found.valid_share == pytest.approx(59 / 60)


def test_the_difference_of_micro_f1_is_resampled_by_documents_or_their_groups() -> None:
    same = f1_difference(GOLD, GOOD, GOOD, FIELDS)
    assert (same.estimate, same.low, same.high) == (0.0, 0.0, 0.0)
    ahead = f1_difference(GOLD, GOOD, HALF, FIELDS, seed=3)
    assert ahead.estimate == pytest.approx(0.25)  # 90 of 120 fields right, none left out: F1 is .75
    assert 0.15 < ahead.low < 0.25 < ahead.high < 0.35
    assert f1_difference(GOLD, GOOD, HALF, FIELDS, seed=3) == ahead
    lumps = f1_difference(GOLD, GOOD, HALF, FIELDS, groups=[place % 2 for place in range(60)], seed=3)
    assert lumps.high - lumps.low > ahead.high - ahead.low  # all wrong ones are one group
    empty: list[dict[str, Any]] = [{}, {}]
    assert f1_difference(empty, [None, None], [{}, {}], FIELDS).estimate == 0.0


def test_documents_of_different_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match="agree"):
        f1_difference(GOLD, GOOD[1:], HALF, FIELDS)


def test_a_comparison_of_documents_tells_its_method_its_spread_and_what_groups_cost() -> None:
    alone = compared(GOLD, GOOD, HALF, FIELDS, groups=range(60))
    assert alone.interval == f1_difference(GOLD, GOOD, HALF, FIELDS, groups=range(60))
    assert (alone.method, alone.rows, alone.grouped) == ("percentile bootstrap of micro F1 over 60 groups", 60, None)
    # Every second document loses half a field of two: differences 0 and .5 about their mean of .25.
    assert (alone.row_variance, alone.design_effect) == (pytest.approx(0.0625), 1.0)
    twos = compared(GOLD, GOOD, HALF, FIELDS, groups=[place % 30 for place in range(60)])
    assert twos.grouped == 30
    assert twos.design_effect == pytest.approx(2.0, rel=0.05)  # both of a group are alike: each row counts half
    few = compared(GOLD, GOOD, HALF, FIELDS, groups=[place % 2 for place in range(60)])
    assert (few.method, few.interval.low, few.interval.high) == (NO_INTERVAL, -1.0, 1.0)


def test_rows_are_planned_by_the_spread_of_partly_right_answers() -> None:
    other = [dict(one) if place % 2 else {"a": "wrong", "b": one["b"]} for place, one in enumerate(GOLD)]
    counted, even = Pairs(0, 30, 30, 0), compared(GOLD, HALF, other, FIELDS, groups=range(60))
    loose, tight = (rows_planned_by_spread(even, counted, margin, 1) for margin in (0.03, 0.01))
    assert loose.disagreement == 1.0
    assert tight.rows == pytest.approx(9 * loose.rows, rel=0.02)  # a third of the margin: nine times the rows
    # n = (z.98 + z.80)^2 * variance / margin^2, the variance at its upper 80 % bound: 1 + .8416 sqrt(2 / 60)
    assert loose.rows == pytest.approx((2.0537 + 0.8416) ** 2 * even.row_variance * 1.1537 / 0.03**2, rel=0.01)
