"""What operators do to a deployment: bring its database to this version, found it, say who is alive."""

from __future__ import annotations

import os
import socket

from engine.errors import NotReady
from engine.flows import dbos_durable
from engine.services import Services
from engine.store import migrate, work
from engine.store.database import Database
from engine.store.migrate import Upgraded
from engine.store.work import SILENT


def prepare(services: Services) -> None:
    """Every ``main`` calls this first: an empty database gets its tables, another version's schema is refused.

    Raises ``NotReady`` with the sentence that mends it.
    """
    empty = not migrate.revision(services.database)
    migrate.prepare(services.database)
    if empty:
        dbos_durable.migrate(services.database)
    with services.database.write() as tx:
        work.found(tx, services.clock.now())


def upgrade(services: Services) -> Upgraded:
    """Bring the schema, and DBOS's tables beside it, to this version; an SQLite file is copied first."""
    done = migrate.upgrade(services.database)
    dbos_durable.migrate(services.database)
    with services.database.write() as tx:
        work.found(tx, services.clock.now())
    return done


def beat(services: Services, program: str) -> None:
    """Say that a program is alive on this host."""
    with services.database.write() as tx:
        work.beat(tx, program, host=socket.gethostname(), pid=os.getpid(), now=services.clock.now())


def refuse_second_host(services: Services, program: str) -> None:
    """An SQLite file serves one host. Raises ``NotReady`` when another host's program used it lately."""
    if not services.database.is_sqlite:
        return
    with services.database.read() as tx:
        row = work.heartbeat(tx, program)
    here = socket.gethostname()
    if row is not None and row.host != here and services.clock.now() - row.at < SILENT:
        raise NotReady(
            f'ASSAY_DATABASE_URL: SQLite serves one host, and "{row.host}" is already registered.',
            hint="Use PostgreSQL (docs/operate.md#two-hosts).",
        )


def meet_slack(services: Services, *, team: str, team_name: str, bot_user: str) -> None:
    """Remember which workspace this deployment serves."""
    with services.database.write() as tx:
        row = work.deployment(tx)
        row.team, row.team_name, row.bot_user = team, team_name, bot_user
        tx.add(row)


def schema_revision(database: Database) -> tuple[str, str]:
    """The database's revision and the one this version needs."""
    return migrate.revision(database), migrate.newest()


def team(services: Services) -> str:
    """The Slack workspace this deployment serves, "" until the bot has met it."""
    with services.database.read() as tx:
        return work.deployment(tx).team
