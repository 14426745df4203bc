"""The stop button of what a provider bills and nobody needs: an admin's, asked once more, done once."""

from __future__ import annotations

import json

from engine.desk import roles
from engine.flows.steps import rented
from engine.flows.steps.rented import Rented
from engine.models.actor import Role
from engine.servers.provider import DeploymentState
from engine.store import deeds, work
from tests.builders import ANN, ASKER, SHELL, a_feature
from tests.slack.bot.wire import Wire

ID = "accounts/acme/deployments/old-test"
OLD = Rented(
    provider="fireworks", id=ID, name="old-test", state=DeploymentState.READY, daily_usd=192.0, is_needed=False
)


def found(wire: Wire) -> None:
    """What the engine's last look at the providers left."""
    services = wire.desk.services
    facts = {"strangers": [OLD.model_dump(mode="json")]}
    with services.database.write() as tx:
        work.beat(tx, rented.PROGRAM, host="gpu-1", pid=1, now=services.clock.now(), facts=facts)


def test_four_presses_of_stop_ask_once_and_a_stale_one_changes_nothing(wire: Wire) -> None:
    a_feature(wire.desk)
    roles.name(wire.desk, SHELL, "", {Role.ADMIN: (ANN.id,)})
    found(wire)
    assert "fireworks bills old-test" in wire.answer(wire.command("doctor", ANN.id), ANN.id)
    told = json.dumps(wire.blocks(ANN.id)[-1])
    assert "it does not come back" in told, "Slack asks before it sends the press"
    value = f'doctor stop="fireworks {ID}"'
    assert "needs the role admin" in wire.answer(wire.press("1.0", "verb.run", value, ASKER.id), ASKER.id)
    press = wire.press("1.0", "verb.run", value, ANN.id)
    assert "is to be stopped" in wire.answer(press, ANN.id)
    for _ in range(3):
        assert wire.send(press)[0] == 200
    wire.settle()
    assert "asked to stop old-test already" in wire.answer(wire.press("2.0", "verb.run", value, ANN.id), ANN.id)
    with wire.desk.services.database.write() as tx:
        assert [deed.verb for deed in deeds.of_entity(tx, "deployment", f"fireworks {ID}")] == ["ask to stop"]
        work.beat(tx, rented.PROGRAM, host="gpu-1", pid=1, now=wire.desk.services.clock.now(), facts={"strangers": []})
    assert "Nothing was changed" in wire.answer(wire.press("3.0", "verb.run", value, ANN.id), ANN.id)
