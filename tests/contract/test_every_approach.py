"""What every approach promises: it reads any reply without raising, and grades the expected answer 1."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.approaches import Approach, Parsed, Task, Unfit
from engine.approaches.registry import approach_names, approach_of
from engine.errors import Invalid
from tests.shown import shown

EXAMPLE: Approach = shown("engine/approaches/rate.py").Rate()  # the one that docs/extend.md shows
APPROACHES = {**{name: approach_of(name) for name in approach_names()}, "rate": EXAMPLE}


@dataclass(frozen=True)
class Case:
    """An approach with a task, labels as they are stored, and values and replies that are none."""

    task: Task
    labels: tuple[str, ...]
    unfit: tuple[object, ...]
    bad: tuple[str, ...]

    @property
    def approach(self) -> Approach:
        return APPROACHES[self.task.approach]


SCHEMA = {
    "type": "object",
    "required": ["city"],
    "properties": {
        "city": {"type": "string"},
        "total": {"type": "number", "x-tolerance": 0.01},
        "on": {"type": "string", "format": "date"},
    },
}
CASES = {
    "classify": Case(
        Task(approach="classify", classes=("billing", "Bug report", "ärger", "other")),
        ("billing", "Bug report", "ärger", "other"),
        ("billng", None, 1.5, [], {"labels": "billing"}),
        ('{"label": {"label": "billing"}}', "null", "It is billing", "billing or other", "bil ling", "billing..x"),
    ),
    "extract": Case(
        Task(approach="extract", schema=SCHEMA),
        ('{"city": "Reno", "total": 12.5}', '{"city": "Ödön", "on": "2026-01-02"}', '{"city": "Ely"}'),
        ("{", "[]", [], None, {"total": 3}, {"city": "Reno", "total": "12 EUR"}, {"city": "Reno", "zip": "1"}),
        (
            "null",
            "no object",
            '{"city": "Reno"',
            '{"total": 3}',
            '{"city": "Reno", "total": "12 EUR"}',
            '{"city": null}',
            '{"city": "half a sign \\ud83d"}',
        ),
    ),
    "voice": Case(
        Task(approach="voice", banned=("guarantee", "at no cost"), words_most=8),
        ("Hello, your parcel is on its way.", "Ödön, wir danken.", "Thank you."),
        (None, "", "  \n", True, [], {}, "x" * 20_000),
        ("\n ", "We GUARANTEE it.", "It comes at no\ncost.", "one two three four five six seven eight nine"),
    ),
    "reason": Case(
        Task(approach="reason"),
        ("17", "-0.5", "blue whale", "3/4"),
        (None, "", " ** ", True, [], {}, "x" * 201),
        ("***", "word " * 200),
    ),
    "rate": Case(
        Task(approach="rate"),
        ("1", "3", "5"),
        (None, "", "6", "4.5", True, [], {}, 0),
        ("4/5", "between 3 and 4", "4.5", "45", "good", "4 " + "very " * 100),
    ),
}
EVERY = pytest.mark.parametrize("case", [CASES[name] for name in APPROACHES], ids=list(APPROACHES))
EACH = pytest.mark.parametrize(
    ("case", "label"),
    [pytest.param(case, label, id=f"{name} {label}") for name, case in CASES.items() for label in case.labels],
)


@EVERY
@given(reply=st.text())
def test_any_reply_is_read_and_graded_between_0_and_1(case: Case, reply: str) -> None:
    said = case.approach.parse(reply, case.task)
    assert 0.0 <= case.approach.grade(case.labels[0], said, case.task) <= 1.0
    assert said.valid or said.output == reply


@EACH
def test_the_expected_answer_is_valid_and_graded_1(case: Case, label: str) -> None:
    said = case.approach.parse(label, case.task)
    assert said == Parsed(output=label, valid=True)
    assert case.approach.grade(label, said, case.task) == 1.0
    assert case.approach.label(label, case.task) == label


@EACH
def test_an_invalid_answer_is_graded_0_even_when_it_reads_the_same(case: Case, label: str) -> None:
    assert case.approach.grade(label, Parsed(output=label, valid=False), case.task) == 0.0


@EVERY
@pytest.mark.parametrize("reply", ["", "[" * 100_000, "{" * 100_000, "\0"])
def test_no_answer_at_all_is_invalid_and_no_error(case: Case, reply: str) -> None:
    assert not case.approach.parse(reply, case.task).valid


@pytest.mark.parametrize(
    ("case", "reply"),
    [pytest.param(case, reply, id=f"{name} {reply[:30]}") for name, case in CASES.items() for reply in case.bad],
)
def test_what_is_no_answer_of_the_task_is_invalid(case: Case, reply: str) -> None:
    assert case.approach.parse(reply, case.task) == Parsed(output=reply, valid=False)


@pytest.mark.parametrize(
    ("case", "value"),
    [pytest.param(case, value, id=f"{name} {value!r:.30}") for name, case in CASES.items() for value in case.unfit],
)
def test_a_label_that_the_task_does_not_allow_is_refused_with_a_reason(case: Case, value: object) -> None:
    with pytest.raises(Unfit, match=r"output|label"):
        case.approach.label(value, case.task)


@EVERY
def test_quality_of_right_answers_is_1_and_of_invalid_ones_0(case: Case) -> None:
    right = [Parsed(output=name, valid=True) for name in case.labels]
    wrong = [Parsed(output=name, valid=False) for name in case.labels]
    assert case.approach.quality(case.labels, right, case.task)["primary"] == 1.0
    assert case.approach.quality(case.labels, wrong, case.task)["primary"] == 0.0


@EACH
def test_a_labels_texts_put_back_are_the_label(case: Case, label: str) -> None:
    assert case.approach.with_texts(label, case.approach.texts(label)) == label


@EVERY
def test_the_control_is_an_answer_of_the_task(case: Case) -> None:
    control = case.approach.control([*case.labels, case.labels[-1]], case.task)
    assert case.approach.parse(control, case.task) == Parsed(output=control, valid=True)
    assert case.approach.grade(case.labels[-1], Parsed(output=control, valid=True), case.task) > 0.0


@EVERY
def test_a_registration_with_what_it_needs_has_nothing_wrong(case: Case) -> None:
    assert case.approach.wrong(case.task.classes, case.task.schema) == {}
    assert Task.read({**case.task.body, "run_id": "inv-1"}) == case.task


def test_quality_of_classes_is_accuracy_and_macro_f1() -> None:
    # scikit-learn 1.9: accuracy_score = 3/4, f1_score(average="macro") = (0.8 + 2/3) / 2
    got = [Parsed(output=name, valid=True) for name in ("a", "a", "b", "a")]
    quality = approach_of("classify").quality(["a", "a", "b", "b"], got, CASES["classify"].task)
    assert quality["primary"] == quality["accuracy"] == 0.75
    assert quality["macro_f1"] == pytest.approx((0.8 + 2 / 3) / 2)


@pytest.mark.parametrize(
    "reply",
    ["bug report", " Bug Report\n", '"Bug report"', "'bug report.'", "`Bug report`.", '{"label": "bug report"}'],
)
def test_case_space_quotes_and_a_full_stop_are_forgiven(reply: str) -> None:
    assert approach_of("classify").parse(reply, CASES["classify"].task) == Parsed(output="Bug report", valid=True)


@pytest.mark.parametrize(
    "reply",
    [
        '{"city":"Reno","total":12.5}',
        'Here it is:\n```json\n{"total": "12.50", "city": " Reno\\n", "on": null}\n```\nAnything else? {"city": "Ely"}',
        '{"city": "Reno", "total": "12.5", "on": ""}',
    ],
)
def test_the_first_object_is_read_with_its_numbers_and_spaces_made_plain(reply: str) -> None:
    said = approach_of("extract").parse(reply, CASES["extract"].task)
    assert said == Parsed(output='{"city": "Reno", "total": 12.5}', valid=True)


def test_a_document_is_graded_by_its_fields_whatever_way_a_day_is_written() -> None:
    extract, task = approach_of("extract"), CASES["extract"].task
    want = extract.label({"city": "Reno", "total": 1_200, "on": "2 Jan 2026"}, task)
    assert want == '{"city": "Reno", "on": "2026-01-02", "total": 1200}'
    said = extract.parse('{"city": "RENO", "total": "1,200.01", "on": "January 2, 2026"}', task)
    assert extract.grade(want, said, task) == 1.0
    half = extract.parse('{"city": "Reno", "total": 7}', task)  # 1 right, 1 wrong, 1 left out: 2 / (2 + 3)
    assert extract.grade(want, half, task) == pytest.approx(2 / 5)
    quality = extract.quality([want, want], [said, half], task)
    counts = {"true_positive": 4, "false_positive": 1, "false_negative": 2}
    assert quality == pytest.approx({"primary": 8 / 11, "exact": 0.5, "precision": 4 / 5, "recall": 4 / 6, **counts})


def test_a_banned_word_is_found_as_a_word_and_not_inside_another() -> None:
    voice, task = approach_of("voice"), CASES["voice"].task
    assert voice.parse("It is guaranteed.", task).valid
    assert not voice.parse("A guarantee!", task).valid
    assert voice.parse("No cost at all", task).valid


def test_a_text_is_graded_by_its_likeness_to_the_one_a_person_wrote() -> None:
    voice, task = approach_of("voice"), Task(approach="voice")
    grades = [
        voice.grade("Your parcel is on its way.", voice.parse(text, task), task)
        for text in ("Your parcel is on its way.", "Your parcel is coming.", "Quack")
    ]
    assert grades == sorted(grades, reverse=True)
    assert grades[0] == 1.0 > grades[1] > 0.4 > grades[2]


@pytest.mark.parametrize(
    ("reply", "answer"),
    [
        ("3 boxes of 6 less 1.\n#### 17", "17"),
        ("First the answer is 12. No, wait.\nAnswer: **17.0**", "17"),
        ("It was 12 first.\n\n**Answer:** 17", "17"),
        ("It was 12 first.\n**Final answer**: 17", "17"),
        ("So the\nanswer:17", "17"),
        ("So the answer:  \n**17**", "17"),
        ("So the answer is:\n17", "17"),
        ("The answer_key says 12.\n17", "17"),
        ("Answer: +1234567890123456789012345678901", "1234567890123456789012345678901"),
        ("so \\boxed{1,017} it is", "1017"),
        ("Final answer: $17", "17"),
        ("I think aloud\nfor a line\n17.", "17"),
        ("The answer is blue whale.", "blue whale"),
    ],
)
def test_the_last_answer_of_a_reply_counts_and_a_number_is_written_plainly(reply: str, answer: str) -> None:
    reason, task = approach_of("reason"), CASES["reason"].task
    assert reason.parse(reply, task) == Parsed(output=answer, valid=True)
    assert reason.grade(answer.upper(), reason.parse(reply, task), task) == 1.0


def test_the_example_of_the_docs_grades_by_distance() -> None:
    task = CASES["rate"].task
    said = [EXAMPLE.parse(reply, task) for reply in ("I would say 4.", "2", "5")]
    assert [EXAMPLE.grade("4", one, task) for one in said] == [1.0, 0.5, 0.75]
    assert EXAMPLE.quality(["4"] * 3, said, task) == pytest.approx({"primary": 0.75, "exact": 1 / 3})


def test_an_unknown_approach_is_refused_naming_the_nearest() -> None:
    with pytest.raises(Invalid, match="Nearest: classify"):
        approach_of("classifi")
