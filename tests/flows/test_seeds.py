"""The candidate that was chosen is trained with three seeds when thorough; the first goes on, never the best."""

from __future__ import annotations

import pathlib
from collections.abc import Callable
from typing import Any, Concatenate

import pytest

from engine.desk import Desk, investigations
from engine.desk.investigations import RunView
from engine.flows.durable import P, Pending, R
from engine.flows.investigate import investigate
from engine.flows.recorded import met, outcome, shape_of
from engine.flows.steps import trainings
from engine.models.investigation import Brief, Effort, Recipe, RunState, TaskState
from engine.models.labels import Part
from engine.runners import JobKind, JobSpec
from engine.services import Services
from engine.store import investigations as rows
from engine.testing.direct import DirectStepper
from engine.testing.runner import ScriptedRunner
from engine.train import Quote
from tests.flows.ready import ANN, BETTER, SLUG, ready, run
from tests.flows.scripted import Script, scripted
from tests.prepared import sqlite_in

ROWS = 800
SURE = {**BETTER, "tfidf": 0.95}
CHOSEN = "tfidf-c0.1"
SECOND, THIRD = f"{CHOSEN}-seed2", f"{CHOSEN}-seed3"


@pytest.fixture
def database_url(tmp_path: pathlib.Path) -> str:
    """What these tests are about does not differ between databases."""
    return sqlite_in(tmp_path)


def thorough(desk: Desk, script: Script) -> RunView:
    ready(desk, count=ROWS)
    return run(desk, script, effort=Effort.THOROUGH)


def lines(seen: RunView) -> list[dict[str, Any]]:
    return seen.record["seeds"]["lines"]


def test_the_first_seed_goes_to_the_seal_though_another_did_better_on_dev(desk: Desk) -> None:
    seen = thorough(desk, Script(right={**BETTER, CHOSEN: 0.9, SECOND: 0.99, THIRD: 0.8}))
    assert seen.state is RunState.DONE, seen.reason
    assert seen.record["candidate"]["contender"] == CHOSEN
    first, second, third = (line["quality"] for line in lines(seen))
    assert third < first < second
    assert seen.record["candidate"]["dev_score"] == first
    told = seen.record["seeds"]["quality"]
    assert (told["low"], told["high"]) == (third, second)
    assert told["mean"] == pytest.approx((first + second + third) / 3)
    assert seen.record["seeds"]["macro_f1"]["low"] < seen.record["seeds"]["macro_f1"]["high"]
    assert [line["seed"] for line in lines(seen)] == [0, 1, 2]
    assert seen.record["candidate"]["words"] == "word counts, C 0.1"
    assert not {SECOND, THIRD} & {line["contender"] for line in seen.record["rungs"]}
    assert not {SECOND, THIRD} & {line["name"] for line in seen.record["leaderboard"]["tuned"]["lines"]}
    with desk.services.database.read() as tx:
        assert rows.contenders(tx, seen.run_id, Part.SEALED) == ["baseline", CHOSEN]
        assert {SECOND, THIRD} <= set(rows.contenders(tx, seen.run_id, Part.DEV))


def test_where_seeds_would_be_found_differently_the_record_says_so(desk: Desk) -> None:
    seen = thorough(desk, Script(right={**SURE, THIRD: 0.3}, alarms={THIRD: "collapsed"}))
    assert [line["finding"] for line in lines(seen)] == ["better", "better", "worse"]
    assert seen.record["seeds"]["hangs"]
    assert [(line["alarm"], line["failed"]) for line in lines(seen)] == [("", ""), ("", ""), ("collapsed", "")]
    line = next(task for task in seen.tasks if task.name == "further seeds")
    assert (line.state, line.note.endswith("over 3 of 3 seeds")) == (TaskState.COMPLETE, True)


def test_a_seed_that_breaks_in_training_or_before_dev_is_told_and_the_run_goes_on(desk: Desk) -> None:
    seen = thorough(desk, Script(right=SURE, broken=(SECOND,), mute=(THIRD,)))
    assert seen.state is RunState.DONE, seen.reason
    assert not seen.record["seeds"]["hangs"]
    first, second, third = lines(seen)
    assert (first["quality"], first["failed"]) == (seen.record["candidate"]["dev_score"], "")
    assert (second["quality"], second["failed"]) == (None, "the loss became nan at step 3")
    assert (third["quality"], third["failed"]) == (None, "memory ran out at one row")
    line = next(task for task in seen.tasks if task.name == "further seeds")
    assert (line.state, line.note) == (TaskState.COMPLETE, "none of the further ones ended")


