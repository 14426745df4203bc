"""Known answers are docs/rules.md 11's, counted by hand; macro-F1 is also scikit-learn's."""

from __future__ import annotations

import math
from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.rules.metrics import ClassScore, Extraction, FieldRule, classification, extraction

TRUE = [0, 0, 0, 0, 1, 1, 1, 2, 2, 2]
SAID = [0, 0, 0, 1, 1, 1, 2, 2, 2, 0]
GOLD: list[dict[str, Any]] = [
    {"total": "100.00", "date": "2026-01-02", "vendor": "ACME"},
    {"total": "55.10", "date": None, "vendor": "Foo"},
    {"total": "7.00", "date": "2026-02-01", "vendor": None},
]
PRED: list[dict[str, Any]] = [
    {"total": "100.004", "date": "2026-01-02", "vendor": "Acme"},
    {"total": "55.10", "date": "2026-03-03", "vendor": None},
    {"total": "9.00", "date": "2026-02-01", "vendor": None},
]
FIELDS = {
    "total": FieldRule(kind="number", absolute=0.005),
    "date": FieldRule(kind="exact"),
    "vendor": FieldRule(kind="text"),
}
LINES = {"lines": FieldRule(kind="items", fields={"name": FieldRule(), "qty": FieldRule(kind="number")})}

KNOWN: list[tuple[Callable[[], object], object]] = [
    (lambda: classification(TRUE, SAID), (0.7, 0.6944444)),
    (lambda: classification(["a", "b"], ["a", None]), (0.5, 0.5)),
    (lambda: extraction(GOLD, PRED, FIELDS), (5, 2, 2, 0.7142857, 0.7142857, 0.7142857, 0.3333333)),
    (lambda: extraction([{"total": None}], [{}], {"total": FieldRule(kind="number")}), (0, 0, 0, 1, 1, 1, 1)),
    (
        lambda: extraction(
            [{"lines": [{"name": "Bolt", "qty": 2}, {"name": "Nut", "qty": 5}]}],
            [{"lines": [{"name": "nut", "qty": 5}, {"name": "bolt", "qty": 3}]}],
            LINES,
        ),
        (3, 1, 1, 0.75, 0.75, 0.75, 0),
    ),
]


@pytest.mark.parametrize(("call", "known"), KNOWN)
def test_known_answers_come_out(call: Callable[[], object], known: object, agrees: Callable[..., bool]) -> None:
    assert agrees(call(), known)


def test_each_class_has_its_own_score() -> None:
    assert classification(["a", "a", "b"], ["a", "b", "c"]).per_class == {
        "a": ClassScore(1.0, 0.5, 2 / 3, 2),
        "b": ClassScore(0.0, 0.0, 0.0, 1),
        "c": ClassScore(0.0, 0.0, 0.0, 0),
    }


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=40))
def test_macro_f1_and_accuracy_are_scikit_learns(rows: list[tuple[int, int]]) -> None:
    oracle = import_module("sklearn.metrics")
    truth, said = [one for one, _ in rows], [other for _, other in rows]
    ours = classification(truth, said)
    assert ours.accuracy == pytest.approx(oracle.accuracy_score(truth, said))
    assert ours.macro_f1 == pytest.approx(oracle.f1_score(truth, said, average="macro", zero_division=0))


def counts(result: Extraction) -> tuple[int, int, int]:
    return result.true_positive, result.false_positive, result.false_negative


NUMBER = {"n": FieldRule(kind="number", absolute=0.005)}


@pytest.mark.parametrize(
    ("want", "got", "rule", "is_right"),
    [
        ("1.00", "1.005", FieldRule(kind="number", absolute=0.005), True),
        ("1.00", "1.0051", FieldRule(kind="number", absolute=0.005), False),
        ("-200", "-202", FieldRule(kind="number", relative=0.01), True),
        ("-200", "-202.1", FieldRule(kind="number", relative=0.01), False),
        ("1", "one", FieldRule(kind="number"), False),
        ("Infinity", "Infinity", FieldRule(kind="number"), False),
        ("Straße  12", "STRASSE 12 ", FieldRule(kind="text"), True),
        ("\ufb01ne", "fine", FieldRule(kind="text"), True),
        ("a", "A", FieldRule(kind="exact"), False),
        (12, "12", FieldRule(kind="text"), True),
    ],
)
def test_a_field_is_compared_by_its_rule(want: object, got: object, rule: FieldRule, is_right: bool) -> None:
    assert extraction([{"f": want}], [{"f": got}], {"f": rule}).true_positive == int(is_right)


