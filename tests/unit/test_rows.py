"""Rows and predictions as files, and how they are graded."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.approaches import Task
from engine.approaches.registry import approach_of
from engine.evals.predict import CHUNK, predict
from engine.evals.rows import DatasetRow, read_predictions, read_rows, write_predictions, write_rows
from engine.train import Answer

TASK = Task(approach="classify", classes=("billing", "bug"))
TEXTS = st.text(st.characters(exclude_categories=("Cs",)))


class Echo:
    def answer(self, inputs: Sequence[str]) -> list[Answer]:
        return [Answer(text=text, confidence=0.25) for text in inputs]


@given(st.lists(st.builds(DatasetRow, id=TEXTS, input=TEXTS, output=TEXTS), max_size=5))
def test_rows_are_read_as_they_were_written(tmp_path_factory: pytest.TempPathFactory, rows: list[DatasetRow]) -> None:
    folder = tmp_path_factory.mktemp("rows")
    write_rows(folder, rows)
    assert read_rows(folder) == rows


def test_a_line_break_in_a_text_is_no_new_row(tmp_path: Path) -> None:
    rows = [DatasetRow(id="1", input="a\nb\r\nc\u2028d\x85e", output="bug")]
    write_rows(tmp_path, rows)
    assert read_rows(tmp_path) == rows
    assert (tmp_path / "rows.jsonl").read_bytes().count(b"\n") == 1


def test_the_same_rows_are_the_same_bytes(tmp_path: Path) -> None:
    rows = [DatasetRow(id="1", input="é", output="bug")]
    write_rows(tmp_path, rows)
    first = (tmp_path / "rows.jsonl").read_bytes()
    write_rows(tmp_path, rows)
    assert (tmp_path / "rows.jsonl").read_bytes() == first


def test_every_row_gets_a_graded_prediction_in_order(tmp_path: Path) -> None:
    rows = [DatasetRow(id="1", input="Billing.", output="billing"), DatasetRow(id="2", input="bug", output="billing")]
    rows.append(DatasetRow(id="3", input="no idea", output="bug"))
    told: list[tuple[int, int]] = []
    made = predict(
        Echo(), rows, approach=approach_of("classify"), task=TASK, progress=lambda step, of, _: told.append((step, of))
    )
    assert [(said.row_id, said.output, said.correct, said.valid) for said in made] == [
        ("1", "billing", True, True),
        ("2", "bug", False, True),
        ("3", "no idea", False, False),
    ]
    assert {said.confidence for said in made} == {0.25}
    assert all(said.latency_ms >= 0 for said in made)
    assert told == [(3, 3)]
    write_predictions(tmp_path, made)
    assert read_predictions(tmp_path) == made


def test_a_look_at_whether_to_stop_comes_after_each_chunk() -> None:
    rows = [DatasetRow(id=str(number), input="bug", output="bug") for number in range(CHUNK + 1)]
    told: list[int] = []
    predict(Echo(), rows, approach=approach_of("classify"), task=TASK, progress=lambda step, *_: told.append(step))
    assert told == [CHUNK, CHUNK + 1]


def test_no_rows_are_no_predictions() -> None:
    assert predict(Echo(), [], approach=approach_of("classify"), task=TASK, progress=lambda *_: None) == []
