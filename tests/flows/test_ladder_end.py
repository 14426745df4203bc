"""Where the ladder ends: dearer rungs wait for LoRA to give something for sure, and what a training met is told."""

from __future__ import annotations

import pathlib
from typing import Any

import pytest

from engine.desk import Desk
from engine.desk.investigations import RunView
from engine.models.investigation import Effort, RunState, TaskState
from engine.train.ladder import host_of
from tests.conftest import needs
from tests.flows.ready import BETTER, ready, run
from tests.flows.scripted import Script
from tests.prepared import sqlite_in

FAR = {**BETTER, "tfidf": 0.5, "frozen": 0.5}


@pytest.fixture(autouse=True)
def weights() -> None:
    """The rungs above words are asked for here, so their weights must be there."""
    host = host_of("")
    needs(host.encoder and host.decoder, "Weights of an encoder and a decoder", "make setup")


@pytest.fixture
def database_url(tmp_path: pathlib.Path) -> str:
    """What these tests are about does not differ between databases."""
    return sqlite_in(tmp_path)


def thorough(desk: Desk, **script: Any) -> RunView:
    ready(desk)
    return run(desk, Script(**script), effort=Effort.THOROUGH)


def skipped(seen: RunView) -> dict[str, str]:
    return {line["contender"]: line["skipped"] for line in seen.record["rungs"] if line["skipped"]}


def test_where_lora_is_not_surely_better_dearer_rungs_are_not_begun_and_say_why(desk: Desk) -> None:
    seen = thorough(desk, right={**BETTER, "lora_encoder": 0.80, "lora_causal": 0.99})
    why = "the ladder ends here: LoRA encoder is not surely better than word counts, C 0.1 on dev"
    assert seen.state is RunState.DONE, seen.reason
    assert set(skipped(seen)) == {"lora_causal", "full"}
    assert all(said.startswith(why) for said in skipped(seen).values())
    assert seen.record["candidate"]["rung"] == "tfidf"
    line = next(task for task in seen.tasks if task.name == "train lora_causal")
    assert (line.state, line.note) == (TaskState.SKIPPED, skipped(seen)["lora_causal"])


def test_where_lora_is_surely_better_the_ladder_goes_on(desk: Desk) -> None:
    seen = thorough(desk, right={**FAR, "lora_encoder": 0.8, "lora_causal": 1.0, "full": 0.9})
    assert skipped(seen) == {}
    assert seen.record["candidate"]["rung"] == "lora_causal"


def test_a_collapsed_lora_ends_the_ladder(desk: Desk) -> None:
    seen = thorough(desk, right={**BETTER, "lora_encoder": 0.95}, alarms={"lora_encoder": "collapsed"})
    assert skipped(seen)["lora_causal"] == "the ladder ends here: LoRA encoder collapsed"


def test_a_training_that_ran_out_of_memory_and_went_on_says_so(desk: Desk) -> None:
    ready(desk)
    seen = run(desk, Script(right=BETTER, halved={"frozen": 2}))
    line = next(task for task in seen.tasks if task.name == "train frozen")
    assert line.note == "1 s; memory ran out, so batches were taken in 4 parts"
    assert next(rung for rung in seen.record["rungs"] if rung["rung"] == "frozen")["halved"] == 2
