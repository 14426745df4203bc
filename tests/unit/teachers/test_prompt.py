"""How a prompt and an input become messages, and what an option adds."""

from __future__ import annotations

import pytest

from engine.approaches import Task
from engine.errors import Invalid
from engine.teachers import options, prompt
from tests.unit.teachers.asking import LABELS, rows_of

TASK = Task(approach="classify", classes=tuple(LABELS))


def test_without_a_place_for_it_the_input_is_the_only_user_message() -> None:
    text = "  {{ input }} {% raw %} \n"
    assert prompt.messages("Classify.", text) == (
        {"role": "system", "content": "Classify."},
        {"role": "user", "content": text},
    )
    assert prompt.messages("", "x") == ({"role": "user", "content": "x"},)


@pytest.mark.parametrize("place", ["{{ input }}", "{{input}}", "{{- input -}}", "{{ input | trim }}"])
def test_with_a_place_the_rendered_prompt_is_the_only_message(place: str) -> None:
    (message,) = prompt.messages(f"Text: {place}!", "a <b> {{ 1 + 1 }}")
    assert message["role"] == "user"
    assert "a <b> {{ 1 + 1 }}" in message["content"]


def test_braces_of_another_kind_are_text() -> None:
    said = 'Answer as {"label": "x"} or {{"label"}}'
    assert prompt.messages(said, "x")[0] == {"role": "system", "content": said}
    prompt.check(said)


@pytest.mark.parametrize("slip", ["Sort: {{ inptu }}", "Sort: {{text}}", "Sort: {{- message -}}"])
def test_a_place_that_nothing_fills_is_refused_before_a_feature_has_it(slip: str) -> None:
    with pytest.raises(Invalid, match="which nothing fills"):
        prompt.check(slip)


@pytest.mark.parametrize(
    "broken",
    [
        "{{ input",
        "{{ input }} {{ other }}",
        "{{ input }} {{ ''.__class__.__mro__ }}",
        "{{ input }} {% include 'secret' %}",
        "{{ input }} {{ 1 / 0 }}",
        "{{ input }} {% for x in range(10000000) %}x{% endfor %}",
    ],
)
def test_a_prompt_that_cannot_be_rendered_is_refused_with_a_hint(broken: str) -> None:
    with pytest.raises(Invalid) as told:
        prompt.check(broken)
    assert told.value.message.startswith("The prompt cannot be rendered")
    assert "{{ input }}" in told.value.hint


def test_the_cheaper_tier_is_asked_where_one_is_listed() -> None:
    assert options.names("") == ["baseline", "few_shot"]
    assert options.names("small-1") == ["baseline", "few_shot", "cheaper"]
    assert [options.model_of(name, "large-1", "small-1") for name in options.names("small-1")] == [
        "large-1",
        "large-1",
        "small-1",
    ]
    assert options.addition_of("cheaper", TASK, examples=[], seed=1) == ""


def test_few_shot_lists_labels_and_five_examples() -> None:
    rows = rows_of(30)
    added = options.addition_of("few_shot", TASK, examples=rows, seed=1)
    assert added.startswith("Answer with exactly one of these labels and nothing else:\n- billing\n- bug\n- other\n")
    assert added.count("Input: ") == added.count("Label: ") == 5
    shown = {line.removeprefix("Input: ") for line in added.splitlines() if line.startswith("Input: ")}
    assert shown <= {row.input for row in rows}
    system, user = options.messages("few_shot", "Classify.", "it broke", addition=added)
    assert system["content"] == f"Classify.\n\n{added}"
    assert user["content"] == "it broke"
    (only,) = options.messages("few_shot", "Text: {{ input }}", "it broke", addition=added)
    assert only["content"] == f"{added}\n\nText: it broke"


def test_the_baseline_adds_nothing_and_other_options_are_unknown() -> None:
    assert options.addition_of("baseline", TASK, examples=rows_of(9), seed=1) == ""
    with pytest.raises(Invalid, match="no prompted option"):
        options.messages("chain_of_thought", "Classify.", "x", addition="")
