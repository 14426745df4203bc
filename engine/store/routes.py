"""The gateway's route file: its version, one for all hosts, and how it is put in place. Knows not what it says."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, select

from engine.models.gateway import RouteFile


def stored(tx: Session) -> RouteFile:
    """The version in force and what it is of; version 0 before the first."""
    return tx.get(RouteFile, 1) or RouteFile()


def named_alone(tx: Session) -> None:
    """Be the one who names the next version until the transaction ends; read what it says after this."""
    dialect: Any = postgresql if tx.get_bind().dialect.name == "postgresql" else sqlite
    first = dialect.insert(RouteFile).values(id=1, version=0, sha="").on_conflict_do_nothing()
    tx.connection().execute(first)
    tx.exec(select(RouteFile.id).where(RouteFile.id == 1).with_for_update()).one()


def version_of(tx: Session, sha: str) -> int:
    """The version of content with this hash: the one in force if it is the same, else the next.

    The caller holds ``named_alone``.
    """
    row = tx.get_one(RouteFile, 1, populate_existing=True)
    if row.sha != sha:
        row.sha, row.version = sha, row.version + 1
        tx.add(row)
        tx.flush()
    return row.version


@contextmanager
def alone(path: Path) -> Generator[None]:
    """One writer of this file at a time on this host: who writes last has also read last."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_name(path.name + ".lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def write(path: Path, content: bytes) -> bool:
    """Put the file in place whole; false when it says the same already. The caller holds ``alone``."""
    if path.exists() and path.read_bytes() == content:
        return False
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with draft.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return True
