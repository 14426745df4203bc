"""The engine serves what rollouts need: started, compared with what was judged, restarted, stopped; routes follow."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from engine.desk import Desk, approvals, health, rollouts, routes
from engine.desk import roles as grants
from engine.flows.advance_stage import Approved, advance_stage
from engine.flows.serving import Keeper
from engine.flows.steps import route as way
from engine.flows.steps import served as steps
from engine.flows.steps.served import Awaited
from engine.models.actor import Role
from engine.models.investigation import Candidate, Effort, Investigation, Prediction
from engine.models.labels import Label, Part
from engine.models.rollout import ApprovalState, Stage
from engine.models.serving import Serving, ServingState
from engine.servers import Condition
from engine.servers.choice import ServerChoice
from engine.servers.local import build_app, served
from engine.store import features, investigations, servings, verdicts
from engine.store import rollouts as rollout_rows
from engine.testing.clock import FixedClock
from engine.testing.servers import ScriptedServer, ScriptedServers
from engine.train import Answer
from tests.builders import ANN, ASKER, BO, CLASSES, CY, SHELL, SLUG, Inline, a_feature, a_verdict, some_labels

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # servers and routes meet here


class Odd:
    """Says whether the number a text begins with is odd, as the offline answers do; wrong for the ``wrong`` first."""

    def __init__(self) -> None:
        self.wrong = 0
        self.asked = 0

    def answer(self, inputs: Sequence[str]) -> list[Answer]:
        return [self._one(int(text.partition(" ")[0])) for text in inputs]

    def _one(self, number: int) -> Answer:
        self.asked += 1
        return Answer(text=CLASSES[(number + (self.asked <= self.wrong)) % 2], confidence=0.9)


@dataclass
class Scene:
    """A feature with a verdict to ship, an engine's keeper, and the server it uses."""

    desk: Desk
    clock: FixedClock
    model: Odd
    server: ScriptedServer
    artifact: str
    rows: int
    keeper: Keeper

    @property
    def row(self) -> Serving:
        with self.desk.services.database.read() as tx:
            found = servings.of_candidate(tx, 1, self.artifact)
        assert found is not None
        return found

    def look(self, until: Callable[[], bool], seconds: float = 60.0) -> None:
        """Look until something holds; the checks run in threads of their own."""
        ends = time.monotonic() + seconds
        self.keeper.look()
        while not until():
            assert time.monotonic() < ends, self.row
            self.keeper.look()
            time.sleep(0.01)

    def another(self) -> Keeper:
        """The keeper of an engine that starts now."""
        return Keeper(replace(self.desk.services, servers=ScriptedServers(self.server)))

    def ready(self) -> None:
        self.look(lambda: self.row.state is ServingState.READY)

    def ask(self) -> str:
        return rollouts.next_stage(self.desk, ASKER, SLUG).token

    def entry(self) -> dict[str, Any]:
        return json.loads(way.path_of(self.desk.services.settings).read_text())["features"][SLUG]

    def approve(self, token: str) -> int:
        approvals.approve(self.desk, ANN, token)
        with self.desk.services.database.read() as tx:
            return rollout_rows.approval_by_token(tx, token).id or 0


@pytest.fixture
def scene(desk: Desk, clock: FixedClock) -> Generator[Scene]:
    a_feature(desk)
    grants.name(desk, SHELL, SLUG, {Role.APPROVER: (ANN.id, BO.id, CY.id)})
    some_labels(desk, 300)
    artifact = an_artifact(desk)
    a_verdict(desk)
    with desk.services.database.write() as tx:
        verdict = verdicts.of_run(tx, "inv-one")
        assert verdict is not None
        verdict.record = {**verdict.record, "candidate": {**verdict.record["candidate"], "artifact": artifact}}
        tx.add(verdict)
        investigations.add_candidate(tx, Candidate(run_id="inv-one", contender="odd", rung="tfidf", artifact=artifact))
        labelled = list(tx.exec(select(Label).where(Label.part == Part.DEV)))
        offline = [prediction(label) for label in labelled]
        ids = {label.row_id: label.id or 0 for label in labelled}
        investigations.add_predictions(tx, "inv-one", "odd", part=Part.DEV, label_ids=ids, rows=offline)
    model = Odd()
    with served(build_app(artifact, model), artifact) as at:
        server = ScriptedServer(at.base_url)
        told = replace(desk.services, servers=ScriptedServers(server))
        yield Scene(desk, clock, model, server, artifact, len(labelled), Keeper(told))


