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
        yield (lambda: _lives(connection)) if ours else None


def _lives(connection: Connection) -> bool:
    try:
        connection.execute(text("SELECT 1"))
    except SQLAlchemyError:
        return False
    return True
