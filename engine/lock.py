"""One engine control process per deployment, held for life: a file lock (SQLite) or an advisory lock (PostgreSQL)."""

from __future__ import annotations

import fcntl
import json
import os
import socket
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from engine.errors import Conflict
from engine.services import Services
from engine.store import advisory, work

_KEY = 0x656E6769  # "engi"

StillHeld = Callable[[], bool]


@contextmanager
def held(services: Services) -> Generator[StillHeld]:
    """Hold the engine's lock; the value tells whether it is still ours. Raises ``Conflict`` naming who holds it."""
    take = _file if services.database.is_sqlite else _advisory
    with take(services) as still:
        yield still


@contextmanager
def _file(services: Services) -> Generator[StillHeld]:
    path = services.settings.home / "engine.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise _taken(json.loads(file.read() or "{}")) from None
        file.truncate(0)
        file.write(json.dumps(_me(services.clock.now())))
        file.flush()
        yield lambda: True


@contextmanager
def _advisory(services: Services) -> Generator[StillHeld]:
    with advisory.held(services.database, _KEY) as still:
        if still is None:
            with services.database.read() as tx:
                row = work.heartbeat(tx, "engine")
            raise _taken(
                {"host": row.host, "pid": row.pid, "since": f"{row.started_at:%d %b %H:%M} UTC"} if row else {}
            )
        yield still


def _me(now: datetime) -> dict[str, Any]:
    return {"host": socket.gethostname(), "pid": os.getpid(), "since": f"{now:%d %b %H:%M} UTC"}


def _taken(holder: dict[str, Any]) -> Conflict:
    who = f"host {holder.get('host', '?')}, pid {holder.get('pid', '?')}, since {holder.get('since', '?')}"
    return Conflict(
        f"another engine ({who}) holds this deployment;",
        hint="stop it, or set ASSAY_HOME / ASSAY_DATABASE_URL to another one",
    )
