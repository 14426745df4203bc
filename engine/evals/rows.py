"""Rows and predictions as files: the form in which flows hand them to jobs and jobs hand them back."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from pathlib import Path

from engine.models.base import Value
from engine.models.investigation import Prediction

ROWS = "rows.jsonl"
PREDICTIONS = "predictions.jsonl"


class DatasetRow(Value):
    """One labelled row as contenders see it: id, input and the expected output; the others are for training alone."""

    id: str
    input: str
    output: str
    rationale: str = ""
    rejected: str = ""


def write_rows(folder: Path, rows: Iterable[DatasetRow]) -> None:
    """Write ``rows.jsonl``, one row a line in the order given; the same rows are the same bytes."""
    _write(folder / ROWS, rows)


def read_rows(folder: Path) -> list[DatasetRow]:
    """The rows ``write_rows`` wrote, in their order."""
    return [DatasetRow.model_validate_json(line) for line in _lines(folder / ROWS)]


def write_predictions(folder: Path, predictions: Iterable[Prediction]) -> None:
    """Write ``predictions.jsonl``, one prediction a line in the order given."""
    _write(folder / PREDICTIONS, predictions)


def read_predictions(folder: Path) -> list[Prediction]:
    """The predictions ``write_predictions`` wrote, in their order."""
    return [Prediction.model_validate_json(line) for line in _lines(folder / PREDICTIONS)]


def words_p50(texts: Iterable[str]) -> int:
    """The words of the text in the middle; there must be one."""
    return int(statistics.median(len(text.split()) for text in texts))


def _write(path: Path, values: Iterable[Value]) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(value.model_dump_json(exclude_defaults=True) + "\n" for value in values)


def _lines(path: Path) -> list[str]:
    with path.open(encoding="utf-8", newline="\n") as file:  # only \n ends a row: texts may hold other line breaks
        return [line for line in file if line.strip()]
