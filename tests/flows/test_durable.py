"""The durable port on DBOS, on SQLite and PostgreSQL: recorded once, executed at least once, never half asked for."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager

import pytest

from engine.errors import NotReady, WorkFailed
from engine.flows.dbos_durable import DbosEngine, Flow
from engine.flows.durable import Pending, Queue, Stepper
from engine.models.base import Value
from engine.services import Services

pytestmark = [pytest.mark.processes, pytest.mark.xdist_group("processes")]


class Asked(Value):
    """What a test's flow is asked."""

    name: str


class Told(Value):
    """What a test's flow tells."""

    words: list[str]


def add(services: Services, word: str) -> Told:
    """Leave a trace of having run."""
    trace = services.settings.home / "trace.txt"
    with trace.open("a") as file:
        file.write(word + "\n")
    return Told(words=[word])


def fail(services: Services, word: str) -> Told:
    """Leave a trace, and end badly."""
    add(services, word)
    raise WorkFailed(f"{word} broke")


def when_open(services: Services, word: str) -> Told | Pending:
    """Wait until the test opens the gate."""
    if not (services.settings.home / "gate").exists():
        return Pending(seconds=0.05)
    return add(services, word)


def steady(run: Stepper, asked: Asked) -> Told:
    """Two steps and a gate between them."""
    first = run.step("first", add, f"{asked.name} first")
    gate = run.until("gate", when_open, f"{asked.name} gate")
    last = run.step("last", add, f"{asked.name} last")
    return Told(words=[*first.words, *gate.words, *last.words])


def failing(run: Stepper, asked: Asked) -> Told:
    """A step that fails, told by another."""
    try:
        return run.step("fails", fail, asked.name)
    except WorkFailed as error:
        return run.step("told", add, f"told: {error}")


def changed(run: Stepper, asked: Asked) -> Told:
    """``steady`` of another version: its first step has another name."""
    return run.step("another", add, f"{asked.name} another")


FLOWS = {"steady": Flow(steady, Asked), "failing": Flow(failing, Asked)}


@contextmanager
def engine(services: Services, flows: Mapping[str, Flow] = FLOWS) -> Generator[list[str]]:
    """A running engine; the list names runs that broke unforeseen."""
    broken: list[str] = []
    made = DbosEngine(services, broken=lambda _flow, run_id: broken.append(run_id), queues=tuple(Queue), flows=flows)
    made.start()
    try:
        yield broken
    finally:
        made.stop()


def wait(until: Callable[[], object]) -> None:
    ends = time.monotonic() + 30
    while not until():
        assert time.monotonic() < ends, "waited in vain"
        time.sleep(0.02)


def trace(services: Services) -> list[str]:
    path = services.settings.home / "trace.txt"
    return path.read_text().splitlines() if path.exists() else []


def state(desk, run_id: str) -> str:
    return next((run.state for run in desk.durable.runs() if run.run_id == run_id), "none")


def test_a_roll_back_leaves_neither_row_nor_run_and_a_commit_leaves_both(desk) -> None:
    with pytest.raises(RuntimeError):
        _ask_and_break(desk)
    with desk.services.database.write() as tx:
        desk.durable.enqueue(tx, "steady", "run-kept", {"name": "kept"}, queue=Queue.LIGHT)
    assert [(run.run_id, run.state) for run in desk.durable.runs()] == [("run-kept", "queued")]


def _ask_and_break(desk) -> None:
    with desk.services.database.write() as tx:
        desk.durable.enqueue(tx, "steady", "run-lost", {"name": "lost"}, queue=Queue.LIGHT)
        raise RuntimeError


def test_a_restart_repeats_no_recorded_step_and_polls_on(desk) -> None:
    with desk.services.database.write() as tx:
        desk.durable.enqueue(tx, "steady", "run-1", {"name": "a"}, queue=Queue.HEAVY)
        desk.durable.enqueue(tx, "steady", "run-1", {"name": "a"}, queue=Queue.HEAVY)
    with engine(desk.services):
        wait(lambda: trace(desk.services) == ["a first"])
    (desk.services.settings.home / "gate").touch()
    with engine(desk.services) as broken:
        wait(lambda: state(desk, "run-1") == "done")
    told = trace(desk.services)
    assert told[0] == "a first"
    assert told.count("a first") == 1  # recorded before the restart; what was under way may have run twice
    assert list(dict.fromkeys(told)) == ["a first", "a gate", "a last"]
    assert broken == []


def test_an_error_of_ours_is_recorded_and_met_by_the_flow(desk) -> None:
    with desk.services.database.write() as tx:
        desk.durable.enqueue(tx, "failing", "run-2", {"name": "b"}, queue=Queue.LIGHT)
    with engine(desk.services) as broken:
        wait(lambda: state(desk, "run-2") == "done")
    assert trace(desk.services) == ["b", "told: b broke"]
    assert broken == []


def test_a_run_of_another_order_of_steps_is_told_as_broken_not_continued(desk) -> None:
    with desk.services.database.write() as tx:
        desk.durable.enqueue(tx, "steady", "run-3", {"name": "c"}, queue=Queue.HEAVY)
    with engine(desk.services):
        wait(lambda: trace(desk.services) == ["c first"])
    with engine(desk.services, {"steady": Flow(changed, Asked)}) as broken:
        wait(lambda: broken == ["run-3"])
    assert trace(desk.services) == ["c first"]


def test_runs_of_another_schema_are_refused_with_their_names(desk) -> None:
    with desk.services.database.write() as tx:
        desk.durable.enqueue(tx, "steady", "run-4", {"name": "d"}, queue=Queue.LIGHT)
        table = "workflow_status" if desk.services.database.is_sqlite else "dbos.workflow_status"
        tx.connection().exec_driver_sql(f"UPDATE {table} SET application_version = '1'")
    with pytest.raises(NotReady, match=r"run-4 \(schema 1\)"), engine(desk.services):
        pass


def test_a_cancelled_run_begins_no_further_step(desk) -> None:
    with desk.services.database.write() as tx:
        desk.durable.enqueue(tx, "steady", "run-5", {"name": "e"}, queue=Queue.HEAVY)
    desk.durable.cancel("run-5")
    with engine(desk.services):
        time.sleep(1.5)  # two polls of the queue: nothing may come of them, so there is nothing to wait for
    assert trace(desk.services) == []
    assert state(desk, "run-5") == "cancelled"
