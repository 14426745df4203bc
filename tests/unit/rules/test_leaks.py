"""What a prompt shows, and what copies what."""

from __future__ import annotations

from engine.rules.leaks import copying, passages, shown

ROW = "my card was charged twice for one order"
PROMPT = f"""Sort the ticket into billing or bug.

Examples:
Input: {ROW}!
Label: billing

Ticket: {{{{ input }}}}"""


def test_an_example_in_the_prompt_is_found_under_its_name_and_in_quotes() -> None:
    assert shown(PROMPT, ["where is my parcel now", ROW]) == {1}
    assert shown(f'Like "{ROW}" is billing.\n\n{ROW.upper()}', [ROW]) == {0}


def test_a_prompt_without_examples_shows_nothing() -> None:
    assert shown("Sort the ticket into billing or bug. {{ input }}", ["a ticket about money", ROW]) == frozenset()
    assert shown("billing", ["billing"]) == frozenset()  # two words or fewer are no example
    assert shown(PROMPT, []) == frozenset()


def test_passages_are_paragraphs_lines_and_lines_without_a_name() -> None:
    found = passages("Answer with one word only.\nInput: it broke on monday\n\nno")
    assert found == (
        "Answer with one word only.\nInput: it broke on monday",
        "Answer with one word only.",
        "Input: it broke on monday",
        "it broke on monday",
    )


def test_rows_that_copy_another_part_are_found() -> None:
    rows = ["it broke on monday morning", ROW, "thanks for the help"]
    assert copying(rows, [f"{ROW}."]) == {1}
    assert copying(rows, []) == copying([], rows) == frozenset()