def an_artifact(desk: Desk) -> str:
    with tempfile.TemporaryDirectory() as folder:
        made = {"approach": "classify", "classes": list(CLASSES), "rung": "tfidf"}
        (Path(folder) / "candidate.json").write_text(json.dumps(made))
        return desk.services.artifacts.put(Path(folder))


def prediction(label: Label) -> Prediction:
    said = CLASSES[int(label.input.partition(" ")[0]) % 2]
    return Prediction(row_id=label.row_id, output=said, correct=True, score=1.0, valid=True, latency_ms=1.0)


def test_a_candidate_is_served_from_the_first_request_on_and_shadow_waits_for_it(scene: Scene) -> None:
    scene.keeper.look()
    assert scene.server.ensured == [], "nobody asked for a rollout"
    approval = scene.approve(scene.ask())
    scene.server.starts = False
    assert not isinstance(steps.awaited(scene.desk.services, approval), Awaited)
    scene.keeper.look()
    assert scene.server.ensured == [scene.artifact]
    scene.server.conditions[scene.artifact] = Condition.STARTING
    scene.keeper.look()
    assert rollouts.show(scene.desk, SLUG).served.state == "starting"
    scene.server.conditions[scene.artifact] = Condition.READY
    scene.ready()
    assert (scene.row.agree, scene.row.asked) == (scene.rows, scene.rows)
    assert steps.awaited(scene.desk.services, approval) == Awaited()
    assert advance_stage(Inline(scene.desk.services), Approved(approval_id=approval)).stage == Stage.SHADOW
    tuned = scene.entry()["tuned"]
    assert scene.entry()["mode"] == "shadow"
    assert (tuned["base_url"], tuned["model"]) == (scene.server.url, scene.artifact)
    assert rollouts.show(scene.desk, SLUG).served.base_url == scene.server.url


def test_a_stage_is_not_begun_on_a_server_that_never_gets_ready(scene: Scene) -> None:
    approval = scene.approve(scene.ask())
    scene.server.starts = False
    scene.look(lambda: scene.row.failures > 0)
    scene.clock.move(minutes=11)
    waited = steps.awaited(scene.desk.services, approval)
    assert isinstance(waited, Awaited)
    assert "not ready: told to be so" in waited.lacks
    done = advance_stage(Inline(scene.desk.services), Approved(approval_id=approval))
    assert (done.stage, "not ready" in done.refused) == (Stage.DRAFT, True)
    with scene.desk.services.database.read() as tx:
        assert rollout_rows.approval_by_id(tx, approval).state is ApprovalState.SUPERSEDED
    found = {one.says for one in health.findings(scene.desk) if one.name == "served"}
    assert found == {f"{SLUG} by local: told to be so"}


def test_a_server_whose_answers_differ_gets_no_traffic(scene: Scene) -> None:
    scene.model.wrong = 7
    scene.ask()
    scene.look(lambda: scene.row.state is ServingState.FAILED)
    assert f"differ from offline on 7 of {scene.rows} rows" in scene.row.said
    assert "need 99%); first: id" in scene.row.said
    assert scene.row.checked_at is None
    scene.keeper.look()
    assert scene.row.state is ServingState.FAILED, "it is not asked again at once"
    scene.clock.move(hours=2)
    scene.ready()


