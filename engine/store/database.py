"""Open the database and give transactions. SQLite by default, PostgreSQL by URL; knows nothing of what is stored."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Engine, case, create_engine, event, make_url, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError
from sqlmodel import Session, SQLModel

from engine.errors import Invalid, NotReady, Unavailable

Tx = Session

BUSY_SECONDS = 10.0  # how long a write waits for another (docs/decisions/0007-sqlite-first.md)
_EXAMPLE = "For example: postgresql://assay@db.internal/assay"
_BUSY = "The database is busy, nothing was changed. Try again."
_WRITE = "assay_write"  # execution option: this transaction will write
_ONE_MOMENT = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}  # what SQLite's readers have anyway
_PATIENCE = "assay_patience"  # execution option: seconds a write waits for another


class Database:
    """Transactions on one database. ``read`` sees one moment; ``write`` commits at its end or leaves nothing.

    In a ``write`` on PostgreSQL each statement sees a newer moment: read in one statement what belongs together.
    """

    def __init__(self, engine: Engine, patience: float = BUSY_SECONDS, queue: threading.Lock | None = None) -> None:
        self.engine = engine
        self._reader = engine if self.is_sqlite else engine.execution_options(**_ONE_MOMENT)
        self.writer = engine.execution_options(**{_WRITE: True, _PATIENCE: patience})
        self._patience = patience
        self._queue = queue or threading.Lock()

    def patient(self, seconds: float) -> Database:
        """The same database for somebody who cannot wait long: on SQLite a write gives up after so many seconds."""
        return Database(self.engine, seconds, self._queue)

    @property
    def url(self) -> URL:
        """Where it is."""
        return self.engine.url

    @property
    def is_sqlite(self) -> bool:
        """Whether it is a file on this host, which serves this host alone."""
        return self.engine.dialect.name == "sqlite"

    @property
    def path(self) -> Path | None:
        """The SQLite file; none on PostgreSQL."""
        return Path(self.url.database) if self.is_sqlite and self.url.database else None

    @contextmanager
    def read(self) -> Generator[Tx]:
        """A transaction that changes nothing. Rows stay readable after it ends. Raises ``Unavailable``."""
        with Session(self._reader, expire_on_commit=False) as tx, self._told():
            yield tx  # nothing is committed: the session's end gives the connection back rolled back

    @contextmanager
    def write(self) -> Generator[Tx]:
        """A transaction that commits at its end; any error leaves nothing.

        Raises ``Unavailable`` when an SQLite file stays locked, or PostgreSQL does not answer.
        """
        with self._in_line(), Session(self.writer, expire_on_commit=False) as tx, self._told():
            yield tx
            tx.commit()

    @contextmanager
    def _in_line(self) -> Generator[None]:
        """SQLite's own waiting is a poll that starves some of many threads, so this process's writers queue up."""
        if not self.is_sqlite:
            yield
            return
        if not self._queue.acquire(timeout=self._patience):
            raise Unavailable(_BUSY)
        try:
            yield
        finally:
            self._queue.release()

    @contextmanager
    def _told(self) -> Generator[None]:
        try:
            yield
        except OperationalError as error:
            if any(word in str(error.orig) for word in ("locked", "busy", "deadlock")):
                raise Unavailable(_BUSY) from error
            if not self.is_sqlite:  # the driver's word for a server that went away, refuses or restarts
                raise Unavailable("The database does not answer. Try again in a minute.") from error
            raise

    def copy_to(self, path: Path) -> None:
        """Copy the SQLite file as it stands at one moment, while others write; a file that was there is replaced."""
        half = path.with_name(path.name + ".half")
        half.unlink(missing_ok=True)
        with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection, self._told():
            held: Any = connection.connection.driver_connection
            with closing(sqlite3.connect(half)) as copy:
                held.backup(copy)
        half.replace(path)

    def close(self) -> None:
        """Give every connection back."""
        self.engine.dispose()


def add_up(tx: Tx, table: type[SQLModel], rows: Sequence[Mapping[str, Any]], *, keys: Sequence[str]) -> None:
    """Add rows of counts: where a row of these keys is there, its other columns grow by them; moments become newer.

    In order of the keys, so that two writers cannot wait for each other.
    """
    if not rows:
        return
    dialect: Any = postgresql if tx.get_bind().dialect.name == "postgresql" else sqlite
    statement = dialect.insert(table)
    mine: Any = table
    grown: dict[str, Any] = {}
    for name in rows[0].keys() - set(keys):
        old, added = getattr(mine, name), statement.excluded[name]
        grown[name] = case((added > old, added), else_=old) if name == "newest" else old + added
    ordered = sorted(rows, key=lambda row: tuple(str(row[name]) for name in keys))
    tx.connection().execute(statement.on_conflict_do_update(index_elements=list(keys), set_=grown), ordered)


def database_name(url: str) -> str:
    """The name of the database a URL leads to: of a file, its path."""
    return make_url(url).database or ""


def make_beside(database: Database, url: str) -> None:
    """Make an empty PostgreSQL database on the server of another, unless it is there; nothing to do for SQLite.

    Raises ``NotReady`` with the command for somebody who may, where this role may not.
    """
    if database.is_sqlite:
        return
    name = database_name(url)
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        is_there = text("SELECT 1 FROM pg_database WHERE datname = :name").bindparams(name=name)
        if connection.execute(is_there).first():
            return
        quoted = connection.dialect.identifier_preparer.quote_identifier(name)
        try:
            connection.execute(text(f"CREATE DATABASE {quoted}"))
        except DBAPIError as error:
            if connection.execute(is_there).first():  # somebody else made it just now
                return
            raise NotReady(f"The database {name} is not there.", hint=f"Make it: createdb {name}") from error


def open_database(url: str) -> Database:
    """Open a database by URL; a missing SQLite file's folder is made, its schema is ``migrate``'s.

    Raises ``Invalid`` for a URL of no such database, naming a valid example, and for a folder that cannot be made.
    """
    try:
        where = make_url(url)
    except ArgumentError as error:
        raise Invalid("ASSAY_DATABASE_URL is not a database URL.", hint=_EXAMPLE) from error
    match where.get_backend_name():
        case "sqlite":
            return Database(_sqlite(where))
        case "postgresql" | "postgres":
            return Database(_postgresql(where))
        case other:
            raise Invalid(f"ASSAY_DATABASE_URL names {other}; SQLite and PostgreSQL are understood.", hint=_EXAMPLE)


def _postgresql(where: URL) -> Engine:
    try:
        return create_engine(where.set(drivername="postgresql+psycopg"), pool_size=20, max_overflow=44)
    except ModuleNotFoundError as error:
        raise Invalid(
            "ASSAY_DATABASE_URL names PostgreSQL, whose driver is not installed.", hint="pip install 'assay[postgres]'"
        ) from error


def _sqlite(where: URL) -> Engine:
    if where.database:
        folder = Path(where.database).parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise Invalid(
                f"The folder {folder} cannot be made: {error.strerror}.",
                hint="Name one that Assay may write to: ASSAY_HOME=/var/lib/assay",
            ) from error
    engine = create_engine(where, connect_args={"timeout": BUSY_SECONDS}, pool_size=20, max_overflow=44)
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _prepare(connection: sqlite3.Connection, _record: Any) -> None:  # noqa: ANN401 (SQLAlchemy's signature)
    connection.isolation_level = None  # we say BEGIN ourselves; the driver's own is deferred
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", f"busy_timeout={BUSY_SECONDS:.0f}000"):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Any) -> None:  # noqa: ANN401 (SQLAlchemy's event signature)
    options = connection.get_execution_options()
    patience = options.get(_PATIENCE, BUSY_SECONDS)
    if connection.info.get(_PATIENCE, BUSY_SECONDS) != patience:
        connection.exec_driver_sql(f"PRAGMA busy_timeout={patience * 1000:.0f}")
        connection.info[_PATIENCE] = patience
    connection.exec_driver_sql(f"BEGIN {'IMMEDIATE' if options.get(_WRITE) else 'DEFERRED'}")
