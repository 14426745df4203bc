"""`assay bot` itself for several workspaces: installed, answered by HTTP and by one socket, killed, served again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

import pytest
from cryptography.fernet import Fernet

from bot.standin import payloads, people
from engine.testing.clock import FixedClock
from tests.builders import SLUG
from tests.slack.bot.several import ACME, BETA, CLIENT, House, Slack, a_slack
from tests.slack.bot.wire import SECRET
from tests.waiting import eventually

REGISTER = f'register {SLUG} model=m prompt="Sort: {{{{ input }}}}" labels=a,b'


@dataclass
class Program:
    """The settings of a bot, and where it was last seen listening."""

    environment: dict[str, str]
    slack: Slack
    log: Path
    port: int = 0

    @contextmanager
    def running(self) -> Generator[subprocess.Popen[bytes]]:
        """The program, until the end; then it is killed."""
        with self.log.open("wb") as log:
            program = subprocess.Popen(
                [sys.executable, "-m", "bot.cli", "bot"], env=self.environment, stdout=log, stderr=log
            )
            try:
                self.port = eventually(self._listening)
                eventually(self._is_ready)
                yield program
            finally:
                program.kill()
                program.wait(30)

    def _listening(self) -> int:
        told = [line for line in self.log.read_text().splitlines() if "bot.listening" in line]
        return int(json.loads(told[0])["port"]) if told else 0

    def _is_ready(self) -> bool:
        try:
            with urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=60) as answer:
                return bool(json.loads(answer.read())["ready"])
        except OSError:  # not ready, or too busy to say so
            return False

    def browser(self) -> House:
        """Somebody who installs."""
        return House(bot=None, services=None, slack=self.slack, port=self.port, clock=FixedClock())  # type: ignore[arg-type]  # a browser alone


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Program]:
    with a_slack(FixedClock(), rotates=False) as slack:
        ours = {
            "ASSAY_HOME": str(tmp_path / "home"),
            "ASSAY_SLACK_API_URL": f"{slack.url}/api/",
            "ASSAY_PUBLIC_URL": "https://assay.example.com",
            "ASSAY_SLACK_KEYS": Fernet.generate_key().decode(),
            "SLACK_CLIENT_ID": CLIENT[0],
            "SLACK_CLIENT_SECRET": CLIENT[1],
            "PORT": "0",
        }
        known = {name: value for name, value in os.environ.items() if not name.startswith(("ASSAY_", "SLACK_"))}
        yield Program(known | ours, slack, tmp_path / "log")


def test_both_are_served_by_one_socket_and_by_http_and_again_after_a_kill(program: Program) -> None:
    program.environment |= {"SLACK_APP_TOKEN": "xapp-standin", "SLACK_SIGNING_SECRET": SECRET}
    with program.running():
        browser = program.browser()
        assert (browser.install(ACME).status, browser.install(BETA).status) == (200, 200)
        for team in (ACME, BETA):
            by_socket(program, team, f"{REGISTER} margin=3%")
            eventually(lambda team=team: cards(program, team))
    with program.running():
        second = REGISTER.replace(SLUG, "only-of-beta")
        assert program.browser().command(BETA, second)[0] == 200
        eventually(lambda: "only-of-beta" in str(cards(program, BETA)))
    assert SLUG in str(cards(program, ACME))
    assert "only-of-beta" not in str(cards(program, ACME))
    told = program.log.read_text()
    assert [one for one in program.slack.org.given if one in told] == []


def by_socket(program: Program, team: str, text: str) -> None:
    """A command of any workspace, through the one connection that the app holds."""
    room = program.slack.rooms[team].standin.room
    person, where = people.person(room, "U1"), people.channel(room, "C1")
    assert person is not None
    assert where is not None
    said = {**payloads.command(room, person, where, text), "trigger_id": f"{team}.1"}
    status, _ = program.slack.rooms[ACME].post("/_deliver", {"kind": "slash_commands", "payload": said})
    assert status == 200


def cards(program: Program, team: str) -> list[dict[str, object]]:
    """What was posted in a workspace."""
    calls = program.slack.rooms[team].standin.calls
    return [one["arguments"] for one in calls if one["method"] == "chat.postMessage"]
