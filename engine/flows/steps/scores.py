"""Turn stored predictions into scores and paired counts. Knows nothing of which contender should win."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from engine.approaches import Parsed, Task
from engine.approaches.registry import approach_of
from engine.models.feature import is_simulated
from engine.models.investigation import StoredPrediction
from engine.models.labels import Label
from engine.models.verdict import Score
from engine.rules.calibration import brier, expected_calibration_error, scaled, temperature
from engine.rules.metrics import Extraction
from engine.rules.pairs import Pairs, wilson

COUNTS = ("true_positive", "false_positive", "false_negative")  # what micro F1 is made of
Rows = Sequence[tuple[Label, StoredPrediction]]


def scored(task: Task, contender: str, rows: Rows, model: str = "") -> Score:
    """A contender's score on the rows it answered. ``model`` names a prompted option's model.

    ``call_nano`` is left unknown: what a call costs is priced by the caller. Raises ``ValueError`` for no rows.
    """
    if not rows:
        raise ValueError(f"{contender} has no predictions on this part")
    quality = approach_of(task.approach).quality([label.output for label, _ in rows], answers(rows), task)
    latency = np.array([said.latency_ms for _, said in rows])
    return Score(
        contender=contender,
        part=rows[0][1].part,
        rows=len(rows),
        quality=quality["primary"],
        macro_f1=quality.get("macro_f1"),
        exact=quality.get("exact"),
        counts={name: int(quality[name]) for name in COUNTS} if COUNTS[0] in quality else None,
        valid_share=sum(said.valid for _, said in rows) / len(rows),
        latency_p50_ms=float(np.percentile(latency, 50)),
        latency_p95_ms=float(np.percentile(latency, 95)),
        tokens_in=sum(said.tokens_in for _, said in rows),
        tokens_out=sum(said.tokens_out for _, said in rows),
        simulated=is_simulated(model),
    )


def paired(candidate: Rows, prompted: Rows) -> Pairs:
    """Counts of rows on which both, one or neither was right, over rows both answered. No such row: ``ValueError``."""
    right = {said.label_id: said.correct for _, said in prompted}
    both = [(said.correct, right[said.label_id]) for _, said in candidate if said.label_id in right]
    return Pairs(
        both=sum(1 for ours, theirs in both if ours and theirs),
        candidate_only=sum(1 for ours, theirs in both if ours and not theirs),
        baseline_only=sum(1 for ours, theirs in both if theirs and not ours),
        neither=sum(1 for ours, theirs in both if not ours and not theirs),
    )


def composed(candidate: Rows, prompted: Rows, threshold: float) -> Rows:
    """A cascade's answers: the candidate's from ``threshold`` on, else the prompted option's; rows both answered."""
    asked = {said.label_id: said for _, said in prompted}
    return [
        (label, said if said.confidence is not None and said.confidence >= threshold else asked[said.label_id])
        for label, said in candidate
        if said.label_id in asked
    ]


def apart(candidate: Rows, prompted: Rows) -> float:
    """The share of rows both answered on which their answers differ. No such row: ``ValueError``."""
    answers = {said.label_id: (said.output, said.valid) for _, said in prompted}
    both = [(said.output, said.valid) != answers[said.label_id] for _, said in candidate if said.label_id in answers]
    if not both:
        raise ValueError("candidate and prompted answered no row in common")
    return sum(both) / len(both)


def fields(task: Task, candidate: Rows, prompted: Rows) -> list[dict[str, Any]]:
    """How each side does on each field of an answer: rows with it, precision, recall, F1; none without fields."""
    sides = [
        approach_of(task.approach).fields([label.output for label, _ in rows], answers(rows), task)
        for rows in (candidate, prompted)
    ]
    return [
        {
            "name": name,
            "rows": ours.true_positive + ours.false_negative,
            "candidate": _field(ours),
            "prompted": _field(theirs),
        }
        for (name, ours), theirs in zip(sides[0].items(), sides[1].values(), strict=True)
    ]


def answers(rows: Rows) -> list[Parsed]:
    """The answers as the approach read them."""
    return [Parsed(output=said.output, valid=said.valid) for _, said in rows]


def _field(scored: Extraction) -> dict[str, float]:
    return {"precision": scored.precision, "recall": scored.recall, "f1": scored.f1}


def recall(name: str, candidate: Rows, prompted: Rows) -> dict[str, Any]:
    """The share of a class's rows that each side finds, with Wilson's 95 % interval; none of it without rows."""
    found: dict[str, Any] = {"name": name, "rows": 0, "candidate": None, "prompted": None}
    for side, rows in (("candidate", candidate), ("prompted", prompted)):
        mine = [said.correct for label, said in rows if label.output == name]
        if mine:
            found["rows"] = len(mine)
            found[side] = asdict(wilson(sum(mine), len(mine)))
    return found


def calibration(rows: Rows) -> dict[str, Any] | None:
    """How far confidences can be trusted, before and after temperature scaling fitted on these rows; or none."""
    sure = [said.confidence for _, said in rows if said.confidence is not None]
    if not rows or len(sure) < len(rows):
        return None
    right = [said.correct for _, said in rows]
    fitted = temperature(sure, right)
    after = scaled(sure, fitted)
    return {
        "rows": len(sure),
        "temperature": fitted,
        "ece_before": expected_calibration_error(sure, right),
        "ece": expected_calibration_error(after, right),
        "brier_before": brier(sure, right),
        "brier": brier(after, right),
    }


def confusion(rows: Rows, classes: Sequence[str]) -> list[list[int]]:
    """Counts of expected (rows) against answered (columns, the last one invalid), in the order of ``classes``."""
    place = {name: index for index, name in enumerate(classes)}
    table = [[0] * (len(classes) + 1) for _ in classes]
    for label, said in rows:
        table[place[label.output]][place.get(said.output, len(classes)) if said.valid else len(classes)] += 1
    return table
