"""PostgreSQL's advisory locks: held by a connection for as long as it lives. Knows nothing of what they guard."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager

from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from engine.store.database import Database


@contextmanager
def held(database: Database, key: int) -> Generator[Callable[[], bool] | None]:
    """Take the lock without waiting; None when another connection has it. The value tells whether it is still ours."""
    with database.engine.connect() as connection:
        ours = connection.execute(text("SELECT pg_try_advisory_lock(:key)"), {"key": key}).scalar()
        try:
            yield (lambda: _lives(connection)) if ours else None
        finally:
            if ours:
                _let_go(connection, key)  # the pool keeps the connection, which would keep the lock


def _let_go(connection: Connection, key: int) -> None:
    try:
        connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": key})
    except SQLAlchemyError:
        connection.invalidate()  # it is lost, and its lock with it


def _lives(connection: Connection) -> bool:
    try:
        connection.execute(text("SELECT 1"))
    except SQLAlchemyError:
        return False
    return True
