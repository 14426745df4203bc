"""Jobs for a story: contenders that are right on the same rows, as often as they are told to be. No model runs."""

from __future__ import annotations

import json
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

from engine.evals.rows import DatasetRow, read_rows, write_predictions
from engine.models.investigation import Prediction
from engine.rules.bucket import bucket
from engine.runners import JobKind, JobSpec
from engine.services import Services
from engine.testing.runner import ScriptedRunner


def play(services: Services, right: dict[str, float]) -> None:
    """Have the services' scripted runner play: ``right`` is how often each rung or option is right (else half)."""
    runner = services.runner
    assert isinstance(runner, ScriptedRunner), "a story runs no real jobs"
    runner.works = {
        JobKind.TRAIN: partial(_train, services),
        JobKind.PREDICT: partial(_predict, services, right),
        JobKind.ASK: partial(_ask, services, right),
        JobKind.PARITY: partial(_parity, services),
    }


def _train(services: Services, spec: JobSpec) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "candidate.json").write_text(json.dumps(spec.config["recipe"]))
        artifact = services.artifacts.put(Path(folder))
    return {"artifact": artifact, "seconds": 1.0, "alarm": "", "facts": {}}


def _predict(services: Services, right: dict[str, float], spec: JobSpec) -> dict[str, Any]:
    rows = read_rows(services.artifacts.path(spec.inputs["rows"]))
    return {
        "predictions": _stored(services, rows, right.get(spec.config["rung"], 0.5)),
        "seconds": 1.0,
        "rows": len(rows),
    }


def _ask(services: Services, right: dict[str, float], spec: JobSpec) -> dict[str, Any]:
    rows = read_rows(services.artifacts.path(spec.inputs["rows"]))
    return {
        "predictions": _stored(services, rows, right.get(spec.config["contender"], 0.5)),
        "paid_calls": len(rows),
        "reused": 0,
        "input_tokens": 40 * len(rows),
        "output_tokens": 2 * len(rows),
        "nano_usd": 0,
        "unanswered": 0,
        "stopped": "",
        "oldest_at": services.clock.now().isoformat(),
    }


def _parity(services: Services, spec: JobSpec) -> dict[str, Any]:
    rows = min(len(read_rows(services.artifacts.path(spec.inputs["rows"]))), spec.config["rows"])
    return {"agree": rows, "rows": rows, "first": "", "latency_p50_ms": 4.0, "latency_p95_ms": 9.0}


def _stored(services: Services, rows: list[DatasetRow], share: float) -> str:
    others = {row.output for row in rows}
    with tempfile.TemporaryDirectory() as folder:
        write_predictions(Path(folder), [_prediction(row, share, sorted(others - {row.output})) for row in rows])
        return services.artifacts.put(Path(folder))


def _prediction(row: DatasetRow, share: float, others: list[str]) -> Prediction:
    right = bucket("story", row.id) < share
    return Prediction(
        row_id=row.id, output=row.output if right else others[0], correct=right, score=float(right), valid=True,
        latency_ms=300.0, tokens_in=40, tokens_out=2,
    )  # fmt: skip
