"""People change things while a run is under way: a later edit changes nothing in it, a cancel ends it."""

from __future__ import annotations

import pathlib
from collections.abc import Callable

import pytest

from engine.desk import Desk, investigations, labels
from engine.desk.investigations import RunView
from engine.flows.investigate import investigate
from engine.models.investigation import Brief, Effort, RunState
from engine.store import policies
from engine.testing.direct import DirectStepper
from engine.testing.runner import ScriptedRunner
from tests.flows.ready import ANN, BETTER, SLUG, ready, rows, run
from tests.flows.scripted import Script, scripted
from tests.prepared import sqlite_in


@pytest.fixture
def database_url(tmp_path: pathlib.Path) -> str:
    """What these tests are about does not differ between databases; the roads do, and run on both."""
    return sqlite_in(tmp_path)


class Between(DirectStepper):
    """Does something just before a step."""

    def __init__(self, desk: Desk, before: str, deed: Callable[[], object]) -> None:
        super().__init__(desk.services)
        self._before = before
        self._deed = deed

    def step(self, name, fn, *args, **kwargs):
        if name == self._before:
            self._deed()
        return super().step(name, fn, *args, **kwargs)


def walked(desk: Desk, before: str, deed: Callable[[str], object]) -> RunView:
    scripted(desk.services, Script(right=BETTER))
    started = investigations.start(desk, ANN, SLUG, effort=Effort.QUICK, budget_usd=5_000.0)
    investigate(Between(desk, before, lambda: deed(started.run_id)), Brief(run_id=started.run_id))
    (seen,) = investigations.status(desk, started.run_id)
    return seen


def test_an_edit_during_a_run_changes_nothing_in_it(desk: Desk) -> None:
    ready(desk)
    before = labels.show(desk, SLUG).version

    def upload_more(_run_id: str) -> None:
        more = b"\n".join(rows(1_600).splitlines()[1_500:])
        labels.import_file(desk, ANN, SLUG, "more.jsonl", content=more)

    seen = walked(desk, "choose", upload_more)
    assert seen.record["labels_version"] == before
    assert labels.show(desk, SLUG).version != before


def test_a_run_is_cancelled_before_its_next_job(desk: Desk) -> None:
    ready(desk)
    scripted(desk.services, Script(right=BETTER))
    started = investigations.start(desk, ANN, SLUG, effort=Effort.QUICK, budget_usd=5_000.0)

    class Cancelling(DirectStepper):
        def step(self, name, fn, *args, **kwargs):
            found = super().step(name, fn, *args, **kwargs)
            if name == "plan":
                investigations.cancel(desk, ANN, started.run_id)
            return found

    investigate(Cancelling(desk.services), Brief(run_id=started.run_id))
    (seen,) = investigations.status(desk, started.run_id)
    assert seen.state is RunState.CANCELLED
    runner = desk.services.runner
    assert isinstance(runner, ScriptedRunner)
    assert runner.ran == []
    assert runner.cancelled


class Cancelling(DirectStepper):
    """A person cancels just before the step of that number; ``begun`` are the jobs that ran before."""

    def __init__(self, desk: Desk, run_id: str, at: int) -> None:
        super().__init__(desk.services)
        self._desk, self._run_id, self._at = desk, run_id, at
        self.begun = 0

    def step(self, name, fn, *args, **kwargs):
        self._perhaps()
        return super().step(name, fn, *args, **kwargs)

    def until(self, name, fn, *args, **kwargs):
        self._perhaps()
        return super().until(name, fn, *args, **kwargs)

    def _perhaps(self) -> None:
        if len(self.names) == self._at:
            self.begun = len(self._desk.services.runner.jobs())
            investigations.cancel(self._desk, ANN, self._run_id)


def test_a_cancel_before_any_step_ends_the_run_begins_no_job_and_frees_the_feature(desk: Desk) -> None:
    ready(desk)
    runner = scripted(desk.services, Script(right=BETTER))
    at, names = 0, [""]
    while "score_sealed" not in names:  # before the verdict itself: the test below
        started = investigations.start(desk, ANN, SLUG, effort=Effort.QUICK, budget_usd=5_000.0)
        assert not started.existed
        walk = Cancelling(desk, started.run_id, at)
        investigate(walk, Brief(run_id=started.run_id))
        (seen,) = investigations.status(desk, started.run_id)
        assert (seen.state, seen.outcome) == (RunState.CANCELLED, ""), walk.names
        assert len(runner.jobs()) == walk.begun, walk.names
        at, names = at + 1, walk.names
    assert at > 10


def test_a_policy_edited_during_a_run_judges_the_next_one(desk: Desk) -> None:
    ready(desk)

    def never_ship(_run_id: str) -> None:
        with desk.services.database.write() as tx:
            body = {"saving_floor": 0.99, "alpha": 0.001}
            at = desk.services.clock.now()
            policies.add(tx, "verdict", body, feature_id=None, by="U4", why="a stricter team", at=at)

    first = walked(desk, "decide", never_ship)
    assert first.record["policy"]["verdict"]["alpha"] == 0.025
    second = run(desk, Script(right=BETTER))
    assert second.record["policy"]["verdict"]["alpha"] == 0.001
    assert second.record["policy_hash"] != first.record["policy_hash"]


def test_a_cancel_just_before_the_verdict_ends_the_run_and_frees_the_feature(desk: Desk) -> None:
    ready(desk)
    seen = walked(desk, "decide", lambda run_id: investigations.cancel(desk, ANN, run_id))
    assert (seen.state, seen.outcome) == (RunState.CANCELLED, "")
    assert not investigations.start(desk, ANN, SLUG).existed


def test_a_run_cancelled_while_it_waited_stays_so_when_the_engine_comes_to_it(desk: Desk) -> None:
    ready(desk)
    seen = walked(desk, "freeze", lambda run_id: investigations.cancel(desk, ANN, run_id))
    assert seen.state is RunState.CANCELLED
    assert seen.tasks == ()