def test_the_quote_and_the_budget_count_the_further_seeds_at_the_dearest_rung(desk: Desk) -> None:
    ready(desk, count=ROWS)
    seen = run(desk, Script(right=SURE))
    assert seen.record["seeds"] is None
    assert "further seeds" not in {task.name for task in seen.tasks}
    quick, whole = (
        investigations.quote(desk, SLUG, budget_usd=50, effort=effort).trainings
        for effort in (Effort.QUICK, Effort.THOROUGH)
    )
    assert quick.seeds is None
    assert whole.seeds is not None
    assert whole.seeds.trainings == 2
    assert whole.seeds.memory_mb == max(rung.memory_mb for rung in whole.rungs if not rung.why)
    quotes = {"tfidf": Quote(seconds=10.0, memory_mb=1), "full": Quote(seconds=100.0, memory_mb=2)}
    recipes = [Recipe(rung=name, name=name, seed=0) for name in quotes]
    assert trainings.whole_of(recipes, quotes, Effort.QUICK) == pytest.approx(110.0)
    assert trainings.whole_of(recipes, quotes, Effort.THOROUGH) == pytest.approx(310.0)
    found = trainings.seeds_of(list(quotes), quotes, {"tfidf": 2.0, "full": 0.5}, effort=Effort.THOROUGH)
    assert found is not None
    assert found.seconds == pytest.approx(100.0)
    untried = trainings.seeds_of(list(quotes), quotes, {"tfidf": 2.0}, effort=Effort.THOROUGH)
    assert untried is not None
    assert untried.seconds is None


class Killed(Exception):
    """The engine is gone."""


class Mortal:
    """Records each step as JSON, as the durable core does, and dies after every one that is new."""

    def __init__(self, services: Services, recorded: dict[str, Any]) -> None:
        self._direct = DirectStepper(services)
        self._recorded = recorded

    def step(self, name: str, fn: Callable[Concatenate[Services, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        return self._met(name, fn, lambda: self._direct.step(name, fn, *args, **kwargs))

    def until(
        self, name: str, fn: Callable[Concatenate[Services, P], R | Pending], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        return self._met(name, fn, lambda: self._direct.until(name, fn, *args, **kwargs))

    def sleep(self, seconds: float) -> None:
        self._direct.sleep(seconds)

    def _met(self, name: str, fn: Callable[..., Any], call: Callable[[], object]) -> Any:
        shape = shape_of(fn)
        if name in self._recorded:
            return met(shape, self._recorded[name])
        self._recorded[name] = outcome(shape, call, is_last=True)
        raise Killed(name)


def test_an_engine_that_dies_after_every_step_trains_each_seed_once_and_gives_one_verdict(desk: Desk) -> None:
    ready(desk, count=ROWS)
    runner = scripted(desk.services, Script(right={**SURE, SECOND: 0.7}))
    started = investigations.start(desk, ANN, SLUG, effort=Effort.THOROUGH, budget_usd=5_000.0)
    recorded: dict[str, Any] = {}
    deaths = list[str]()
    while True:
        try:
            ended = investigate(Mortal(desk.services, recorded), Brief(run_id=started.run_id))
            break
        except Killed as death:
            deaths.append(str(death))
    assert len(deaths) == len(set(deaths)) == len(recorded)
    order = [f"train {SECOND}", f"train {THIRD}", f"score {SECOND}", f"score {THIRD}", "seeds", "open_seal"]
    assert [name for name in deaths if name in order] == order
    assert ended.verdict_id
    trained = [spec.config["recipe"]["name"] for spec in runner.ran if spec.kind is JobKind.TRAIN]
    assert len(trained) == len(set(trained))
    (seen,) = investigations.status(desk, started.run_id)
    assert len(lines(seen)) == 3


def test_a_run_that_is_cancelled_between_two_seeds_ends_cancelled(desk: Desk) -> None:
    ready(desk, count=ROWS)
    runner: ScriptedRunner = scripted(desk.services, Script(right=SURE))
    started = investigations.start(desk, ANN, SLUG, effort=Effort.THOROUGH, budget_usd=5_000.0)
    train = runner.works[JobKind.TRAIN]

    def cancelled(spec: JobSpec) -> dict[str, Any]:
        if spec.config["recipe"]["name"] == SECOND:
            investigations.cancel(desk, ANN, started.run_id)
        return train(spec)

    runner.works[JobKind.TRAIN] = cancelled
    investigate(DirectStepper(desk.services), Brief(run_id=started.run_id))
    (seen,) = investigations.status(desk, started.run_id)
    assert seen.state is RunState.CANCELLED
    assert THIRD not in {spec.config["recipe"]["name"] for spec in runner.ran if spec.kind is JobKind.TRAIN}
