"""Socket Mode: the same app, the same words and buttons, without a public address."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import pytest
from slack_bolt.adapter.socket_mode import SocketModeHandler

from bot.app import Bot, assemble
from bot.standin import messages
from engine.desk import labels
from engine.services import Services
from tests.builders import ASKER, SLUG, a_feature, csv_of
from tests.slack.bot.wire import settings_for
from tests.slack.standin.rooms import Served
from tests.waiting import eventually


@pytest.fixture
def bot(services: Services, room: Served) -> Generator[Bot]:
    """The bot, connected to the room by a socket."""
    made = Services(
        settings=settings_for(room, services),
        clock=services.clock,
        database=services.database,
        artifacts=services.artifacts,
        runner=services.runner,
        servers=services.servers,
    )
    found = assemble(made)
    wire = SocketModeHandler(found.app, "xapp-standin", concurrency=8)
    wire.client.web_client = found.slack.client
    before = room.standin.sockets.count
    wire.connect()
    eventually(lambda: room.standin.sockets.count > before)
    link = wire.client.current_session
    assert link is not None
    assert link.sock is not None
    link.sock.settimeout(0.05)  # the SDK waits 3 s in recv before it closes
    yield found
    wire.close()
    wire.client.message_workers.shutdown(wait=True)
    wire.client.current_session_runner.shutdown()
    wire.client.message_processor.shutdown()
    found.app.listener_runner.listener_executor.shutdown(wait=True)
    found.desk.durable.close()


@pytest.mark.parametrize("reason", ["refresh_requested", "warning"])
def test_a_disconnect_that_is_routine_is_followed_by_a_new_connection(bot: Bot, room: Served, reason: str) -> None:
    a_feature(bot.desk)
    room.post("/_socket", {"reason": reason})
    eventually(lambda: room.standin.sockets.count == 1)
    room.form("/as/U1/say", channel="C1", text="/assay features")
    assert SLUG in eventually(lambda: seen(room))[-1]


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_bot_whose_socket_is_switched_off_ends_with_78_and_says_the_fix(
    room: Served, tmp_path: Path, when: str
) -> None:
    if when == "before":
        room.post("/_socket", {"reason": "link_disabled"})
    environment = {
        **os.environ,
        "ASSAY_HOME": str(tmp_path),
        "ASSAY_SLACK_API_URL": f"{room.url}/api/",
        "PORT": "0",
        "SLACK_BOT_TOKEN": "xoxb-standin",
        "SLACK_APP_TOKEN": "xapp-standin",
    }
    asked = [sys.executable, "-W", "ignore", "-m", "bot.cli", "bot"]
    with subprocess.Popen(asked, env=environment, stderr=subprocess.PIPE, text=True) as running:
        if when == "after":
            eventually(lambda: room.standin.sockets.count == 1)
            room.post("/_socket", {"reason": "link_disabled"})
        _, said = running.communicate(timeout=120)
    assert running.returncode == 78, said
    assert "Switch it on at api.slack.com/apps" in said
    assert "xapp-standin" not in said


def seen(room: Served) -> list[str]:
    return [str(one["text"]) for one in messages.roots(room.standin.room, "C1", "U1")]


def test_a_command_a_form_a_press_and_a_message_are_acknowledged_and_answered(bot: Bot, room: Served) -> None:
    a_feature(bot.desk)
    room.form("/as/U1/say", channel="C1", text="/assay features")
    assert SLUG in eventually(lambda: seen(room))[-1]

    room.form("/as/U1/say", channel="C1", text="/assay frobnicate")
    assert "don't know" in eventually(lambda: seen(room)[1:])[-1]

    room.form("/as/U1/say", channel="C1", text="/assay register")
    assert "<dialog" in str(eventually(lambda: room.get("/as/U1/part/modal")[1].strip()))

    labels.preview(bot.desk, ASKER, SLUG, "labels.csv", content=csv_of(range(30)))
    eventually(lambda: bot.sender.step() == 0)
    (card,) = [one for one in messages.roots(room.standin.room, "C1") if "labels.confirm" in json.dumps(one)]
    place = next(index for index, block in enumerate(card["blocks"]) if block["type"] == "actions")
    before = len(seen(room))
    assert room.form("/as/U1/press", channel="C1", ts=card["ts"], pressed=f"f-{place}-0") == (200, {})
    eventually(lambda: labels.show(bot.desk, SLUG).rows == 30)
    assert "stored as version" in eventually(lambda: seen(room)[before:])[-1]

    room.form("/as/U1/say", channel="C1", text=f"@assay show {SLUG}")
    eventually(lambda: len(seen(room)) > before + 2)
    assert "did not answer" not in "".join(seen(room))
