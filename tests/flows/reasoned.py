"""A feature whose answers are worked out, and an endpoint that is better when several of its samples vote."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from starlette.responses import Response

from engine.desk import Desk, features, investigations, labels, policies, prices
from engine.desk.features import Registration
from engine.desk.investigations import RunView
from engine.flows.investigate import investigate
from engine.models.investigation import Brief, Effort
from engine.runners import JobKind
from engine.store import features as feature_rows
from engine.store import seals
from engine.testing.direct import DirectStepper
from engine.testing.scripted_server import completion
from tests.flows.ready import ANN
from tests.flows.scripted import Script, scripted
from tests.flows.taught import asking

SLUG = "sum-solver"
MODEL = "simulated-frontier-1"
FEW = {
    "train_rows_least": "50",
    "sealed_rows_least": "50",
    "parity_rows": "20",
    "sealed_share": "0.25",
    "sealed_share_most": "0.25",
}


@dataclass
class Solver:
    """Asked once it is right on every second question; asked at a temperature, on three samples of five."""

    temperatures: Counter[float] = field(default_factory=Counter[float])
    asked: Counter[str] = field(default_factory=Counter[str])

    def script(self, body: dict[str, Any]) -> Response:
        text, heat = body["messages"][-1]["content"], body.get("temperature", 0)
        number = int(text.split()[0])
        self.temperatures[heat] += 1
        self.asked[text] += heat > 0
        is_right = self.asked[text] % 5 in (1, 3, 0) if heat else number % 2 == 0
        return completion(body["model"], f"Answer: {number * 8 if is_right else number}")


def ready(desk: Desk, url: str, *, count: int = 200, dev_share: float = 0.15, rationale: str = "") -> None:
    """A registered feature with labels and a price of its model; the rows are parted alike in every run."""
    asked = Registration(
        slug=SLUG, approach="reason", model=MODEL, prompt="Work it out.", base_url=f"{url}/v1", channel="C1"
    )
    features.register(desk, ANN, asked)
    policies.change(desk, ANN, SLUG, {f"evaluation_{name}": value for name, value in FEW.items()})
    with desk.services.database.write() as tx:
        feature_id = feature_rows.by_slug(tx, SLUG).id or 0
        seal = seals.add(tx, feature_id, dev_share=dev_share, sealed_share=0.25, at=desk.services.clock.now())
        seal.salt = "the same in every run"
    said = [{"input": f"{n} crates gain {n * 7}", "output": str(n * 8)} for n in range(1, count + 1)]
    more = {"rationale": rationale} if rationale else {}
    labels.import_file(
        desk, ANN, SLUG, "labels.jsonl", content="\n".join(json.dumps(row | more) for row in said).encode()
    )
    day = desk.services.clock.now().date()
    prices.set_price(
        desk, ANN, prices.DatedPrice(model=MODEL, input_usd=10, output_usd=10, starts_on=day, source="made up")
    )


def run(desk: Desk, *, votes: bool, right: float = 0.3) -> RunView:
    """An investigation straight through: paid calls are real, over HTTP; trainings play a script."""
    paid = asking(desk).works[JobKind.ASK]
    scripted(desk.services, Script(right={"majority": right})).works[JobKind.ASK] = paid
    return _run(desk, votes=votes)


def run_scripted(desk: Desk, right: dict[str, float]) -> RunView:
    """The same without an endpoint: each contender is right as often as it is told to be."""
    scripted(desk.services, Script(right=right))
    return _run(desk, votes=False)


def _run(desk: Desk, *, votes: bool) -> RunView:
    started = investigations.start(desk, ANN, SLUG, effort=Effort.QUICK, budget_usd=20.0, votes=votes)
    investigate(DirectStepper(desk.services), Brief(run_id=started.run_id))
    (seen,) = investigations.status(desk, started.run_id)
    return seen
