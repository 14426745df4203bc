"""A training that went wrong is begun again once, at a third of the rate. Survives a kill between the two."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TypeVar

from engine.errors import Diverged
from engine.train.checkpoint import Checkpoints

LOWERED = 3.0


class Alarmed(Protocol):
    """What an attempt gives: ``alarm`` is "" when nothing looks wrong."""

    @property
    def alarm(self) -> str:
        """What looked wrong last."""
        ...


T = TypeVar("T", bound=Alarmed)


def tried(scratch: Path, rate: float, attempt: Callable[[float], T]) -> tuple[T, float]:
    """The attempt that counts, and its learning rate. Raises ``Diverged`` when the second diverges too."""
    mark = scratch / "lowered"
    if not mark.exists():
        try:
            found = attempt(rate)
        except Diverged:
            found = None
        if found is not None and not found.alarm:
            return found, rate
        Checkpoints(scratch, 1).forget()  # first: killed in between, it is not gone on from what went wrong
        mark.touch()
    return attempt(rate / LOWERED), rate / LOWERED
