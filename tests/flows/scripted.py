"""Jobs as a script has them: candidates and prompted options that are right as often as they are told to be."""

from __future__ import annotations

import json
import pathlib
import socket
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from engine.errors import Diverged, OutOfMemory
from engine.evals.rows import DatasetRow, read_rows, write_predictions
from engine.models.investigation import Prediction
from engine.rules.bucket import bucket
from engine.runners import JobKind, JobSpec
from engine.services import Services
from engine.testing.runner import ScriptedRunner

WRONG = {"negative": "neutral", "neutral": "positive", "positive": "negative"}


@dataclass
class Script:
    """How often each contender is right, by rung or option, and what else goes wrong.

    ``weak`` names a label on which a contender is always wrong; ``refused`` why the endpoint refuses an option;
    ``sure`` on what share of rows a contender is sure of its answer, and how often it is right there;
    ``halved`` how often memory ran out in the training of a rung; ``host`` is where it is trained; ``asked`` is called
    before paid calls are answered. Where ``right`` or ``alarms`` name a recipe, that counts before its rung; ``broken``
    names recipes whose loss becomes no number, ``mute`` those whose candidate cannot answer.
    """

    right: dict[str, float] = field(default_factory=dict)
    alarms: dict[str, str] = field(default_factory=dict)
    stopped: str = ""
    unanswered: int = 0
    nonsense: bool = False
    agree: float = 1.0
    nano_a_call: int = 1_000_000
    refused: dict[str, str] = field(default_factory=dict)
    age_days: float = 0.0
    weak: dict[str, str] = field(default_factory=dict)
    sure: dict[str, tuple[float, float]] = field(default_factory=dict)
    halved: dict[str, int] = field(default_factory=dict)
    host: str = field(default_factory=socket.gethostname)
    asked: Callable[[JobSpec], None] | None = None
    broken: tuple[str, ...] = ()
    mute: tuple[str, ...] = ()


def scripted(services: Services, script: Script) -> ScriptedRunner:
    """The services' runner, playing the script."""
    runner = services.runner
    assert isinstance(runner, ScriptedRunner)
    runner.works = {
        JobKind.TRAIN: lambda spec: _train(services, script, spec),
        JobKind.PREDICT: lambda spec: _predict(services, script, spec),
        JobKind.ASK: lambda spec: _ask(services, script, spec),
        JobKind.PARITY: lambda spec: _parity(services, script, spec),
    }
    return runner


def _train(services: Services, script: Script, spec: JobSpec) -> dict[str, Any]:
    recipe = spec.config["recipe"]
    if recipe["name"] in script.broken:
        raise Diverged("the loss became nan at step 3")
    with tempfile.TemporaryDirectory() as folder:
        (pathlib.Path(folder) / "candidate.json").write_text(json.dumps(recipe))
        artifact = services.artifacts.put(pathlib.Path(folder))
    facts = {"halved": script.halved.get(recipe["rung"], 0), "host": script.host, "quoted_s": 0.5}
    return {
        "artifact": artifact,
        "seconds": 1.0,
        "alarm": script.alarms.get(_known(script.alarms, recipe), ""),
        "facts": facts,
    }


def _predict(services: Services, script: Script, spec: JobSpec) -> dict[str, Any]:
    rows = read_rows(services.artifacts.path(spec.inputs["rows"]))
    if "samples" in spec.config:
        voted = {"quality": 0.45, "alone": 0.25, "valid_share": 1.0}
        return {"votes": voted, "seconds": float(spec.config["samples"]), "rows": len(rows)}
    recipe = json.loads(services.artifacts.read_bytes(spec.inputs["candidate"], "candidate.json"))
    if recipe["name"] in script.mute:
        raise OutOfMemory("memory ran out at one row")
    stored = _stored(services, rows, _known(script.right, recipe), script)
    return {"predictions": stored, "seconds": 1.0, "rows": len(rows)}


def _known(told: Mapping[str, object], recipe: dict[str, str]) -> str:
    return recipe["name"] if recipe["name"] in told else recipe["rung"]


def _ask(services: Services, script: Script, spec: JobSpec) -> dict[str, Any]:
    if script.asked:
        script.asked(spec)
    rows = read_rows(services.artifacts.path(spec.inputs["rows"]))
    option = spec.config["contender"]
    answered = rows[script.unanswered :] if not script.stopped and option not in script.refused else []
    return {
        "predictions": _stored(services, answered, option, script),
        "paid_calls": len(answered),
        "reused": 0,
        "input_tokens": 40 * len(answered),
        "output_tokens": 2 * len(answered),
        "nano_usd": script.nano_a_call * len(answered),
        "unanswered": len(rows) - len(answered),
        "stopped": script.stopped or script.refused.get(option, ""),
        "oldest_at": (services.clock.now() - timedelta(days=script.age_days)).isoformat(),
    }


def _parity(services: Services, script: Script, spec: JobSpec) -> dict[str, Any]:
    rows = min(len(read_rows(services.artifacts.path(spec.inputs["rows"]))), spec.config["rows"])
    agree = round(script.agree * rows)
    return {"agree": agree, "rows": rows, "first": "row-3", "latency_p50_ms": 4.0, "latency_p95_ms": 9.0}


def _stored(services: Services, rows: list[DatasetRow], contender: str, script: Script) -> str:
    with tempfile.TemporaryDirectory() as folder:
        write_predictions(pathlib.Path(folder), [_prediction(row, contender, script) for row in rows])
        return services.artifacts.put(pathlib.Path(folder))


def _prediction(row: DatasetRow, contender: str, script: Script) -> Prediction:
    if script.nonsense and contender in ("baseline", "few_shot", "cheaper"):
        return Prediction(row_id=row.id, output="as a model", correct=False, score=0.0, valid=False, latency_ms=300.0)
    share, often = script.sure.get(contender, (0.0, 0.0))
    is_sure = bucket("sure", row.id) < share
    right = (
        bucket(contender, row.id) < (often if is_sure else script.right.get(contender, 0.5))
        and script.weak.get(contender) != row.output
    )
    output = row.output if right else WRONG.get(row.output, "no such answer")
    return Prediction(
        row_id=row.id, output=output, correct=right, score=float(right), valid=True, latency_ms=300.0, tokens_in=40,
        confidence=(0.97 if is_sure else 0.4) if script.sure else None,
    )  # fmt: skip
