"""A rollback drill is timed to the last gateway worker, touches no call, and shows something only if all were heard."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest

from engine.desk import Desk, drills, health, readiness, rollouts
from engine.desk import roles as grants
from engine.errors import Conflict, NotReady
from engine.flows import ingest
from engine.flows.drill import Drilling, drill_rollback
from engine.flows.durable import Pending
from engine.flows.steps import drill as steps
from engine.flows.steps import gateways, known
from engine.flows.steps import route as way
from engine.flows.steps.drill import DrillView
from engine.gateway.breaker import Breakers
from engine.gateway.call import choose
from engine.gateway.routes import Routes
from engine.models.actor import Role
from engine.models.drill import DrillState
from engine.models.rollout import RolloutStatus, Stage
from engine.rules.frame import Arm
from engine.services import Services
from engine.store import deeds
from engine.store import drills as rows
from engine.testing.clock import FixedClock
from tests.builders import ANN, ASKER, BO, CY, SHELL, SLUG, Inline, a_feature, a_verdict, waiting
from tests.desk.climbing import climb, route
from tests.ingest.spooled import Writer


@dataclass
class Gateway:
    """A worker as the real one follows: the gateway's own reader of routes, and its segment of the spool."""

    services: Services
    routes: Routes
    writer: Writer
    stands_still: bool = False
    seen: list[dict[str, Any]] | None = None

    def look(self) -> None:
        """One look at the route file; a version that is taken is told in the spool."""
        if not self.stands_still and self.routes.poll() and self.routes.snapshot is not None:
            self.writer.event(kind="routes", version=self.routes.snapshot.version)
            served = json.loads(way.path_of(self.services.settings).read_text())["features"][SLUG]
            self.seen = [*(self.seen or []), served]


