"""How far a candidate's figures hang on chance, as a verdict tells it: its recipe trained with several seeds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Over:
    """A score on dev over the seeds, as fractions."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class Seed:
    """One seed's figures on dev, as fractions; ``failed`` says why there are none.

    ``finding`` is what dev alone says beside prompting (better, not_worse, worse, unclear), "" where a judge says so.
    """

    number: int
    quality: float | None
    macro_f1: float | None
    exact: float | None
    finding: str
    alarm: str
    failed: str
    seconds: float


@dataclass(frozen=True)
class Seeds:
    """All seeds, the first of which went on; ``hangs`` where dev would find them differently.

    A score is none where fewer than two seeds have it.
    """

    lines: tuple[Seed, ...]
    quality: Over | None
    macro_f1: Over | None
    exact: Over | None
    hangs: bool

    @property
    def collapsed(self) -> int:
        """How many ended with an alarm."""
        return sum(bool(one.alarm) for one in self.lines)

    @property
    def failed(self) -> int:
        """How many gave no model."""
        return sum(bool(one.failed) for one in self.lines)


def seeds(record: dict[str, Any]) -> Seeds | None:
    """The seeds of a record; none where the candidate was trained once."""
    found: dict[str, Any] | None = record.get("seeds")
    if not found:
        return None
    return Seeds(
        lines=tuple(Seed(number=one["seed"], **{name: one[name] for name in _KEPT}) for one in found["lines"]),
        quality=_over(found["quality"]),
        macro_f1=_over(found["macro_f1"]),
        exact=_over(found["exact"]),
        hangs=found["hangs"],
    )


_KEPT = ("quality", "macro_f1", "exact", "finding", "alarm", "failed", "seconds")


def _over(found: dict[str, float] | None) -> Over | None:
    return Over(**found) if found else None
