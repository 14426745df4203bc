"""The control: one answer to everything, the most frequent label. What a candidate must beat to be worth a word."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path

from engine.approaches import Task
from engine.approaches.registry import approach_of
from engine.models.investigation import Effort, Recipe
from engine.train import Answer, Host, Progress, Quote, Trained, TrainingRow

_FILE = "majority.json"


class Constant:
    """A loaded control."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    def answer(self, inputs: Sequence[str]) -> list[Answer]:
        """The same answer for every input."""
        return [self._answer] * len(inputs)


class Majority:
    """The most frequent class of the training rows, or what else an approach takes for its control."""

    number = 0
    name = "majority"

    def fits(self, host: Host, task: Task) -> str:  # noqa: ARG002 (fits everywhere)
        """Always."""
        return ""

    def quote(self, host: Host, task: Task, rows: int, words_p50: int) -> Quote:  # noqa: ARG002 (the same everywhere)
        """The start of a process."""
        return Quote(seconds=2.0, memory_mb=150)

    def recipes(self, effort: Effort, seed: int, task: Task) -> list[Recipe]:  # noqa: ARG002 (the same for every task)
        """One."""
        return [Recipe(rung=self.name, name="majority", seed=seed)]

    def train(
        self,
        recipe: Recipe,  # noqa: ARG002 (nothing to turn)
        task: Task,
        *,
        train: Sequence[TrainingRow],
        dev: Sequence[TrainingRow],  # noqa: ARG002 (nothing is chosen)
        folder: Path,
        scratch: Path,  # noqa: ARG002 (nothing to resume)
        host: Host,  # noqa: ARG002 (the same everywhere)
        progress: Progress,
    ) -> Trained:
        """Count."""
        began = time.perf_counter()
        label = approach_of(task.approach).control([row.output for row in train], task)
        share = sum(row.output == label for row in train) / len(train)
        (folder / _FILE).write_text(json.dumps({"label": label, "share": share}, sort_keys=True), encoding="utf-8")
        progress(1, 1, None)
        return Trained(seconds=time.perf_counter() - began, facts={"share": share})

    def load(self, folder: Path, host: Host) -> Constant:  # noqa: ARG002 (the same everywhere)
        """The control as an answerer."""
        kept = json.loads((folder / _FILE).read_text(encoding="utf-8"))
        return Constant(Answer(text=kept["label"], confidence=kept["share"]))
