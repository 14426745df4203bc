"""Our journal's owners as real processes: killed, and held up for longer than their lease lasts."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Generator
from dataclasses import dataclass

import pytest

from engine.errors import Unavailable
from engine.flows.durable import Queue
from engine.services import Services
from engine.store.database import Database
from engine.testing import leases
from tests.flows import owner
from tests.flows.test_durable import wait

pytestmark = [pytest.mark.processes, pytest.mark.xdist_group("processes")]


@dataclass
class Site:
    """A run of the slow flow; the processes that worked each of its steps are told by their files."""

    services: Services
    first: subprocess.Popen[bytes]

    def begun(self, step: str) -> list[int]:
        path = self.services.settings.home / f"{step}.txt"
        return [int(line) for line in path.read_text().split()] if path.exists() else []

    def open_gate(self) -> None:
        (self.services.settings.home / "gate").touch()

    def hold_up(self) -> None:
        """Stop the first process between two of its writes: in the middle of one it would keep the row locked."""
        self.first.send_signal(signal.SIGSTOP)
        while not self._is_free():
            self.first.send_signal(signal.SIGCONT)
            self.first.send_signal(signal.SIGSTOP)

    def _is_free(self) -> bool:
        try:
            with self.services.database.patient(0.5).write() as tx:
                if not self.services.database.is_sqlite:
                    tx.connection().exec_driver_sql("SET LOCAL lock_timeout = '500ms'")
                tx.connection().execute(leases.rows().runs.update().values(error=""))
        except Unavailable:
            return False
        return True

    def state(self) -> str:
        return leases.JournalClient(self.services.database).runs()[0].state

    def recorded(self) -> dict[str, int]:
        """Which process's result each step has."""
        return _recorded(self.services.database)


def _recorded(database: Database) -> dict[str, int]:
    with database.read() as tx:
        rows = tx.connection().execute(leases.rows().steps.select()).all()
    return {row.name: json.loads(row.result)["value"]["pid"] for row in rows}


@pytest.fixture
def site(services: Services) -> Generator[Site]:
    """A process is in the middle of the run's second step."""
    leases.migrate(services.database)
    with services.database.write() as tx:
        leases.JournalClient(services.database).enqueue(tx, "slow", "run-1", {"pid": 0}, queue=Queue.HEAVY)
    url = services.database.url.render_as_string(hide_password=False)
    command = [sys.executable, "-m", "tests.flows.owner", url, str(services.settings.home)]
    with (services.settings.home / "owner.log").open("w") as log:
        first = subprocess.Popen(command, stderr=log)
    found = Site(services, first)
    try:
        wait(lambda: found.begun("slow") == [first.pid])
        yield found
    finally:
        first.kill()
        first.wait()


def test_a_killed_owners_run_is_taken_over_once_its_lease_is_over(site: Site) -> None:
    second = owner.made(site.services)
    second.start()
    site.first.send_signal(signal.SIGKILL)
    site.open_gate()
    wait(lambda: site.state() == "done")
    second.stop()
    assert site.begun("first") == [site.first.pid]  # it was recorded, and is not repeated
    assert site.recorded() == {"first": site.first.pid, "slow": os.getpid(), "last": os.getpid()}


def test_an_owner_that_wakes_after_its_lease_is_refused_its_write(site: Site) -> None:
    second = owner.made(site.services)
    site.hold_up()
    second.start()
    wait(lambda: site.begun("slow") == [site.first.pid, os.getpid()])
    site.open_gate()
    wait(lambda: site.state() == "done")
    second.stop()
    kept = site.recorded()
    site.first.send_signal(signal.SIGCONT)
    wait(lambda: site.first.pid in site.begun("through"))  # it ends its step, and has a result of its own
    wait(lambda: "write.refused" in (site.services.settings.home / "owner.log").read_text())
    assert site.recorded() == kept == {"first": site.first.pid, "slow": os.getpid(), "last": os.getpid()}
    assert site.begun("last") == [os.getpid()]
    assert site.state() == "done"
