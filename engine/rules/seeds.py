"""How far a score hangs on chance: the same recipe trained with several seeds. Chooses none of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.rules import checks


@dataclass(frozen=True)
class OverSeeds:
    """A score over seeds, as fractions: mean, lowest, highest. Of three a standard deviation would tell too little."""

    mean: float
    low: float
    high: float


def over_seeds(scores: Sequence[float | None]) -> OverSeeds | None:
    """Give the spread of the scores there are; none for fewer than two. Raises ValueError outside [0, 1]."""
    known = [checks.share("score", one) for one in scores if one is not None]
    if len(known) < 2:
        return None
    return OverSeeds(sum(known) / len(known), min(known), max(known))


def hangs(findings: Sequence[str]) -> bool:
    """Tell whether the seeds would be found differently, so that the verdict hangs on chance; "" says nothing."""
    return len({one for one in findings if one}) > 1
