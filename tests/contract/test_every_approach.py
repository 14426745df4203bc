"""What every approach promises: it reads any reply without raising, and grades the expected answer 1."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.approaches import Approach, Parsed, Task
from engine.approaches.registry import approach_names, approach_of
from engine.errors import Invalid

TASK = Task(approach="classify", classes=("billing", "Bug report", "ärger", "other"))
APPROACHES = pytest.mark.parametrize("approach", [approach_of(name) for name in approach_names()], ids=approach_names())


@APPROACHES
@given(reply=st.text())
def test_any_reply_is_read_and_graded_between_0_and_1(approach: Approach, reply: str) -> None:
    said = approach.parse(reply, TASK)
    assert 0.0 <= approach.grade("billing", said) <= 1.0
    assert said.valid or said.output == reply


@APPROACHES
@given(expected=st.sampled_from(TASK.classes))
def test_the_expected_answer_is_valid_and_graded_1(approach: Approach, expected: str) -> None:
    said = approach.parse(expected, TASK)
    assert said == Parsed(output=expected, valid=True)
    assert approach.grade(expected, said) == 1.0


@APPROACHES
def test_an_invalid_answer_is_graded_0_even_when_it_reads_the_same(approach: Approach) -> None:
    assert approach.grade("billing", Parsed(output="billing", valid=False)) == 0.0


@APPROACHES
@pytest.mark.parametrize("reply", ["", "[" * 100_000, "{" * 100_000, '{"label": {"label": "billing"}}', "null", "\0"])
def test_a_bad_reply_is_invalid_and_no_error(approach: Approach, reply: str) -> None:
    assert not approach.parse(reply, TASK).valid


@APPROACHES
def test_quality_of_right_answers_is_1_and_of_invalid_ones_0(approach: Approach) -> None:
    right = [Parsed(output=name, valid=True) for name in TASK.classes]
    wrong = [Parsed(output=name, valid=False) for name in TASK.classes]
    assert approach.quality(TASK.classes, right)["primary"] == 1.0
    assert approach.quality(TASK.classes, wrong)["primary"] == 0.0


def test_quality_of_classes_is_accuracy_and_macro_f1() -> None:
    # scikit-learn 1.9: accuracy_score = 3/4, f1_score(average="macro") = (0.8 + 2/3) / 2
    got = [Parsed(output=name, valid=True) for name in ("a", "a", "b", "a")]
    quality = approach_of("classify").quality(["a", "a", "b", "b"], got)
    assert quality["primary"] == quality["accuracy"] == 0.75
    assert quality["macro_f1"] == pytest.approx((0.8 + 2 / 3) / 2)


@pytest.mark.parametrize(
    "reply",
    ["bug report", " Bug Report\n", '"Bug report"', "'bug report.'", "`Bug report`.", '{"label": "bug report"}'],
)
def test_case_space_quotes_and_a_full_stop_are_forgiven(reply: str) -> None:
    assert approach_of("classify").parse(reply, TASK) == Parsed(output="Bug report", valid=True)


@pytest.mark.parametrize(
    "reply", ["It is billing", "billing or other", "bil ling", '{"labels": "billing"}', "billing..x"]
)
def test_more_than_a_label_is_no_label(reply: str) -> None:
    assert not approach_of("classify").parse(reply, TASK).valid


def test_an_unknown_approach_is_refused_naming_the_nearest() -> None:
    with pytest.raises(Invalid, match="Nearest: classify"):
        approach_of("classifi")
