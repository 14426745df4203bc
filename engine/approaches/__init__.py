"""What a task is: how a call is framed, how an answer is parsed and graded. One file per approach."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, kw_only=True)
class Task:
    """What a contender must know of a feature: its approach and, for classify, the closed list of labels."""

    approach: str
    classes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Parsed:
    """An answer as the approach reads it. ``output`` is canonical when ``valid``, the raw text otherwise."""

    output: str
    valid: bool


class Approach(Protocol):
    """One kind of task."""

    def parse(self, text: str, task: Task) -> Parsed:
        """Read a contender's reply; never raises."""
        ...

    def grade(self, expected: str, got: Parsed) -> float:
        """0..1; equal is 1, invalid is 0."""
        ...

    def quality(self, expected: Sequence[str], got: Sequence[Parsed]) -> dict[str, float]:
        """Metrics over rows: ``primary`` and whatever the approach reports beside it (classify: ``macro_f1``)."""
        ...
