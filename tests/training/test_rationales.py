"""What a model is trained to write where rows say how their answers were reached."""

from __future__ import annotations

import pytest

from engine.approaches import Task
from engine.approaches.registry import approach_of
from engine.evals.rows import DatasetRow
from engine.importers.labels import read_labels
from engine.jobs.train import training_rows


@pytest.mark.parametrize(("told", "is_trained_on"), [(8, True), (7, False)])
def test_rationales_are_trained_on_where_at_least_80_of_100_rows_have_one(told: int, is_trained_on: bool) -> None:
    rows = [
        DatasetRow(id=str(place), input="2 + 3", output="5", rationale="Two and three." if place < told else "")
        for place in range(10)
    ]
    made = training_rows(rows)
    assert made[9].written == "5"
    assert made[0].written == ("Two and three.\n\nAnswer: 5" if is_trained_on else "5")
    said = approach_of("reason").parse(made[0].written, Task(approach="reason"))
    assert (said.output, said.valid) == ("5", True)


def test_a_rationale_is_kept_redacted_for_reasoning_alone() -> None:
    line = b'{"input": "Mail to a@b.org: 2 + 3?", "output": 5, "rationale": "a@b.org asks: two and three."}'
    (row,) = read_labels("x.jsonl", line, Task(approach="reason")).rows
    assert row.rationale == "[EMAIL_1] asks: two and three."
    assert row.output == "5"
    schema = {"type": "object", "properties": {"sum": {"type": "number"}}}
    other = b'{"input": "2 + 3?", "output": {"sum": "5"}, "rationale": "x"}'
    (row,) = read_labels("x.jsonl", other, Task(approach="extract", schema=schema)).rows
    assert (row.rationale, row.output) == ("", '{"sum": 5}')
