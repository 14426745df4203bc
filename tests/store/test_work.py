"""The deployment is founded once, programs say that they live, and what fell due falls due once."""

from __future__ import annotations

from engine.services import Services
from engine.store import work
from engine.store.database import Database
from engine.testing.clock import FixedClock
from tests.meddling import meddling


def test_programs_that_start_at_the_same_moment_found_one_deployment(services: Services, clock: FixedClock) -> None:
    with services.database.write() as tx:
        tx.delete(work.deployment(tx))
    found: list[str] = []

    def start(database: Database) -> None:
        with database.write() as tx:
            found.append(work.found(tx, clock.now()).executor_id)

    with meddling(services.database, "INSERT INTO deployment", start):
        start(services.database)
    assert len(found) == 2
    assert len(set(found)) == 1


def test_two_of_one_program_that_start_at_the_same_moment_both_say_that_they_live(
    services: Services, clock: FixedClock
) -> None:
    def beat(database: Database, pid: int) -> None:
        with database.write() as tx:
            work.beat(tx, "bot", host="a", pid=pid, now=clock.now(), facts={"pid": pid})

    with meddling(services.database, "INSERT INTO heartbeat", lambda other: beat(other, 2)):
        beat(services.database, 1)
    with services.database.read() as tx:
        row = work.heartbeat(tx, "bot")
    assert row is not None
    assert row.facts == {"pid": row.pid}


def test_a_deployment_its_programs_and_what_is_due(services: Services, clock: FixedClock) -> None:
    with services.database.write() as tx:
        first = work.found(tx, clock.now())
        clock.move(days=1)
        assert work.found(tx, clock.now()).executor_id == first.executor_id
        assert work.deployment(tx).created_at == first.created_at
        assert work.digest_channel(tx) == ""

        assert work.silent_since(tx, "engine", clock.now()) == "the start"
        work.beat(tx, "engine", host="a", pid=1, now=clock.now())
        clock.move(seconds=90)
        assert work.silent_since(tx, "engine", clock.now()) == ""
        clock.move(seconds=1)
        assert work.silent_since(tx, "engine", clock.now()) == "26 Nov 12:00 UTC"
        work.beat(tx, "engine", host="b", pid=2, now=clock.now())
        seen = work.heartbeat(tx, "engine")
        assert seen is not None
        assert (seen.host, seen.pid, seen.started_at) == ("b", 2, clock.now())

        assert work.fall_due(tx, "digest", "2026-11", "digest-2026-11", now=clock.now())
        assert not work.fall_due(tx, "digest", "2026-11", "digest-2026-11", now=clock.now())
        assert not work.is_done(tx, "digest", "2026-11")
        work.done(tx, "digest", "2026-11", clock.now())
        work.done(tx, "digest", "2026-12", clock.now())
        assert work.is_done(tx, "digest", "2026-11")
        assert not work.is_done(tx, "digest", "2026-12")
