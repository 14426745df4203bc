"""The durable port, by DBOS and by our own journal, on SQLite and PostgreSQL.

Recorded once, executed at least once, never half asked for.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from engine.errors import NotReady, WorkFailed
from engine.flows.dbos_durable import DbosEngine, open_durable
from engine.flows.durable import Durable, Pending, Queue, Stepper
from engine.flows.table import Flow
from engine.models.base import Value
from engine.services import Services
from engine.testing import leases
from engine.testing.journal import JournalEngine

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


@dataclass(frozen=True)
class Core:
    """A durable core over a deployment; ``runs_in`` is its table of runs, with a column for the flows' version."""

    services: Services
    durable: Durable
    made: type[DbosEngine] | type[JournalEngine]
    runs_in: tuple[str, str]

    def ask(self, flow: str, run_id: str, name: str, queue: Queue = Queue.HEAVY) -> None:
        with self.services.database.write() as tx:
            self.durable.enqueue(tx, flow, run_id, {"name": name}, queue=queue)

    def trace(self) -> list[str]:
        path = self.services.settings.home / "trace.txt"
        return path.read_text().splitlines() if path.exists() else []

    def state(self, run_id: str) -> str:
        return next((run.state for run in self.durable.runs() if run.run_id == run_id), "none")

    @contextmanager
    def engine(self, flows: Mapping[str, Flow] = FLOWS) -> Generator[list[str]]:
        """A running engine; the list names runs that broke unforeseen."""
        with engine(self.services, flows, self.made) as broken:
            yield broken


@pytest.fixture(params=["dbos", "journal"])
def core(request: pytest.FixtureRequest, services: Services) -> Generator[Core]:
    if request.param == "dbos":
        schema = "" if services.database.is_sqlite else "dbos."
        named = f"{schema}workflow_status", "application_version"
        found = Core(services, open_durable(services), DbosEngine, named)
    else:
        leases.migrate(services.database)
        found = Core(services, leases.JournalClient(services.database), JournalEngine, ("journal_run", "version"))
    yield found
    found.durable.close()


@contextmanager
def engine(
    services: Services,
    flows: Mapping[str, Flow] = FLOWS,
    made: type[DbosEngine] | type[JournalEngine] = DbosEngine,
) -> Generator[list[str]]:
    """A running engine; the list names runs that broke unforeseen."""
    broken: list[str] = []
    running = made(services, broken=lambda _flow, run_id: broken.append(run_id), queues=tuple(Queue), flows=flows)
    running.start()
    try:
        yield broken
    finally:
        running.stop()


def wait(until: Callable[[], object]) -> None:
    ends = time.monotonic() + 60
    while not until():
        assert time.monotonic() < ends, "waited in vain"
        time.sleep(0.02)


def test_a_roll_back_leaves_neither_row_nor_run_and_a_commit_leaves_both(core: Core) -> None:
    with pytest.raises(RuntimeError):
        _ask_and_break(core)
    core.ask("steady", "run-kept", "kept", Queue.LIGHT)
    assert [(run.run_id, run.state) for run in core.durable.runs()] == [("run-kept", "queued")]


def _ask_and_break(core: Core) -> None:
    with core.services.database.write() as tx:
        core.durable.enqueue(tx, "steady", "run-lost", {"name": "lost"}, queue=Queue.LIGHT)
        raise RuntimeError


def test_a_restart_repeats_no_recorded_step_and_polls_on(core: Core) -> None:
    core.ask("steady", "run-1", "a")
    core.ask("steady", "run-1", "a")
    with core.engine():
        wait(lambda: core.trace() == ["a first"])
    (core.services.settings.home / "gate").touch()
    with core.engine() as broken:
        wait(lambda: core.state("run-1") == "done")
    told = core.trace()
    assert told[0] == "a first"
    assert told.count("a first") == 1  # recorded before the restart; what was under way may have run twice
    assert list(dict.fromkeys(told)) == ["a first", "a gate", "a last"]
    assert broken == []


def test_an_error_of_ours_is_recorded_and_met_by_the_flow(core: Core) -> None:
    core.ask("failing", "run-2", "b", Queue.LIGHT)
    with core.engine() as broken:
        wait(lambda: core.state("run-2") == "done")
    assert core.trace() == ["b", "told: b broke"]
    assert broken == []


def test_a_run_of_another_order_of_steps_is_told_as_broken_not_continued(core: Core) -> None:
    core.ask("steady", "run-3", "c")
    with core.engine():
        wait(lambda: core.trace() == ["c first"])
    with core.engine({"steady": Flow(changed, Asked)}) as broken:
        wait(lambda: broken == ["run-3"])
        wait(lambda: core.state("run-3") == "failed")
    assert core.trace() == ["c first"]


def test_runs_of_another_schema_are_refused_with_their_names(core: Core) -> None:
    core.ask("steady", "run-4", "d", Queue.LIGHT)
    table, column = core.runs_in
    with core.services.database.write() as tx:
        tx.connection().exec_driver_sql(f"UPDATE {table} SET {column} = '1'")
    with pytest.raises(NotReady, match=r"run-4 \(schema 1\)"), core.engine():
        pass


def test_a_cancelled_run_begins_no_further_step(core: Core) -> None:
    core.ask("steady", "run-5", "e")
    core.durable.cancel("run-5")
    with core.engine():
        time.sleep(1.5)  # two polls of the queue: nothing may come of them, so there is nothing to wait for
    assert core.trace() == []
    assert core.state("run-5") == "cancelled"


def test_a_run_cancelled_in_a_step_begins_no_other(core: Core) -> None:
    core.ask("steady", "run-6", "f")
    with core.engine() as broken:
        wait(lambda: core.trace() == ["f first"])
        core.durable.cancel("run-6")
        (core.services.settings.home / "gate").touch()
        core.ask("steady", "run-9", "g")
        wait(lambda: core.state("run-9") == "done")  # heavy work is one at a time: it went on past the cancelled one
    assert "f last" not in core.trace()
    assert core.state("run-6") == "cancelled"
    assert broken == []


def test_light_work_goes_on_beside_heavy_work_that_waits(core: Core) -> None:
    core.ask("steady", "run-7", "heavy")
    core.ask("failing", "run-8", "light", Queue.LIGHT)
    with core.engine():
        wait(lambda: core.state("run-8") == "done")
        wait(lambda: core.state("run-7") == "running")
