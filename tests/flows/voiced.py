"""A feature whose texts are compared, and runs of it straight through, with writers, a judge and people by a script."""

from __future__ import annotations

import pathlib
import re
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from engine.desk import Desk, features, investigations, labels, policies, queues
from engine.desk.features import Registration
from engine.desk.investigations import RunView
from engine.desk.queues import QueueView, TurnView
from engine.evals.rows import read_rows, write_predictions
from engine.flows.investigate import investigate
from engine.models.actor import Actor, Role
from engine.models.investigation import Brief, Effort, Prediction
from engine.models.labelling import QueuePurpose, Said
from engine.rules.bucket import bucket
from engine.runners import JobKind, JobSpec
from engine.services import Services
from engine.store import features as feature_rows
from engine.store import seals
from engine.testing.direct import DirectStepper
from tests.flows.scripted import Script, scripted

ANN, BO = (Actor(id=name, role=Role.OPERATOR, channel="C1") for name in ("U1", "U2"))
SLUG = "reply-writer"
JUDGE = "simulated-judge-1"
_ASKED = re.compile(r"<<<A>>>\n(.*)\n<<<B>>>\n(.*)\n<<<END>>>", re.DOTALL)
_ROW = re.compile(r"matter (\d+)")


@dataclass
class Voices:
    """On what share of briefs the candidate's text is better; how the judge and people see it.

    ``pull``: the share of pairs on which the judge takes the first text; ``wrong``: on which people see it otherwise.
    """

    better: float = 0.9
    pull: float = 0.0
    wrong: float = 0.0
    nonsense: bool = False
    rude: float = 0.0


def text(side: str, place: str) -> str:
    """What a side writes for a brief; the side's word is there for the judge of the script alone."""
    return f"{side} dear customer of matter {place}, thank you"


def is_better(place: str, voices: Voices) -> bool:
    return bucket("better", place) < voices.better


def rows(count: int) -> bytes:
    said = [
        f'{{"input": "brief {place} on matter {place * 7}", "output": "Hello, matter {place * 7} is done."}}'
        for place in range(count)
    ]
    return "\n".join(said).encode()


def ready(desk: Desk, *, count: int = 900, judge: str = JUDGE, margin: float = 0.05, **said: str) -> None:
    """A feature of voice with labels, and a judge of another family."""
    asked = Registration(
        slug=SLUG, approach="voice", model="simulated-frontier-1", prompt="Write.", margin=margin, base_url="http://127.0.0.1:9/v1"
    )  # fmt: skip
    features.register(desk, ANN, asked)
    if judge:
        policies.change(desk, ANN, SLUG, {"evaluation_judge_model": judge, **said})
    with desk.services.database.write() as tx:  # the rows are parted alike in every run
        feature_id = feature_rows.by_slug(tx, SLUG).id or 0
        seal = seals.add(tx, feature_id, dev_share=0.15, sealed_share=0.2, at=desk.services.clock.now())
        seal.salt = "the same in every run"
    labels.import_file(desk, ANN, SLUG, "labels.jsonl", content=rows(count))


def run(desk: Desk, voices: Voices, *, budget_usd: float = 100.0) -> RunView:
    """An investigation from start to end."""
    runner = scripted(desk.services, Script())
    plain = dict(runner.works)
    runner.works[JobKind.PREDICT] = lambda spec: _written(desk.services, spec, "ours", voices)
    runner.works[JobKind.ASK] = lambda spec: (
        _judged(desk.services, spec, voices) if spec.config["model"] == JUDGE else _asked(desk.services, spec, voices)
    )
    assert plain
    started = investigations.start(desk, ANN, SLUG, effort=Effort.NORMAL, budget_usd=budget_usd)
    investigate(DirectStepper(desk.services), Brief(run_id=started.run_id))
    (seen,) = investigations.status(desk, started.run_id)
    return seen


def compare(desk: Desk, voices: Voices, pairs: int = 120) -> None:
    """People compare so many pairs; the queue is closed."""

    def taken(turn: TurnView) -> str:
        place = _place(turn.first)
        ours_wins = is_better(place, voices) != (bucket("wrong", place) < voices.wrong)
        return "A" if ours_wins == turn.first.startswith("ours") else "B"

    pressed(desk, SLUG, pairs, taken)


def pressed(
    desk: Desk, slug: str, size: int, taken: Callable[[TurnView], str], purpose: QueuePurpose = QueuePurpose.PAIRS
) -> QueueView:
    """One person presses ``taken`` (A, B or tie) for so many pairs, one after another; the queue as it is then."""
    opened = queues.start(desk, ANN, slug, size=size, double=0.0, purpose=purpose)
    turn: TurnView | None = queues.take(desk, BO, slug)
    while turn is not None:
        turn = queues.answer(desk, BO, turn.turn_id, Said.LABEL, label=taken(turn))
    return queues.by_name(desk, opened.name)


def _place(said: str) -> str:
    found = _ROW.search(said)
    assert found is not None, said
    return found[1]


def _predictions(services: Services, spec: JobSpec, answer: Callable[[str], tuple[str, bool]]) -> dict[str, Any]:
    asked = read_rows(services.artifacts.path(spec.inputs["rows"]))
    made: list[Prediction] = []
    for row in asked:
        output, valid = answer(row.input)
        made.append(
            Prediction(
                row_id=row.id, output=output, correct=False, score=0.5, valid=valid, latency_ms=9.0, tokens_in=40
            )
        )
    with tempfile.TemporaryDirectory() as folder:
        write_predictions(pathlib.Path(folder), made)
        artifact = services.artifacts.put(pathlib.Path(folder))
    counts = {"paid_calls": len(made), "reused": 0, "input_tokens": 40 * len(made), "output_tokens": 2, "nano_usd": 0}
    at = services.clock.now().isoformat()
    return {
        "predictions": artifact,
        "rows": len(made),
        "seconds": 1.0,
        **counts,
        "unanswered": 0,
        "stopped": "",
        "oldest_at": at,
    }


def _written(services: Services, spec: JobSpec, side: str, voices: Voices) -> dict[str, Any]:
    return _predictions(services, spec, lambda brief: (text(side, _place(brief)), bucket("rude", brief) >= voices.rude))


def _asked(services: Services, spec: JobSpec, voices: Voices) -> dict[str, Any]:
    assert spec.config["approach"] == "voice"
    return _written(services, spec, "theirs", Voices(better=voices.better))


def _judged(services: Services, spec: JobSpec, voices: Voices) -> dict[str, Any]:
    def answer(asked: str) -> tuple[str, bool]:
        found = _ASKED.search(asked)
        assert found is not None
        first, _ = found.groups()
        place = _place(first)
        if voices.nonsense:
            return "Both are lovely", False
        if bucket("pull", place) < voices.pull:
            return "A", True
        return ("A" if is_better(place, voices) == first.startswith("ours") else "B"), True

    return _predictions(services, spec, answer)
