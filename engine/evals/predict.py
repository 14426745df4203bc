"""Ask a loaded candidate every row and grade what it says: one way for every rung."""

from __future__ import annotations

import time
from collections.abc import Sequence

from engine.approaches import Approach, Task
from engine.evals.rows import DatasetRow
from engine.models.investigation import Prediction
from engine.train import Answer, Answerer, Progress

CHUNK = 512  # rows between two looks at whether to stop


def predict(
    answerer: Answerer, rows: Sequence[DatasetRow], *, approach: Approach, task: Task, progress: Progress
) -> list[Prediction]:
    """A prediction for every row, in order; ``latency_ms`` is a row's share of its batch's wall time.

    Answers are asked for in chunks of ``CHUNK``; ``progress`` is told after each.
    """
    predictions: list[Prediction] = []
    for start in range(0, len(rows), CHUNK):
        chunk = rows[start : start + CHUNK]
        began = time.perf_counter()
        answers = answerer.answer([row.input for row in chunk])
        share_ms = (time.perf_counter() - began) * 1000 / len(chunk)
        for row, answer in zip(chunk, answers, strict=True):
            predictions.append(graded(row, answer, approach=approach, task=task, latency_ms=share_ms))
        progress(len(predictions), len(rows), None)
    return predictions


def graded(row: DatasetRow, answer: Answer, *, approach: Approach, task: Task, latency_ms: float) -> Prediction:
    """One answer, parsed and graded against its row."""
    said = approach.parse(answer.text, task)
    grade = approach.grade(row.output, said, task)
    return Prediction(
        row_id=row.id,
        output=said.output,
        correct=grade == 1.0,
        score=grade,
        valid=said.valid,
        latency_ms=latency_ms,
        confidence=answer.confidence,
    )
