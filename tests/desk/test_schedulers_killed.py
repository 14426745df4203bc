"""Two real ``assay scheduler`` processes on one database, killed at any moment: one digest a month, and none missing.

The team is in Berlin; the clock is put on in March and back in October. ``ASSAY_KILLS=50`` (``make soak-digest``) kills
as often as the promise says; the suite kills a few times.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlmodel import select

from engine.desk import Desk, policies
from engine.models.checkup import Digest as Stored
from engine.models.work import Due
from engine.rules.calendar import due_at, following
from engine.services import Services
from engine.store import policies as policy_rows
from engine.store import work
from tests.builders import ASKER, a_feature, waiting
from tests.house_rules import ROOT
from tests.prepared import sqlite_in

KILLS = int(os.environ.get("ASSAY_KILLS", "4"))
PERIODS = [following("2026-02", number) for number in range(9)]  # February to October
NIGHTS = ("2026-03-29T01:00:30", "2026-10-25T01:00:30")  # just behind the turns
VISITED = ("2026-02", "2026-09", "2026-10")  # what lies between fell due while nobody was there
LIFE_SECONDS = 1.5  # a killed one lives so long at most: a whole run takes about two


@dataclass
class Schedulers:
    """Starts processes of one deployment. ``killed`` counts those that did not end by themselves."""

    process: subprocess.Popen[str]
    killed: int = 0

    def start(self, moment: datetime) -> int:
        """Do all that is due as of a moment; the process id."""
        return self._ask(["--once", "--now", moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")])

    def kill(self, pid: int) -> None:
        """End it as a host that dies does."""
        os.kill(pid, signal.SIGKILL)
        self.killed += self.wait(pid) == -signal.SIGKILL

    def wait(self, pid: int) -> int:
        """Its exit code, once it has one."""
        return self._ask(pid)

    def _ask(self, line: object) -> int:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(line) + "\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())


@pytest.fixture
def schedulers(services: Services, database_url: str, tmp_path: Path) -> Iterator[Schedulers]:
    """Processes that share this test's database and home."""
    given = {"ASSAY_HOME": str(services.settings.home), "ASSAY_DATABASE_URL": database_url, "PYTHONPATH": str(ROOT)}
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.desk.schedulers"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
            text=True, cwd=ROOT, env={**os.environ, **given},
        )  # fmt: skip
        with process:
            yield Schedulers(process)
            assert process.stdin is not None
            process.stdin.close()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Both databases: here it is locks of other processes that count."""
    if request.param == "postgres":
        return request.getfixturevalue("prepared_postgres_url")
    return sqlite_in(tmp_path)


def test_two_schedulers_killed_at_any_moment_over_both_turns_of_the_clock_leave_each_month_one_digest(
    desk: Desk, schedulers: Schedulers
) -> None:
    with desk.services.database.write() as tx:
        work.deployment(tx).created_at = datetime(2026, 2, 1, 12, tzinfo=UTC)  # January ended before
    a_feature(desk)
    policies.change(desk, ASKER, "", {"digest_zone": "Europe/Berlin"})
    with desk.services.database.read() as tx:
        policy = policy_rows.current(tx).digest
    draw = random.Random(11)
    moments = sorted([*(due_at(one, policy) + timedelta(minutes=1) for one in VISITED),
                      *(datetime.fromisoformat(f"{one}+00:00") for one in NIGHTS)])  # fmt: skip
    *visited, last = moments
    each = -(-KILLS // len(visited))  # kills at each moment
    for moment in visited:
        for _ in range(each):
            pair = schedulers.start(moment), schedulers.start(moment)
            time.sleep(draw.uniform(0.0, LIFE_SECONDS))
            schedulers.kill(pair[0])
            assert schedulers.wait(pair[1]) == 0, "the other one goes on, and takes over what was left"
    pair = schedulers.start(last), schedulers.start(last)
    assert [schedulers.wait(pid) for pid in pair] == [0, 0]
    with desk.services.database.read() as tx:
        assert Counter(one.period for one in tx.exec(select(Stored))) == Counter(PERIODS)
        found = list(tx.exec(select(Due)))
    assert all(one.done_at is not None for one in found)
    assert Counter(one.period for one in found if one.kind == "digest") == Counter(PERIODS)
    assert Counter(row.entity_id for row in waiting(desk) if row.entity == "digest") == Counter(PERIODS)
    assert schedulers.killed >= KILLS // 2, "most were killed before they ended by themselves"
