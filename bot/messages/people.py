"""What a month says of its labels: how far two people agree on one text, and whether old labels still hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Flip:
    """Rows whose label two people changed, from one class to another; "" where labels are written."""

    was: str
    now: str
    rows: int


@dataclass(frozen=True)
class Again:
    """Old labels asked for again on a day: the share a person agreed on, with its interval, and those that changed.

    ``moved``: surely too few hold.
    """

    rows: int
    agreed: float | None
    low: float | None
    high: float | None
    flips: tuple[Flip, ...]
    moved: bool
    asked: str


@dataclass(frozen=True)
class People:
    """Texts that two people labelled, blind: ``too_low`` is none while they are under ``least``, too few to say."""

    rows: int
    least: int
    kappa: float | None
    low: float | None
    high: float | None
    too_low: bool | None
    again: Again | None

    @property
    def is_alarm(self) -> bool:
        """Whether somebody must look at the labels."""
        return bool(self.too_low or (self.again and self.again.moved))


def people(found: dict[str, Any] | None) -> People | None:
    """What a checkup knows of its labels, none where it knows nothing."""
    if not found:
        return None
    twice: dict[str, Any] = found["twice"]
    return People(
        **{name: twice[name] for name in ("rows", "least", "kappa", "low", "high", "too_low")},
        again=_again(found["again"]),
    )


def _again(found: dict[str, Any] | None) -> Again | None:
    if not found or not found["rows"]:
        return None
    flips = tuple(Flip(**one) for one in found["flips"])
    share, low, high = found["agreed"], found["low"], found["high"]
    return Again(found["rows"], share, low, high, flips, moved=bool(found["moved"]), asked=found["asked"])
