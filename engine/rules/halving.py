"""Successive halving (Jamieson and Talwalkar 2016): all recipes learn a little, the best third goes on from there.

Pure; knows nothing of what a recipe is. ``share`` is always of the first recipe's steps, so all see as many rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

THIRD = 3


@dataclass(frozen=True)
class Round:
    """Up to which share of the steps the recipes still in it learn, and how many go on."""

    share: float
    kept: int


def rounds(recipes: int) -> list[Round]:
    """The rounds before one is left, each three times as long as the one before; none for one recipe."""
    left, counts = recipes, list[int]()
    while left > 1:
        left = max(1, round(left / THIRD))
        counts.append(left)
    return [Round(1 / (2 * THIRD ** (len(counts) - place)), kept) for place, kept in enumerate(counts)]


def work(recipes: int) -> float:
    """How many whole trainings all of it takes: 1 for one recipe, 1.33 for three, 1.61 for eight."""
    done, left, total = 0.0, recipes, 0.0
    for one in rounds(recipes):
        total += left * (one.share - done)
        done, left = one.share, one.kept
    return total + 1.0 - done


def best(losses: Sequence[float | None], kept: int) -> list[int]:
    """Places of the recipes that go on, in their order: the lowest losses, the earlier of equals; none is the worst."""
    order = sorted(range(len(losses)), key=lambda place: (losses[place] is None, losses[place] or 0.0, place))
    return sorted(order[:kept])
