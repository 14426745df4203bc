"""A race of recipes that learn nothing: which goes on is told by their trials alone. Loads no torch."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.approaches import Task
from engine.errors import OutOfMemory
from engine.flows.steps import trainings
from engine.models.investigation import Effort
from engine.train import Host, Quote, TrainingRow
from engine.train.recipes import FULL_DECODER, FULL_ENCODER, LORA_CAUSAL, LORA_ENCODER, Row, recipe_of
from engine.train.work import Attempt, Work, trained


def test_a_rival_that_does_not_fit_is_last_and_ends_no_training(tmp_path: Path) -> None:
    rows = [TrainingRow(id=str(number), input="a", output="b") for number in range(2_000)]
    work = Work(
        recipe=recipe_of("full", FULL_DECODER, Effort.NORMAL, 0),
        task=Task(approach="extract"),
        train=rows,
        dev=rows[:1],
        folder=tmp_path,
        scratch=tmp_path,
        host=Host(device="cpu", cores=1, memory_mb=1, encoder=""),
        progress=lambda step, of, loss: None,
        shared=tmp_path,
    )

    def trial(entrant: Work, until: int) -> float:
        if entrant.scratch.name != "rival-2":
            raise OutOfMemory("it does not fit")
        return 1.0

    made = trained(work, lambda best, rate: Attempt("", {"of": best.scratch.name}), trial)
    assert made.facts is not None
    assert (made.facts["of"], made.facts["raced"]) == ("rival-2", 3)


@pytest.mark.parametrize("rows", [LORA_ENCODER, LORA_CAUSAL, FULL_ENCODER, FULL_DECODER])
def test_no_rival_takes_larger_batches_than_the_recipe_whose_memory_is_told(rows: tuple[Row, ...]) -> None:
    assert max(row.batch for row in rows) == rows[0].batch


def test_a_training_over_several_hosts_is_told_and_paid_for_without_rivals() -> None:
    recipe, quote = recipe_of("full", FULL_DECODER, Effort.THOROUGH, 0), Quote(seconds=100.0, memory_mb=1)
    here, spread = (
        trainings.fitting(recipe, quote, effort=Effort.THOROUGH, rows=4_000, workers=workers) for workers in (1, 2)
    )
    assert (len(here.rivals), len(spread.rivals)) == (7, 0)
    assert trainings.note_of(spread, quote, 1.0) == "about 100 s, about 1 MB of memory"
