"""``assay workspaces --run``: real programs of every workspace, begun, started again and ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.cli import workspaces as command
from engine.desk import operate, workspaces
from engine.models.work import Heartbeat
from engine.services import Services
from engine.store import work
from tests.desk.test_workspaces import grant, several
from tests.gateway.programs import alive
from tests.waiting import SECONDS, eventually

__all__ = ["several"]  # a fixture

FIRST, SECOND = "T0ACME", "T0OTHER"
pytestmark = pytest.mark.processes


@contextmanager
def supervised(home: Path, url: str) -> Generator[subprocess.Popen[bytes]]:
    """``assay workspaces --run scheduler`` of a deployment; killed at the end where it still runs."""
    named = {**os.environ, "ASSAY_HOME": str(home), "ASSAY_DATABASE_URL": url}
    running = subprocess.Popen(
        [sys.executable, "-m", "bot.cli", "workspaces", "--run", "scheduler"],
        env=named,
    )
    try:
        yield running
    finally:
        running.kill()
        running.wait()


def installed(several: Services, team: str) -> None:
    """A workspace with its tables, as the bot leaves it."""
    workspaces.keep(several, grant(several, team=team))
    own = workspaces.place(several, team)
    operate.prepare(own)
    own.database.close()


def pid_of(several: Services, team: str) -> int:
    """The process of a workspace's scheduler as it last told; 0 before."""
    own = workspaces.place(several, team)
    with closing(own.database), own.database.read() as tx:
        row: Heartbeat | None = work.heartbeat(tx, "scheduler")
        return row.pid if row else 0


def test_each_workspace_has_its_programs_as_long_as_it_is_installed(several: Services) -> None:
    installed(several, FIRST)
    with supervised(several.settings.home, several.settings.database_url) as running:
        eventually(lambda: pid_of(several, FIRST) > 0)
        first = pid_of(several, FIRST)
        installed(several, SECOND)
        eventually(lambda: pid_of(several, SECOND) > 0)
        leaver = pid_of(several, SECOND)
        os.kill(leaver, signal.SIGSTOP)  # one that does not end when it is asked to
        assert workspaces.end(several, SECOND, datetime.now(UTC))
        os.kill(first, signal.SIGKILL)
        eventually(lambda: pid_of(several, FIRST) != first)
        assert alive(leaver)  # the others did not wait for it
        os.kill(leaver, signal.SIGCONT)
        eventually(lambda: not alive(leaver))
        orphan = pid_of(several, FIRST)
        running.kill()
    eventually(lambda: not alive(orphan))
    with supervised(several.settings.home, several.settings.database_url) as running:
        eventually(lambda: pid_of(several, FIRST) != orphan)
        last = pid_of(several, FIRST)
        assert alive(last)
        running.terminate()
        assert running.wait(timeout=SECONDS) == 0
        assert not alive(last)


def test_the_list_names_each_workspace_and_its_home(
    several: Services, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ASSAY_HOME", str(several.settings.home))
    monkeypatch.setenv("ASSAY_DATABASE_URL", several.settings.database_url)
    assert command.main([]) == 0
    assert "No workspace has installed the app" in capsys.readouterr().out
    installed(several, FIRST)
    assert command.main([]) == 0
    assert f"{FIRST} Acme: installed, ASSAY_HOME={several.settings.home}/teams/{FIRST}" in capsys.readouterr().out


def test_a_program_of_a_workspace_is_given_none_of_slacks_secrets(several: Services) -> None:
    given = command.environment_of(several.settings.of_team(FIRST))
    slacks = ("SLACK_BOT_TOKEN", "SLACK_SIGNING_SECRET", "SLACK_APP_TOKEN", "SLACK_CLIENT_SECRET", "ASSAY_SLACK_KEYS")
    assert [given[name] for name in slacks] == [""] * len(slacks)
