"""The database is locked or gone while calls come in: no caller notices, and then each call is in the sums once."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from sqlmodel import func, select

from engine.desk import keys, open_desk, operate
from engine.errors import Unavailable
from engine.flows import ingest
from engine.flows.steps import route as way
from engine.models.call import HourlyUsage
from engine.services import Services
from engine.testing.clock import FixedClock
from engine.testing.postgres import start_server
from tests.builders import SHELL, SLUG, a_feature
from tests.conftest import needs, services_at
from tests.gateway.running import serving, until
from tests.gateway.upstream import says, upstream

CALLS = 60


@dataclass
class Deployment:
    """A gateway that serves and an ingester that stores, and what both have done."""

    services: Services
    ask: Callable[[], int]
    answered: int = 0

    def calls(self, count: int) -> None:
        """So many calls, each of which must be answered."""
        for _ in range(count):
            assert self.ask() == 200
            self.answered += 1

    def stored(self) -> int:
        """Calls in the sums."""
        with self.services.database.read() as tx:
            return int(tx.exec(select(func.sum(HourlyUsage.n))).one() or 0)

    def waiting(self) -> int:
        """Segments that are not stored and deleted."""
        return len(list(self.services.settings.spool_folder.glob("*.bin")))


@contextmanager
def running(services: Services) -> Iterator[Deployment]:
    """Serve, and store once a second, until the block ends."""
    operate.prepare(services)
    ending = threading.Event()
    with upstream(says("billing")) as model:
        with closing(open_desk(services)) as desk:
            a_feature(desk, base_url=model.url)
            mine = {"authorization": f"Bearer {keys.make(desk, SHELL, SLUG).secret}"}
        asked = {"model": f"assay/{SLUG}", "messages": [{"role": "user", "content": "mail a@b.example"}]}
        with serving(services.settings, way.path_of(services.settings)) as gate:
            thread = threading.Thread(target=ingest.run, args=(services, ending.is_set), kwargs={"each_minute": int})
            thread.start()
            try:
                yield Deployment(services, lambda: gate.post("/v1/chat/completions", asked, mine).status_code)
            finally:
                ending.set()
                thread.join()
        ingest.once(services)


def test_while_an_sqlite_file_is_locked_calls_are_answered_and_kept(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    services = services_at(f"sqlite:///{tmp_path / 'assay.db'}", tmp_path, FixedClock())
    hasty = replace(services, database=services.database.patient(0.1))  # the lock lasts far longer than its patience
    with running(hasty) as deployment:
        deployment.calls(5)
        until(lambda: deployment.stored() == 5)
        holder = sqlite3.connect(tmp_path / "assay.db", isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        deployment.calls(CALLS)
        until(lambda: waited(caplog) >= 3)
        deployment.calls(CALLS)
        assert deployment.stored() == 5
        holder.execute("ROLLBACK")
        holder.close()
        until(lambda: deployment.stored() == 5 + 2 * CALLS)
    assert (deployment.stored(), deployment.waiting()) == (5 + 2 * CALLS, 0)
    services.database.close()


@pytest.mark.postgres
def test_while_postgresql_is_gone_calls_are_answered_and_the_backlog_drains_when_it_is_back(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with start_server(tmp_path) as server:
        needs(server, "PostgreSQL", "apt-get install -y postgresql")
        assert server is not None
        services = services_at(server.url, tmp_path, FixedClock())
        with running(services) as deployment:
            deployment.calls(5)
            until(lambda: deployment.stored() == 5)
            for gone in (1, 2):  # the second time with connections that the first has spoilt
                server.stop()
                before = waited(caplog)
                deployment.calls(CALLS)
                until(lambda before=before: waited(caplog) >= before + 2)
                with pytest.raises(Unavailable, match="does not answer"):
                    deployment.stored()
                deployment.calls(CALLS)
                server.start()
                until(lambda gone=gone: deployment.stored() == 5 + gone * 2 * CALLS)
        assert (deployment.stored(), deployment.waiting()) == (deployment.answered, 0)
        services.database.close()


def waited(caplog: pytest.LogCaptureFixture) -> int:
    """How many passes of the ingester found no database."""
    return sum(record.message == "spool.waiting" for record in caplog.records)
