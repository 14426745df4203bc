"""The judge of texts as a verdict tells it: who judged, how far people agree, what the order did. Decides nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

NEEDED = 100  # pairs people must compare (docs/rules.md 5)


@dataclass(frozen=True)
class Bench:
    """A judge's part of a record. ``opened``: its word on sealed pairs counted; else on dev pairs, proving nothing.

    ``unknown`` names whose family no name tells; ``rows`` are the judge's words on dev pairs against people's.
    """

    model: str
    simulated: bool
    opened: bool
    people: int
    kappa: float | None
    ac1: float | None
    slot_bias: float
    consistency: float
    length_controlled: float
    pairs: int
    unread: int
    unknown: tuple[str, ...]
    families: tuple[tuple[str, str], ...]
    rows: tuple[tuple[str, tuple[int, ...]], ...]

    @property
    def missing(self) -> int:
        """How many pairs people still have to compare."""
        return max(NEEDED - self.people, 0)


def bench(record: dict[str, Any]) -> Bench | None:
    """The judge of a record, none where answers are right or wrong."""
    judge: dict[str, Any] | None = record.get("judge")
    if not judge:
        return None
    part = judge["sealed"] or judge["dev"]
    families: dict[str, str] = judge["families"]
    words = ("candidate", "prompted", "neither")
    return Bench(
        model=judge["model"],
        simulated=judge["simulated"],
        opened=judge["sealed"] is not None,
        people=judge["people"],
        kappa=judge["kappa"],
        ac1=judge["ac1"],
        slot_bias=judge["swap"]["slot_bias"],
        consistency=judge["swap"]["consistency"],
        length_controlled=judge["length_controlled"],
        pairs=part["pairs"],
        unread=part["unread"],
        unknown=tuple(role for role, name in families.items() if not name),
        families=tuple(families.items()),
        rows=tuple((word, tuple(row)) for word, row in zip(words, judge["table"], strict=True)),
    )