def test_a_server_that_dies_is_started_again_later_each_time_and_keeps_its_traffic(scene: Scene) -> None:
    approval = scene.approve(scene.ask())
    scene.ready()
    advance_stage(Inline(scene.desk.services), Approved(approval_id=approval))
    scene.server.starts = False
    waits: list[timedelta] = []
    for _ in range(8):
        scene.server.conditions[scene.artifact] = Condition.DOWN
        before = scene.row.failures
        scene.look(lambda before=before: scene.row.failures > before)
        waits.append(scene.row.next_at - scene.clock.now())
        assert scene.entry()["mode"] == "shadow", "its calls fall back, and count as failures of the tuned side"
        scene.clock.moment = scene.row.next_at
    assert [wait.total_seconds() for wait in waits] == [1, 2, 4, 8, 16, 32, 60, 60]
    scene.server.starts = True
    scene.ready()
    scene.clock.move(minutes=2)
    scene.look(lambda: scene.row.failures == 0)


def test_a_server_that_stops_answering_is_ended_and_started_again(scene: Scene) -> None:
    scene.ask()
    scene.ready()
    scene.keeper.look()
    scene.server.conditions[scene.artifact] = Condition.STARTING
    scene.keeper.look()
    assert scene.row.state is ServingState.READY, "a busy server may miss a look"
    scene.clock.move(seconds=31)
    scene.keeper.look()
    assert (scene.row.state, scene.server.unloaded) == (ServingState.FAILED, [scene.artifact])
    scene.clock.move(minutes=1)
    scene.ready()


def test_a_rollback_stops_the_server(scene: Scene) -> None:
    approval = scene.approve(scene.ask())
    scene.ready()
    advance_stage(Inline(scene.desk.services), Approved(approval_id=approval))
    rollouts.lower(scene.desk, ANN, SLUG, "rollback")
    scene.keeper.look()
    assert (scene.row.state, scene.server.served()) == (ServingState.STOPPED, [])
    assert scene.entry()["mode"] == "observe"


def test_what_is_served_elsewhere_is_left_alone_and_what_nobody_knows_is_ended(scene: Scene) -> None:
    routes.decide(scene.desk, SHELL, SLUG, {"tuned_url": "http://10.0.0.5:8000/v1"})
    approval = scene.approve(scene.ask())
    scene.server.conditions["f00d"] = Condition.READY
    scene.keeper.look()
    assert (scene.server.ensured, scene.server.unloaded) == ([], ["f00d"])
    assert advance_stage(Inline(scene.desk.services), Approved(approval_id=approval)).stage == Stage.SHADOW
    assert scene.entry()["tuned"]["base_url"] == "http://10.0.0.5:8000/v1"
    assert rollouts.show(scene.desk, SLUG).served.elsewhere


def test_an_engine_that_starts_again_goes_on_from_what_it_finds(scene: Scene) -> None:
    scene.ask()
    scene.keeper.look()  # started, and nothing more
    scene.keeper = scene.another()
    scene.ready()
    asked = scene.model.asked
    scene.keeper = scene.another()
    scene.keeper.look()
    scene.keeper.look()
    assert (scene.server.ensured, scene.model.asked) == ([scene.artifact], asked), "what was checked is not asked again"


def test_a_candidate_is_served_with_the_prompt_that_its_callers_write_around_an_input(scene: Scene) -> None:
    services = scene.desk.services
    choice = ServerChoice(services.settings, services.artifacts, services.database)
    assert choice.prompt_of(scene.artifact) == "", "of a run that is not known"
    with services.database.write() as tx:
        run = Investigation(
            run_id="inv-one", feature_id=1, baseline_id=features.baseline(tx, 1).id, effort=Effort.QUICK,
            budget_nano=1, requested_by=ASKER.id, created_at=scene.clock.now(),
        )  # fmt: skip
        investigations.add(tx, run)
    assert [choice.prompt_of(artifact) for artifact in (scene.artifact, "f00d")] == ["Sort: {{ input }}", ""]
