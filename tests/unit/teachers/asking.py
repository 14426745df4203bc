"""Builders for the tests of the teachers: rows, a spec, and one call of ``ask_rows``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import httpx2

from engine.clock import Clock, SystemClock
from engine.evals.rows import DatasetRow
from engine.runners import JobKind, JobSpec
from engine.settings import Settings
from engine.store.database import Database
from engine.teachers.ask import Asked, ask_rows
from engine.teachers.batch_client import BatchClient
from engine.teachers.batches import Bulk
from engine.teachers.ledger import FREE, Ledger
from engine.teachers.pace import Pace, Tempo
from engine.teachers.prices import price_of
from engine.teachers.replies import Question
from engine.teachers.votes import questions_of
from engine.testing.simulated_model import MODEL

RUN = "inv-abcdefgh"
LABELS = ("billing", "bug", "other")
TRUTH = {f"ticket {number} about {LABELS[number % 3]} and more": LABELS[number % 3] for number in range(200)}
QUICK = Tempo(first=0.001, longest=0.01)
BUDGET = 10**9  # one US dollar


@dataclass
class Room:
    database: Database
    settings: Settings
    url: str

    def ask(
        self,
        rows: Sequence[DatasetRow],
        *,
        base_url: str = "",
        progress=None,
        clock: Clock | None = None,
        **config: Any,
    ) -> Asked:
        spec = spec_of(base_url or f"{self.url}/v1", **config)
        return ask_rows(
            self.database,
            self.settings,
            spec,
            rows=rows,
            examples=rows_of(30, start=150),
            progress=progress or (lambda step, of, loss: None),
            tempo=QUICK,
            clock=clock,
        )

    def questions(self, rows: Sequence[DatasetRow], base_url: str, model: str) -> list[Question]:
        """What ``ask`` asks about these rows."""
        return questions_of(spec_of(base_url, model=model, parameters={"max_tokens": 8}), rows, [])

    def bulk(self, client: BatchClient, model: str, *, least: int) -> Bulk:
        """What a pass through batches needs, at the model's price."""
        with self.database.read() as tx:
            price = price_of(tx, model, SystemClock().now().date(), is_batch=True) or FREE
        ledger = Ledger(database=self.database, clock=SystemClock(), run_id=RUN, budget_nano=BUDGET, price=price)
        return Bulk(client, ledger, Pace(), QUICK, least)

    def fail(self, **faults: Any) -> None:
        httpx2.post(f"{self.url}/faults", json=faults, timeout=60).raise_for_status()

    def seen(self) -> dict[str, dict[str, int]]:
        return httpx2.get(f"{self.url}/seen", timeout=60).json()


def spec_of(base_url: str, **config: Any) -> JobSpec:
    return JobSpec(
        kind=JobKind.ASK,
        inputs={},
        config={
            "run_id": RUN,
            "contender": "baseline",
            "base_url": base_url,
            "model": MODEL,
            "prompt": "Classify the ticket.",
            "parameters": {"temperature": 0},
            "approach": "classify",
            "classes": list(LABELS),
            "budget_nano": BUDGET,
            "attempt": 0,
            **config,
        },
        seed=7,
    )


def rows_of(count: int, *, start: int = 0) -> list[DatasetRow]:
    texts = list(TRUTH.items())[start : start + count]
    return [DatasetRow(id=f"r{start + at}", input=text, output=label) for at, (text, label) in enumerate(texts)]
