"""Once a day what providers bill is set against what rollouts need: strangers are told, and stopped by people alone."""

from __future__ import annotations

import socket
from dataclasses import replace
from typing import Any

import pytest

from engine.desk import Desk, health, servers
from engine.errors import Conflict, NotFound, Repeated
from engine.flows.steps import rented
from engine.models.actor import Actor, Role
from engine.models.mail import Once
from engine.models.serving import ServerName, Serving, ServingState
from engine.servers.fireworks import Fireworks
from engine.servers.provider import Deployment, name_of
from engine.store import deeds, servings
from engine.testing.clock import FixedClock
from engine.testing.scripted_server import serving
from engine.testing.servers import ScriptedServers
from tests.builders import SHELL, a_feature
from tests.contract import clouds
from tests.contract.clouds import KEY, Cloud

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
ANN, BO = Actor(id="U0ANN", role=Role.ADMIN), Actor(id="U0BO", role=Role.ADMIN)
STRANGER = "fireworks accounts/acme/deployments/last-years-test"
ARTIFACT = "c0ffee" * 10 + "c0de"


def deployed(name: str) -> dict[str, Any]:
    path = f"accounts/acme/deployments/{name}"
    facts = {"name": path, "baseModel": "x", "state": "READY", "acceleratorType": "NVIDIA_H100_80GB"}
    return {path: {**facts, "acceleratorCount": 1, "replicaCount": 2}}


def needed(desk: Desk, clock: FixedClock) -> None:
    a_feature(desk)
    with desk.services.database.write() as tx:
        row = Serving(feature_id=1, artifact=ARTIFACT, next_at=clock.now(), changed_at=clock.now())
        row.server, row.state, row.host = ServerName.FIREWORKS, ServingState.READY, socket.gethostname()
        servings.save(tx, row)


def strangers_told(desk: Desk) -> list[str]:
    return [one.says for one in health.findings(desk) if one.name == "rented"]


def test_what_no_rollout_needs_is_told_with_its_price_and_stopped_by_a_person_alone(
    desk: Desk, clock: FixedClock
) -> None:
    needed(desk, clock)
    cloud = Cloud(deployments={**deployed(name_of(ARTIFACT)), **deployed("last-years-test")})
    with serving(clouds.app_of(cloud, clouds.fireworks)) as url:
        asking = ScriptedServers(rented=[Fireworks(KEY, api=url)])
        mine = replace(desk, services=replace(desk.services, servers=asking))
        assert strangers_told(desk) == []
        rented.nightly(mine.services)
        says = "fireworks bills last-years-test (about $192.00 a day), which no rollout of ours needs"
        assert strangers_told(desk) == [says]
        asked = len(cloud.asked)
        rented.nightly(mine.services)
        assert len(cloud.asked) == asked, "once a day"
        assert cloud.count("DELETE", "") == 0
        found = {one.name: one.is_needed for one in servers.listed(mine)}
        assert found == {name_of(ARTIFACT): True, "last-years-test": False}
        with pytest.raises(NotFound):
            servers.stop(mine, SHELL, "fireworks", "accounts/acme/deployments/none")
        servers.stop(mine, SHELL, "fireworks", "accounts/acme/deployments/last-years-test")
        clock.move(days=1)
        rented.nightly(mine.services)
    assert strangers_told(desk) == []
    with desk.services.database.read() as tx:
        assert deeds.broken_at(tx) is None


