"""Which gateway workers are alive and which route file each has in force, as their spools tell; read once a second."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from engine.models.base import Value
from engine.models.drill import Worker
from engine.rules.frame import name_hash
from engine.services import Services
from engine.store import work
from engine.store.database import Tx
from engine.store.spool import Segment

BEAT = timedelta(seconds=20)
REMEMBERED = timedelta(days=1)
_PREFIX = "spool@"


class Heard(Value):
    """The workers that are alive; ``silent`` are hosts whose spool had workers within a day and is read no more."""

    workers: tuple[Worker, ...] = ()
    silent: tuple[str, ...] = ()

    @property
    def is_nobody(self) -> bool:
        """Whether no gateway was heard of within a day."""
        return not self.workers and not self.silent


def heard(tx: Tx, now: datetime) -> Heard:
    """What is known of all gateways."""
    workers: list[Worker] = []
    silent: list[str] = []
    for row in work.beats(tx, _PREFIX):
        alive: Mapping[str, int] = row.facts.get("workers", {})
        if now - row.at > REMEMBERED or not alive:
            continue
        if now - row.at > work.SILENT:
            silent.append(row.host)
        else:
            workers += [Worker(name=name, version=version) for name, version in sorted(alive.items())]
    return Heard(workers=tuple(workers), silent=tuple(silent))


def took(tx: Tx, services: Services, segment: Segment, event: Mapping[str, Any]) -> None:
    """Note the version of the route file that a worker has in force now."""
    version = event.get("version")
    if not isinstance(version, int):
        return
    row = work.heartbeat(tx, _name(segment.folder))
    facts: dict[str, Any] = dict(row.facts) if row is not None else {}
    facts["workers"] = {**facts.get("workers", {}), segment.worker: version}
    facts["live"] = len(facts["workers"])
    _beat(tx, services, segment.folder, facts)


def beat(services: Services, folder: Path, segments: Sequence[Segment]) -> None:
    """Say that this host's spool was read, and which workers write to it: so fresh is what stages have shown."""
    alive = {segment.worker for segment in segments if segment.is_live}
    now = services.clock.now()
    with services.database.read() as tx:
        known = work.heartbeat(tx, _name(folder))
    if known is not None and known.facts.get("workers", {}).keys() == alive and now - known.at < BEAT:
        return
    told: Mapping[str, int] = known.facts.get("workers", {}) if known is not None else {}
    workers = {name: told.get(name, 0) for name in sorted(alive)}
    with services.database.write() as tx:
        _beat(tx, services, folder, {"live": len(alive), "workers": workers})


def _beat(tx: Tx, services: Services, folder: Path, facts: dict[str, Any]) -> None:
    now = services.clock.now()
    work.beat(tx, _name(folder), host=socket.gethostname(), pid=os.getpid(), now=now, facts=facts)


def _name(folder: Path) -> str:
    return f"{_PREFIX}{name_hash(f'{socket.gethostname()} {folder.resolve()}'):016x}"
