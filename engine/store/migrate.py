"""Bring a database to this version's schema, or say why not. Alembic is driven from code; there is no ini file."""

from __future__ import annotations

import fcntl
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import DBAPIError

from engine.errors import NotReady, Unavailable
from engine.models import (
    actor,
    call,
    checkup,
    drill,
    evidence,
    feature,
    gateway,
    investigation,
    labelling,
    labels,
    mail,
    money,
    policy,
    reading,
    rollout,
    seal,
    serving,
    spool,
    statement,
    verdict,
    work,
    workspace,
)
from engine.models.base import METADATA
from engine.store.database import Database

# Every table module is imported above, so that METADATA is whole wherever migrations are compared with it.
NOUNS = (
    *(actor, call, checkup, drill, evidence, feature, gateway, investigation, labelling, labels, mail),
    *(money, policy, rollout, reading, seal, serving, spool, statement, verdict, work, workspace),
)

_LOCK_KEY = 0x61737361  # "assa": the advisory lock that keeps two upgrades apart on PostgreSQL


@dataclass(frozen=True)
class Upgraded:
    """What an upgrade did: revisions before ("" for an empty database) and after, and the copy it made first."""

    before: str
    after: str
    copy: Path | None = None


def newest() -> str:
    """The revision this version of Assay needs."""
    return str(_scripts().get_current_head())


def revision(database: Database) -> str:
    """The database's revision, "" when it is empty. Raises ``Unavailable`` for one that cannot be opened."""
    try:
        with database.engine.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision() or ""
    except DBAPIError as error:
        where = database.url.render_as_string(hide_password=True)
        why = str(error.orig).splitlines()[0].rstrip(".")
        raise Unavailable(f"The database at {where} cannot be opened: {why}. See ASSAY_DATABASE_URL.") from error


def prepare(database: Database) -> None:
    """Create the schema in an empty database; refuse another version's with the sentence that mends it.

    Raises ``NotReady``.
    """
    found = revision(database)
    if not found and not _has_tables(database):
        upgrade(database)
    elif found != newest():
        raise NotReady(*_refusal(found))


def upgrade(database: Database, *, to: str = "head") -> Upgraded:
    """Bring the schema to ``newest()``; an SQLite file is copied first. Twice, or by two programs at once, is safe.

    ``to`` stops at an older revision, so that a test can upgrade from there.
    Raises ``NotReady`` for a database of a newer Assay, ``Unavailable`` for one that cannot be opened.
    """
    revision(database)  # told here, before a lock is asked for
    with _alone(database):
        before = revision(database)
        if before == newest():
            return Upgraded(before, before)
        if before and before not in _known():
            raise NotReady(*_refusal(before))
        copy = _copied(database, before) if before else None
        with _remaking(database) as connection:
            _run(connection, to)
        return Upgraded(before, revision(database), copy)


def _refusal(found: str) -> tuple[str, str]:
    if found and found not in _known():
        return (
            f"The database is at {found}, which this version of Assay does not know; it was written by a newer one.",
            "Start that version of Assay, or give this one another database (ASSAY_DATABASE_URL).",
        )
    where = f"at {found}" if found else "not one of Assay's"
    return f"The database is {where}; this version needs {newest()}.", "Run: assay db upgrade"


@cache
def _scripts() -> ScriptDirectory:
    """This version's migrations; read once, for reading all of their files takes longer than any question to them."""
    folder = str(Path(__file__).parent / "migrations")
    return ScriptDirectory(folder, version_locations=[folder])


@contextmanager
def _remaking(database: Database) -> Generator[Connection]:
    """A transaction in which SQLite may make a table anew that others refer to: they are checked at its end.

    SQLite turns its checking on and off outside of transactions alone.
    """
    with database.writer.connect() as connection:
        driver = connection.connection.driver_connection
        if not database.is_sqlite or driver is None:
            with connection.begin():
                yield connection
            return
        driver.execute("PRAGMA foreign_keys=OFF")
        try:
            with connection.begin():
                yield connection
                broken = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
                assert broken is None, f"a migration left rows that refer to nothing: {broken}"
        finally:
            driver.execute("PRAGMA foreign_keys=ON")


def _run(connection: Connection, to: str) -> None:
    scripts = _scripts()

    def steps(found: str, _context: object) -> object:  # as alembic.command.upgrade, which wants an ini file and env.py
        return scripts._upgrade_revs(to, found)  # pyright: ignore[reportPrivateUsage] # there is no public one

    environment = EnvironmentContext(Config(), scripts, fn=steps)
    with environment:
        environment.configure(connection=connection, target_metadata=METADATA, render_as_batch=True)
        with environment.begin_transaction():
            environment.run_migrations()


def _known() -> set[str]:
    return {script.revision for script in _scripts().walk_revisions()}


def _has_tables(database: Database) -> bool:
    return "feature" in inspect(database.engine).get_table_names()


def _copied(database: Database, before: str) -> Path | None:
    if database.path is None:
        return None
    copy = database.path.with_name(f"{database.path.name}.before-{before}")
    database.copy_to(copy)
    return copy


@contextmanager
def _alone(database: Database) -> Generator[None]:
    if database.path is not None:
        with database.path.with_name(database.path.name + ".lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
        return
    with database.engine.connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _LOCK_KEY})
        try:
            yield
        finally:
            connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _LOCK_KEY})