def test_a_press_stops_it_once_by_the_engine_and_keeps_the_proof(desk: Desk, clock: FixedClock) -> None:
    needed(desk, clock)
    cloud = Cloud(deployments={**deployed(name_of(ARTIFACT)), **deployed("last-years-test")})
    with serving(clouds.app_of(cloud, clouds.fireworks)) as url:
        told = replace(desk.services, servers=ScriptedServers(rented=[Fireworks(KEY, api=url)]))
        rented.nightly(told)
        press = Once(team="T1", key="press-1", kind="action")
        assert servers.ask_to_stop(desk, ANN, STRANGER, once=press).asked_by == ANN.id
        with pytest.raises(Repeated):
            servers.ask_to_stop(desk, ANN, STRANGER, once=press)
        with pytest.raises(Conflict, match="asked to stop last-years-test already"):
            servers.ask_to_stop(desk, BO, STRANGER)
        assert cloud.count("DELETE", "") == 0, "the bot holds no keys"
        rented.stop_asked(told)
        rented.stop_asked(told)
        assert cloud.count("DELETE", "") == 1
        (says,) = strangers_told(desk)
        assert says.startswith("last-years-test at fireworks was stopped and is gone since ")
        with pytest.raises(NotFound, match="no deployment"):
            servers.ask_to_stop(desk, BO, STRANGER)
    with desk.services.database.read() as tx:
        done = [(deed.verb, deed.actor) for deed in deeds.of_entity(tx, "deployment", STRANGER)]
    assert done == [("ask to stop", ANN.id), ("stop", ANN.id)]


def test_what_a_rollout_needs_by_now_is_left_alone(desk: Desk, clock: FixedClock) -> None:
    cloud = Cloud(deployments=deployed(name_of(ARTIFACT)))
    with serving(clouds.app_of(cloud, clouds.fireworks)) as url:
        told = replace(desk.services, servers=ScriptedServers(rented=[Fireworks(KEY, api=url)]))
        rented.nightly(told)
        servers.ask_to_stop(desk, ANN, f"fireworks accounts/acme/deployments/{name_of(ARTIFACT)}")
        needed(desk, clock)
        rented.stop_asked(told)
        assert cloud.count("DELETE", "") == 0
    assert strangers_told(desk) == []


def test_while_a_provider_is_away_it_is_asked_again_and_nothing_is_called_gone(desk: Desk, clock: FixedClock) -> None:
    needed(desk, clock)
    cloud = Cloud(deployments=deployed("last-years-test"))
    with serving(clouds.app_of(cloud, clouds.fireworks)) as url:
        told = replace(desk.services, servers=ScriptedServers(rented=[Fireworks(KEY, api=url)]))
        rented.nightly(told)
    servers.ask_to_stop(desk, ANN, STRANGER)
    rented.stop_asked(told)
    rented.stop_asked(replace(told, servers=ScriptedServers()))
    assert "it is being stopped: " in strangers_told(desk)[0]
    clock.move(seconds=30)
    rented.stop_asked(replace(told, servers=ScriptedServers()))
    assert "holds no key of fireworks" in strangers_told(desk)[0]


def test_a_provider_that_does_not_answer_leaves_what_was_known(desk: Desk, clock: FixedClock) -> None:
    needed(desk, clock)
    cloud = Cloud(deployments=deployed("last-years-test"))
    with serving(clouds.app_of(cloud, clouds.fireworks)) as url:
        told = replace(desk.services, servers=ScriptedServers(rented=[Fireworks(KEY, api=url)]))
        rented.nightly(told)
    clock.move(days=1)
    rented.nightly(told)
    assert len(strangers_told(desk)) == 1


class Unlisting(Fireworks):
    """Its list leaves out what is being deleted, and what a key of another account does not see."""

    def deployments(self) -> list[Deployment]:
        return []


def test_what_a_list_leaves_out_is_not_called_gone_before_it_is(desk: Desk, clock: FixedClock) -> None:
    needed(desk, clock)
    cloud = Cloud(deployments=deployed("last-years-test"))
    with serving(clouds.app_of(cloud, clouds.fireworks)) as url:
        rented.nightly(replace(desk.services, servers=ScriptedServers(rented=[Fireworks(KEY, api=url)])))
        servers.ask_to_stop(desk, ANN, STRANGER)
        rented.stop_asked(replace(desk.services, servers=ScriptedServers(rented=[Unlisting(KEY, api=url)])))
    assert cloud.count("DELETE", "") == 1
    assert cloud.deployments == {}
    assert "was stopped and is gone since" in strangers_told(desk)[0]
