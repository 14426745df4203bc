"""Workspaces on both databases: one renewal at a time, and a database beside ours for each."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import text

from engine.errors import NotReady
from engine.models.workspace import Workspace
from engine.services import Services
from engine.store import migrate, workspaces
from engine.store.database import Database, make_beside, open_database
from engine.testing.clock import FixedClock

TEAM = "T0ACME"


def test_of_many_at_once_one_claims_a_renewal(database: Database, clock: FixedClock) -> None:
    now = clock.now()
    with database.write() as tx:
        workspaces.keep(tx, Workspace(team=TEAM, team_name="Acme", installed_at=now, sealed="x", expires_at=now))

    def claim(_number: int) -> bool:
        with database.write() as tx:
            return workspaces.claim_renewal(tx, TEAM, 1, now=now, until=now + timedelta(minutes=1))

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(claim, range(8))) == [False] * 7 + [True]


def test_many_installations_of_one_workspace_at_once_are_one_and_the_last_stays(
    database: Database, clock: FixedClock
) -> None:
    def keep(number: int) -> int:
        row = Workspace(team=TEAM, team_name=f"Acme {number}", installed_at=clock.now(), sealed=str(number))
        with database.write() as tx:
            return workspaces.keep(tx, row).version

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(keep, range(8))) == list(range(1, 9))
    with database.read() as tx:
        (one,) = workspaces.every(tx)
    assert (one.version, one.team_name) == (8, f"Acme {one.sealed}")


@pytest.mark.postgres
def test_a_role_that_may_not_make_a_database_is_told_the_command(postgres_url: str) -> None:
    owner = open_database(postgres_url)
    with owner.write() as tx:
        tx.connection().execute(text("DROP ROLE IF EXISTS plain"))
        tx.connection().execute(text("CREATE ROLE plain LOGIN"))
    plain = open_database(owner.url.set(username="plain").render_as_string(hide_password=False))
    with pytest.raises(NotReady) as refused:
        make_beside(plain, f"{postgres_url}_t0acme")
    assert refused.value.hint.startswith("Make it: createdb ")
    plain.close()
    owner.close()


def test_a_workspaces_database_is_made_beside_ours_once(services: Services) -> None:
    url = services.settings.of_team(TEAM).database
    make_beside(services.database, url)
    make_beside(services.database, url)
    own = open_database(url)
    migrate.prepare(own)
    assert migrate.revision(own) == migrate.newest()
    assert str(own.url) != str(services.database.url)
    with own.read() as tx:
        assert workspaces.every(tx) == []
    own.close()
