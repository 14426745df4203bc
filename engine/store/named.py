"""Which artifacts any row names. Reads every text of every table, so that no column can be forgotten."""

from __future__ import annotations

import re

from sqlalchemy import select
from sqlmodel import Session

from engine.models.base import METADATA

_ID = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
_AT_ONCE = 1_000


def artifact_ids(tx: Session) -> set[str]:
    """Everything in the database that looks like an artifact's id: 64 hex digits, other hashes among them."""
    found: set[str] = set()
    for table in METADATA.sorted_tables:
        rows = tx.connection().execution_options(yield_per=_AT_ONCE).execute(select(table))
        for row in rows:
            found.update(_ID.findall(repr(tuple(row))))
    return found


def ids_in(text: str) -> set[str]:
    """The same of a text: what a job's files name."""
    return set(_ID.findall(text))
