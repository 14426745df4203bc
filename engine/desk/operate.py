"""What operators do to a deployment: bring its database to this version, found it, say who is alive."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.errors import Invalid, NotReady
from engine.flows import dbos_durable
from engine.models.serving import ServerName
from engine.services import Services
from engine.store import migrate, work
from engine.store.artifacts import Artifacts
from engine.store.migrate import Upgraded
from engine.store.work import SILENT

DUMP_POSTGRESQL = 'PostgreSQL copies itself: pg_dump --format=custom --file=assay.dump "$ASSAY_DATABASE_URL"'


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


@dataclass(frozen=True)
class Backup:
    """What was copied: the database's file (none for PostgreSQL); artifacts that were copied, and that it had."""

    database: Path | None
    copied: int
    known: int


def back_up(services: Services, folder: Path) -> Backup:
    """Copy the database as of one moment, then every artifact the folder lacks, while everything runs.

    In that order no copied row names an artifact that the copy lacks. Raises ``Invalid`` for a folder that cannot be
    made, ``WorkFailed`` for a damaged artifact, naming its file.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Invalid(
            f"The folder {folder} cannot be made: {error.strerror}.", hint="Name one you may write."
        ) from error
    database = folder / "assay.db" if services.database.is_sqlite else None
    if database is not None:
        services.database.copy_to(database)
    kept = Artifacts(f"file://{folder.resolve()}/artifacts")
    stored = services.artifacts.ids()
    lacking = [artifact_id for artifact_id in stored if not kept.has(artifact_id)]
    for artifact_id in lacking:
        kept.put(services.artifacts.path(artifact_id))
    return Backup(database, copied=len(lacking), known=len(stored) - len(lacking))


def beat(services: Services, program: str, facts: dict[str, Any] | None = None) -> None:
    """Say that a program is alive on this host, and what it knows that ``doctor`` should tell."""
    here = socket.gethostname()
    with services.database.write() as tx:
        work.beat(tx, program, host=here, pid=os.getpid(), now=services.clock.now(), facts=facts)


def end_servers(services: Services) -> None:
    """End the candidates served on this host. Whoever starts an engine again has them served again."""
    local = services.servers.of(ServerName.LOCAL, "")
    for artifact in local.served():
        local.unload(artifact)


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


def team(services: Services) -> str:
    """The Slack workspace this deployment serves, "" until the bot has met it."""
    with services.database.read() as tx:
        return work.deployment(tx).team
