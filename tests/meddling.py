"""Somebody else's transaction just before a certain statement: what threads meet once in a thousand runs, each time."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Generator
from contextlib import contextmanager

from sqlalchemy import event

from engine.errors import Unavailable
from engine.store.database import Database, open_database

_PATIENCE_MS = 20  # who holds what the other waits for is the test itself, so that no wait is long enough


@contextmanager
def meddling(database: Database, moment: int | str | None, act: Callable[[Database], object]) -> Generator[None]:
    """Have somebody else act just before a statement on the database: by its number, the first that begins so, or each.

    ``act`` is given a database that does not wait: who would have to wait there acts once the block is over, and so
    does who comes after its last statement.
    """
    hasty, statements = _hasty(database), itertools.count()
    acting: list[bool] = []
    acted: list[bool] = []

    def meddle(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        number = next(statements)
        is_then = number == moment if isinstance(moment, int) else statement.startswith(moment or "")
        if not is_then or acting:
            return
        acting.append(True)
        try:
            act(hasty)
            acted.append(True)
        except Unavailable:
            pass
        if moment is None:
            acting.clear()

    event.listen(database.engine, "before_cursor_execute", meddle)
    try:
        yield
    finally:
        event.remove(database.engine, "before_cursor_execute", meddle)
        if hasty.engine is not database.engine:
            hasty.close()
    if not acted:
        act(database)


def _hasty(database: Database) -> Database:
    if database.is_sqlite:
        return database.patient(_PATIENCE_MS / 1000)
    where = database.url.update_query_dict({"options": f"-c lock_timeout={_PATIENCE_MS}"})
    return open_database(where.render_as_string(hide_password=False))
