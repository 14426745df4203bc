"""The decoder's rung on 1,000 real addresses: share of valid JSON and field F1 beside the control, in one run.

python -m tests.training.bench_extract [ROWS] [EPOCHS]
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

from engine.approaches import Parsed, Task
from engine.approaches.registry import approach_of
from engine.models.investigation import Effort, Recipe
from engine.testing.corpus import ADDRESS_FIELDS, address_rows
from engine.train import TrainingRow
from engine.train.ladder import host_of, rung_of

TASK = Task(
    approach="extract", schema={"type": "object", "properties": {name: {"type": "string"} for name in ADDRESS_FIELDS}}
)
HELD = 200


def main(rows: int, epochs: int) -> None:
    """Train, answer the held rows, print."""
    extract = approach_of("extract")
    drawn = address_rows(rows + HELD)
    made = [
        TrainingRow(id=str(place), input=text, output=extract.label(fields, TASK))
        for place, (text, fields) in enumerate(drawn)
    ]
    train, held = made[:rows], made[rows:]
    wanted = [row.output for row in held]
    control = Parsed(output=extract.control([row.output for row in train], TASK), valid=True)
    _tell("majority", wanted, [control] * len(held), 0.0)
    with tempfile.TemporaryDirectory() as home:
        folder, scratch = Path(home) / "folder", Path(home) / "scratch" / "job"
        folder.mkdir()
        scratch.mkdir(parents=True)
        host, rung = host_of("", cache=Path(home)), rung_of("lora_causal")
        first = rung.recipes(Effort.NORMAL, 0, TASK)[0]
        rivals = tuple(_passes(one, epochs) for one in first.rivals)
        recipe = _passes(first, epochs).model_copy(update={"rivals": rivals})
        began = time.perf_counter()
        trained = rung.train(
            recipe, TASK, train=train, dev=held[:32], folder=folder, scratch=scratch, host=host, progress=_progress
        )
        seconds = time.perf_counter() - began
        answers = rung.load(folder, host).answer([row.input for row in held])
    _tell(f"lora_causal {trained.facts}", wanted, [extract.parse(one.text, TASK) for one in answers], seconds)


def _passes(recipe: Recipe, epochs: int) -> Recipe:
    return recipe.model_copy(update={"settings": {**recipe.settings, "epochs": epochs}})


def _progress(step: int, of: int, loss: float | None) -> None:
    if step % 25 == 0:
        sys.stderr.write(f"{step} of {of}, loss {loss}\n")


def _tell(name: str, wanted: list[str], said: list[Parsed], seconds: float) -> None:
    found = approach_of("extract").quality(wanted, said, TASK)
    valid = sum(one.valid for one in said) / len(said)
    sys.stdout.write(
        f"{name}: valid {valid:.3f}, field F1 {found['primary']:.3f}, whole documents {found['exact']:.3f}, "
        f"n {len(said)}, {seconds:,.0f} s, {os.cpu_count()} cores\n"
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000, int(sys.argv[2]) if len(sys.argv) > 2 else 2)
