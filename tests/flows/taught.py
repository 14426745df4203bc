"""A feature with captured texts, and a teacher over HTTP whose replies a test decides: the flow, straight through."""

from __future__ import annotations

import io
import json
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from starlette.responses import Response

from engine.desk import Desk, features, labellings, labels, prices, traffic
from engine.desk.features import Registration
from engine.desk.labellings import LabellingView
from engine.evals.rows import read_rows, write_predictions
from engine.flows.label import label
from engine.models.actor import Actor, Role
from engine.models.labelling import Teaching
from engine.runners import JobKind, JobSpec
from engine.teachers.ask import Progress, ask_rows
from engine.teachers.pace import Tempo
from engine.testing.direct import DirectStepper
from engine.testing.runner import ScriptedRunner
from engine.testing.scripted_server import completion

ANN = Actor(id="U1", role=Role.OPERATOR, channel="C1")
SLUG = "ticket-router"
RIGHTS = "the contract allows training"
TEACHER = "simulated-teacher"
FAST = Tempo(tries=2, first=0.01, longest=0.02, patience=1.0)
Say = Callable[[str], Response | str]


def text_of(number: int) -> str:
    """A text of its own whose label is told by its number."""
    return f"{number} " + " ".join(f"{word}{number}" for word in ("refund", "invoice", "late", "angry"))


def right(text: str) -> str:
    return "billing" if int(text.split()[0]) % 2 else "bug"


@dataclass
class Teacher:
    """What the endpoint says to a text, and how often each was asked."""

    say: Say = right
    asked: Counter[str] = field(default_factory=Counter[str])

    def script(self, body: dict[str, Any]) -> Response:
        text = body["messages"][-1]["content"]
        self.asked[text] += 1
        said = self.say(text)
        return completion(body["model"], said) if isinstance(said, str) else said


def captured(
    desk: Desk, url: str, texts: int, *, rights: str = "the contract allows training", cents: float = 10
) -> None:
    """A registered feature with so many captured texts; ``cents`` is what a thousand tokens cost."""
    asked = Registration(
        slug=SLUG,
        model="simulated-frontier-1",
        prompt="Sort the ticket.",
        labels=("billing", "bug"),
        base_url=f"{url}/v1",
        rights=rights,
        channel="C1",
    )
    features.register(desk, ANN, asked)
    if texts:
        import_texts(desk, [text_of(number) for number in range(texts)])
    start = desk.services.clock.now().date()
    for model in (TEACHER, "simulated-frontier-1"):
        price = prices.DatedPrice(
            model=model, input_usd=cents * 10, output_usd=cents * 10, starts_on=start, source="test"
        )
        prices.set_price(desk, ANN, price)


def import_texts(desk: Desk, texts: Sequence[str]) -> None:
    """Calls whose inputs are these texts."""
    at = desk.services.clock.now().isoformat()
    plain = {"ts": at, "model": "m", "input_tokens": 9, "output_tokens": 1, "output": "x"}
    rows = [{**plain, "id": f"c-{text}", "input": text} for text in texts]
    lines = "\n".join(json.dumps(row) for row in rows).encode()
    done = traffic.import_calls(desk, ANN, SLUG, io.BytesIO(lines), format_name="assay")
    assert done.bad_count == 0, done.bad


def asking(desk: Desk) -> ScriptedRunner:
    """The services' runner, whose ``ask`` jobs are real: over HTTP, on the ledger, in this process."""

    def ask(spec: JobSpec, progress: Progress = lambda *_: None) -> dict[str, Any]:
        services = desk.services
        rows = read_rows(services.artifacts.path(spec.inputs["rows"]))
        shown = read_rows(services.artifacts.path(spec.inputs["examples"]))
        asked = ask_rows(
            services.database, services.settings, spec, rows=rows, examples=shown, progress=progress, tempo=FAST
        )
        with tempfile.TemporaryDirectory() as folder:
            write_predictions(Path(folder), asked.predictions)
            return {**asked.counts, "predictions": services.artifacts.put(Path(folder))}

    runner = desk.services.runner
    assert isinstance(runner, ScriptedRunner)
    runner.works = {JobKind.ASK: ask}
    return runner


def taught(desk: Desk, *, sample: int = 40, teacher: str = TEACHER, budget_usd: float = 20.0) -> LabellingView:
    """A labelling from its asking to its end."""
    asking(desk)
    started = labellings.start(desk, ANN, SLUG, sample=sample, teacher=teacher, budget_usd=budget_usd)
    label(DirectStepper(desk.services), Teaching(run_id=started.run_id))
    return labellings.show(desk, started.run_id)


def people_label(desk: Desk, numbers: range) -> labels.DraftView:
    """Rows that people labelled, from a file."""
    rows = [json.dumps({"input": text_of(n), "output": right(text_of(n))}) for n in numbers]
    return labels.import_file(desk, ANN, SLUG, "people.jsonl", content="\n".join(rows).encode())