@dataclass
class Polled(Inline):
    """A flow's steps while time passes: between two polls the gateways look, and their spools are read."""

    services: Services
    clock: FixedClock
    workers: list[Gateway]
    seconds: float = 0.5

    def until(self, name: str, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Poll, with ``seconds`` between two polls."""
        del name
        while isinstance(answer := fn(self.services, *args, **kwargs), Pending):
            self.clock.move(seconds=self.seconds)
            for worker in self.workers:
                worker.look()
            ingest.once(self.services)
        return answer


@pytest.fixture
def counter(desk: Desk) -> Desk:
    """A feature with a verdict that ships, and three approvers."""
    a_feature(desk)
    grants.name(desk, SHELL, SLUG, {Role.APPROVER: (ANN.id, BO.id, CY.id)})
    a_verdict(desk)
    return desk


@pytest.fixture
def workers(counter: Desk) -> Iterator[list[Gateway]]:
    """Two workers that are alive and follow."""
    services = counter.services
    with ExitStack() as stack:
        made: list[Gateway] = []
        for pid in (1, 2):
            writer = Writer(services.settings.spool_folder, f"host-{pid}-1764066600000-1")
            stack.callback(writer.close)
            made.append(Gateway(services, Routes(way.path_of(services.settings)), writer))
            made[-1].look()
        ingest.once(services)
        yield made


def drilled(desk: Desk, clock: FixedClock, workers: list[Gateway], *, seconds: float = 0.5) -> DrillView:
    """A whole drill."""
    drills.begin(desk, ANN, SLUG)
    with desk.services.database.read() as tx:
        newest = rows.newest_of(tx, 1)
    assert newest is not None
    return drill_rollback(Polled(desk.services, clock, workers, seconds), Drilling(drill_id=newest.id or 0))


def probed(desk: Desk) -> bool | None:
    with desk.services.database.read() as tx:
        return known.probes(tx, 1, None, desk.services.clock.now()).get("rollback_drilled")


def test_a_drill_before_any_rollout_is_timed_to_the_last_worker_and_every_call_stays_where_it_was(
    desk: Desk, clock: FixedClock
) -> None:
    a_feature(desk)
    writer = Writer(desk.services.settings.spool_folder)
    only = Gateway(desk.services, Routes(way.path_of(desk.services.settings)), writer)
    only.look()
    ingest.once(desk.services)
    before = json.loads(way.path_of(desk.services.settings).read_text())["features"][SLUG]
    assert probed(desk) is None, "nobody has shown it"
    seen = drilled(desk, clock, [only])
    writer.close()
    assert (seen.state, seen.workers, seen.seconds, seen.is_as_before) == (DrillState.PASSED, 1, 0.5, True)
    _, changed, returned = only.seen or []
    assert (changed["mode"], changed["share"], changed["tuned"]) == ("canary", 0.0, changed["baseline"])
    assert returned == before
    assert probed(desk) is True
    with desk.services.database.read() as tx:
        assert deeds.broken_at(tx) is None
        assert [(one.verb, one.actor) for one in deeds.of_feature(tx, 1)][:2] == [("end", "U2"), ("begin", "U2")]
    assert [row.entity_id for row in waiting(desk) if row.entity == "drill"] == ["1"]
    clock.move(days=91)
    assert probed(desk) is None, "it counts for 90 days"


def test_the_changed_route_of_a_drill_sends_no_unit_to_the_other_side(
    counter: Desk, clock: FixedClock, workers: list[Gateway]
) -> None:
    drills.begin(counter, ANN, SLUG)
    steps.change(counter.services, 1)
    workers[0].look()
    assert workers[0].routes.snapshot is not None
    changed = workers[0].routes.snapshot.features[SLUG]
    breaker = Breakers().of(SLUG, changed)
    assert changed.splits
    assert {choose(changed, f"user-{number}", breaker, 0.0).arm for number in range(500)} == {Arm.BASELINE}


def test_a_drill_beside_a_canary_leaves_its_split_alone(
    counter: Desk, clock: FixedClock, workers: list[Gateway]
) -> None:
    climb(counter, clock, Stage.CANARY_5)
    before = route(counter)
    for worker in workers:
        worker.look()
    ingest.once(counter.services)
    files_before = len(workers[0].seen or [])
    seen = drilled(counter, clock, workers)
    assert (seen.state, seen.workers, seen.share, seen.is_as_before) == (DrillState.PASSED, 2, 0.05, True)
    changed, returned = (workers[0].seen or [])[files_before:]
    assert {**changed, "drill": None} == {**returned, "drill": None}
    assert changed["share"] == pytest.approx(0.05 * 0.99)
    assert (route(counter).version, route(counter).share) == (before.version, before.share)
    assert rollouts.show(counter, SLUG).drill == seen


def test_a_worker_that_does_not_follow_fails_the_drill_and_the_route_is_back_all_the_same(
    counter: Desk, clock: FixedClock, workers: list[Gateway]
) -> None:
    workers[1].stands_still = True
    seen = drilled(counter, clock, workers, seconds=20.0)
    assert seen.state is DrillState.FAILED
    assert seen.reason == "the changed route: 1 of 2 gateway workers had not taken it within 60 s"
    assert seen.seconds is None
    assert "drill" not in json.loads(way.path_of(counter.services.settings).read_text())["features"][SLUG]
    assert probed(counter) is False
    workers[1].stands_still = False
    assert drilled(counter, clock, workers).state is DrillState.PASSED
    assert probed(counter) is True, "the newest counts"


def test_a_worker_that_was_killed_is_waited_for_no_more(
    counter: Desk, clock: FixedClock, workers: list[Gateway]
) -> None:
    workers[1].stands_still = True
    workers[1].writer.close()
    ingest.once(counter.services)
    seen = drilled(counter, clock, workers[:1])
    assert (seen.state, seen.workers) == (DrillState.PASSED, 1)


def test_without_a_gateway_nothing_is_drilled_and_a_silent_one_is_no_pass(
    counter: Desk, clock: FixedClock, workers: list[Gateway]
) -> None:
    drills.begin(counter, ANN, SLUG)
    clock.move(minutes=5)
    with counter.services.database.read() as tx:
        assert gateways.heard(tx, clock.now()).silent
    answer = steps.followed(counter.services, 1)
    assert isinstance(answer, Pending)
    steps.change(counter.services, 1)
    clock.move(seconds=61)
    told = steps.followed(counter.services, 1)
    assert not isinstance(told, Pending)
    assert "is read no more" in told.lacks
    assert steps.end(counter.services, 1, told, told).state is DrillState.FAILED
    clock.move(days=2)
    with pytest.raises(NotReady, match="No gateway worker was heard of"):
        drills.begin(counter, ANN, SLUG)


def test_one_drill_at_a_time_and_one_that_broke_off_leaves_no_route_behind(
    counter: Desk, clock: FixedClock, workers: list[Gateway]
) -> None:
    assert drills.ahead(counter, SLUG) == 0.0
    drills.begin(counter, ANN, SLUG)
    with pytest.raises(Conflict, match="under way, begun by <@U2>"):
        drills.begin(counter, BO, SLUG)
    with pytest.raises(Conflict, match="under way, begun by <@U2>"):
        drills.ahead(counter, SLUG)
    steps.change(counter.services, 1)
    assert json.loads(way.path_of(counter.services.settings).read_text())["features"][SLUG]["drill"] is True
    steps.give_up(counter.services, 1, "the engine was lost")
    assert "drill" not in json.loads(way.path_of(counter.services.settings).read_text())["features"][SLUG]
    assert drills.by_id(counter, 1).state is DrillState.LOST
    assert probed(counter) is None, "it showed nothing"
    steps.give_up(counter.services, 1, "again")
    assert drills.by_id(counter, 1).reason == "the engine was lost"
    assert drilled(counter, clock, workers).state is DrillState.PASSED


def test_a_rollback_that_really_happened_shows_as_much(counter: Desk, clock: FixedClock) -> None:
    climb(counter, clock, Stage.CANARY_1)
    assert [one.fix for one in health.findings(counter) if one.name == "rollback"] == [f"/assay rollout {SLUG} drill"]
    assert rollouts.lower(counter, ANN, SLUG, "rollback").status is RolloutStatus.ROLLED_BACK
    assert probed(counter) is True
    (operations,) = [one for one in readiness.read(counter, SLUG).conditions if one.name == "operations"]
    assert "rollback_drilled" not in operations.how_to_fix


def test_a_reading_names_the_drill_as_what_mends_it(desk: Desk) -> None:
    a_feature(desk)
    (operations,) = [one for one in readiness.read(desk, SLUG).conditions if one.name == "operations"]
    assert operations.how_to_fix.endswith(f"Drill a rollback: /assay rollout {SLUG} drill.")


def test_a_person_who_moves_the_rollout_meanwhile_is_told_of(
    counter: Desk, clock: FixedClock, workers: list[Gateway]
) -> None:
    climb(counter, clock, Stage.CANARY_1)
    drills.begin(counter, ANN, SLUG)
    rollouts.lower(counter, BO, SLUG, "rollback")
    seen = drill_rollback(Polled(counter.services, clock, workers), Drilling(drill_id=1))
    assert (seen.state, seen.is_as_before) == (DrillState.PASSED, False)
    assert route(counter).share == 0.0
    assert ASKER.id != seen.by