def test_a_document_with_nothing_found_misses_every_field() -> None:
    assert counts(extraction(GOLD[:1], [None], FIELDS)) == (0, 0, 3)
    assert counts(extraction([{}], PRED[:1], FIELDS)) == (0, 3, 0)


LINE_CASES = [
    (None, None, (0, 0, 0)),
    ([{"name": "a", "qty": 1}], None, (0, 0, 2)),
    (None, [{"name": "a", "qty": 1}], (0, 2, 0)),
    ([{"name": "a", "qty": 1}], {"name": "a", "qty": 1}, (2, 0, 0)),  # one line needs no list around it
    ([{"name": "a", "qty": 1}], ["nonsense"], (0, 1, 2)),
    ([{"name": "a", "qty": 1}], [{"name": "a", "qty": 1}, "nonsense"], (2, 1, 0)),
    ([{"name": "a", "qty": 1}, {"name": "b", "qty": 2}], [{"name": "b", "qty": 2}], (2, 0, 2)),
]


@pytest.mark.parametrize(("want", "got", "known"), LINE_CASES)
def test_lines_are_paired_so_that_most_is_right(want: object, got: object, known: tuple[int, int, int]) -> None:
    assert counts(extraction([{"lines": want}], [{"lines": got}], LINES)) == known


@given(st.permutations([{"name": letter, "qty": place} for place, letter in enumerate("abcd")]))
def test_the_order_of_lines_does_not_matter(lines: list[dict[str, object]]) -> None:
    gold = [{"name": letter, "qty": place} for place, letter in enumerate("abcd")]
    assert counts(extraction([{"lines": gold}], [{"lines": lines}], LINES)) == (8, 0, 0)


REFUSED: list[tuple[str, Callable[[], object]]] = [
    ("lengths", lambda: classification(["a"], [])),
    ("truth is empty", lambda: classification([], [])),
    (r"truth\[0\]", lambda: classification([None], ["a"])),
    (r"truth\[0\]", lambda: classification([math.nan], ["a"])),
    (r"predicted\[0\]", lambda: classification(["a"], [math.nan])),
    (r"predicted\[0\]", lambda: classification(["a"], [["a"]])),  # type: ignore[list-item] # that is the claim
    ("lengths", lambda: extraction(GOLD, PRED[:1], FIELDS)),
    ("expected is empty", lambda: extraction([], [], FIELDS)),
    ("fields is empty", lambda: extraction(GOLD, PRED, {})),
    (r"expected\[0\]", lambda: extraction(["a"], [{}], NUMBER)),  # type: ignore[list-item] # that is the claim
    (r"found\[0\]", lambda: extraction([{}], ["a"], NUMBER)),  # type: ignore[list-item] # that is the claim
    ("kind", lambda: extraction([{}], [{}], {"n": FieldRule(kind="date")})),  # type: ignore[arg-type] # the claim
    ("absolute", lambda: extraction([{}], [{}], {"n": FieldRule(kind="number", absolute=-1)})),
    ("relative", lambda: extraction([{}], [{}], {"n": FieldRule(kind="number", relative=math.nan)})),
    ("needs them", lambda: extraction([{}], [{}], {"n": FieldRule(kind="items")})),
    ("needs them", lambda: extraction([{}], [{}], {"n": FieldRule(fields=NUMBER)})),
    (r"fields\['n'\].fields is empty", lambda: extraction([{}], [{}], {"n": FieldRule(kind="items", fields={})})),
]


@pytest.mark.parametrize(("named", "call"), REFUSED)
def test_broken_arguments_are_refused_by_name(named: str, call: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match=named):
        call()
