"""A feature ready to be investigated, and a run of it straight through, with jobs that play a script."""

from __future__ import annotations

import io
import json
from datetime import timedelta

from engine.desk import Desk, features, investigations, labels, prices, traffic
from engine.desk.features import Registration
from engine.desk.investigations import RunView
from engine.flows.investigate import investigate
from engine.models.actor import Actor, Role
from engine.models.investigation import Brief, Effort
from engine.store import features as feature_rows
from engine.store import seals
from engine.testing.direct import DirectStepper
from engine.testing.traffic import month_of_calls
from tests.flows.scripted import Script, scripted

ANN = Actor(id="U1", role=Role.OPERATOR, channel="C1")
SLUG = "ticket-mood"
CLASSES = ("negative", "neutral", "positive")
BETTER = {"tfidf": 0.80, "frozen": 0.80, "majority": 0.34, "baseline": 0.60}


def rows(count: int) -> bytes:
    said = [{"input": f"message {place} on matter {place * 7}", "output": CLASSES[place % 3]} for place in range(count)]
    return "\n".join(json.dumps(row) for row in said).encode()


def ready(desk: Desk, *, count: int = 1_500, margin: float = 0.08, money: bool = True) -> None:
    asked = Registration(
        slug=SLUG, model="simulated-frontier-1", prompt="Say one.", margin=margin, labels=CLASSES, base_url="http://127.0.0.1:9/v1"
    )  # fmt: skip
    features.register(desk, ANN, asked)
    _fix_the_salt(desk)
    labels.import_file(desk, ANN, SLUG, "labels.jsonl", content=rows(count))
    if money:
        _money(desk)


def _fix_the_salt(desk: Desk) -> None:
    """Part the rows alike in every run: the salt is random, and chance is no part of what is claimed here."""
    with desk.services.database.write() as tx:
        feature_id = feature_rows.by_slug(tx, SLUG).id or 0
        seal = seals.add(tx, feature_id, dev_share=0.15, sealed_share=0.2, at=desk.services.clock.now())
        seal.salt = "the same in every run"


def _money(desk: Desk) -> None:
    start = desk.services.clock.now() - timedelta(days=31)
    price = prices.DatedPrice(
        model="simulated-frontier-1", input_usd=9_000, output_usd=9_000, starts_on=start.date(), source="made up"
    )
    prices.set_price(desk, ANN, price)
    calls = month_of_calls(["a b c"], model="simulated-frontier-1", calls=300, start=start, seed=1, prompt_tokens=1_500)
    lines = "\n".join(json.dumps(call) for call in calls).encode()

    traffic.import_calls(desk, ANN, SLUG, io.BytesIO(lines), format_name="assay")


def run(desk: Desk, script: Script, *, effort: Effort = Effort.QUICK, budget_usd: float = 5_000.0) -> RunView:
    scripted(desk.services, script)
    started = investigations.start(desk, ANN, SLUG, effort=effort, budget_usd=budget_usd)
    investigate(DirectStepper(desk.services), Brief(run_id=started.run_id))
    (seen,) = investigations.status(desk, started.run_id)
    return seen
