"""Renew an eval little by little: which sealed rows stay as the anchor, which leave for new ones, which are spent.

Knows nothing of labels or ledgers; rows are told by their id, age, and how many looks have opened them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from engine.rules import checks
from engine.rules.bucket import bucket

ANCHOR_ROWS = 150  # never leave, so that scores of two versions can be compared (docs/rules.md 8)
LEAVE_SHARE = 0.10  # of an eval, at each refresh
LOOKS_MOST = 3


@dataclass(frozen=True)
class SealedRow:
    """A sealed row: its id, its cluster, the label version it came with, and the looks that opened it."""

    id: int
    cluster: str
    added_in: int
    looks: int
    is_anchor: bool = False


@dataclass(frozen=True)
class Refresh:
    """Ids of rows that are spent, that leave, and that are the anchor; ``worn`` looks opened the most worn row left."""

    spent: tuple[int, ...]
    left: tuple[int, ...]
    anchor: tuple[int, ...]
    worn: int


def refresh(rows: Sequence[SealedRow], came: int, salt: str) -> Refresh:
    """Say what becomes of an eval's rows when ``came`` of them are new.

    Rows that three looks opened are spent. Of the others the oldest tenth leaves, never more than came, and never a row
    of the anchor: the first 150 rows by a draw of the salt, which stay the anchor for ever, spent or not.
    Raises ValueError for no rows, a salt of "" or a broken count.
    """
    if not rows or not salt:
        raise ValueError(f"rows are {len(rows)} and salt is {salt!r}; neither may be empty")
    fresh = checks.count("came", came)
    anchor = tuple(row.id for row in rows if row.is_anchor) or _drawn(rows, salt)
    kept = set(anchor)
    spent = tuple(row.id for row in rows if row.looks >= LOOKS_MOST)
    open_rows = [row for row in rows if row.looks < LOOKS_MOST]
    may_leave = sorted((row for row in open_rows if row.looks and row.id not in kept), key=lambda row: _age(row, salt))
    most = min(math.floor(LEAVE_SHARE * len(rows)), fresh, len(may_leave))
    left = tuple(row.id for row in may_leave[:most])
    worn = max((row.looks for row in open_rows if row.id not in left), default=0)
    return Refresh(spent, left, anchor, worn)


def _drawn(rows: Sequence[SealedRow], salt: str) -> tuple[int, ...]:
    """The anchor of a first refresh: rows that looks have opened, by a draw nobody chose."""
    looked = sorted((row for row in rows if row.looks), key=lambda row: (bucket(f"{salt}/anchor", row.cluster), row.id))
    return tuple(row.id for row in looked[:ANCHOR_ROWS])


def _age(row: SealedRow, salt: str) -> tuple[int, float, int]:
    return row.added_in, bucket(f"{salt}/leave", row.cluster), row.id
