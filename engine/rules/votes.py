"""Count votes among the samples of one question (self-consistency, Wang et al. 2022). Knows nothing of models."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Vote:
    """What won: the place of its first sample (none where no sample was valid), and its share of all samples."""

    winner: int | None
    share: float


def majority(answers: Sequence[Hashable | None]) -> Vote:
    """Give the answer that most samples gave, in the order they were asked; ``None`` is an invalid one.

    An invalid sample has no vote and stays in the count that ``share`` is of. Of answers with as many votes the one
    that came first wins: samples of one question are exchangeable, so that is a fair draw, and the same each time.
    Raises ValueError for no samples.
    """
    if not answers:
        raise ValueError("answers is empty; a vote needs at least one sample")
    votes = Counter(answer for answer in answers if answer is not None)
    if not votes:
        return Vote(None, 0.0)
    most = max(votes.values())
    first = next(place for place, answer in enumerate(answers) if answer is not None and votes[answer] == most)
    return Vote(first, most / len(answers))
