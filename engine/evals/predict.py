"""Ask a loaded candidate every row and grade what it says: one way for every rung."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from engine.approaches import Approach, Parsed, Task, voted
from engine.evals.rows import DatasetRow
from engine.models.investigation import Prediction
from engine.train import Answer, Answerer, Progress, Sampling

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


@dataclass(frozen=True)
class Voted:
    """How well the votes of several samples do over rows: the primary metric, one sample alone, and valid answers."""

    quality: float
    alone: float
    valid_share: float


def predict_votes(
    answerer: Sampling,
    rows: Sequence[DatasetRow],
    *,
    approach: Approach,
    task: Task,
    samples: int,
    temperature: float,
    progress: Progress,
) -> Voted:
    """Ask each of the rows, of which there must be one, so often at a temperature, and count the votes of its answers.

    Samples of a row are drawn by the seeds 0 to ``samples`` - 1, so that the same candidate votes alike again.
    """
    said: list[list[Parsed]] = [[] for _ in rows]
    for seed in range(samples):
        for start in range(0, len(rows), CHUNK):
            chunk = [row.input for row in rows[start : start + CHUNK]]
            for place, answer in enumerate(answerer.sampled(chunk, temperature=temperature, seed=seed), start):
                said[place].append(approach.parse(answer.text, task))
        progress(seed + 1, samples, None)
    won = [voted(approach, task, one)[0] for one in said]
    expected = [row.output for row in rows]
    alone = sum(approach.grade(row.output, one, task) for row, each in zip(rows, said, strict=True) for one in each)
    return Voted(
        quality=approach.quality(expected, won, task)["primary"],
        alone=alone / (samples * len(rows)),
        valid_share=sum(one.valid for one in won) / len(rows),
    )


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
