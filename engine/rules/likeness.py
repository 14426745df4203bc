"""Measure how much of a text's wording another one shares: chrF (Popović 2015), without a model.

Knows nothing of meaning: it serves to choose among contenders, never to say that one is better.
"""

from __future__ import annotations

from collections import Counter

LONGEST_RUN = 6  # characters of the longest runs compared, and recall counts twice as much: both are Popović's
_RECALL = 2.0


def likeness(expected: str, got: str) -> float:
    """Give chrF2 of ``got`` against ``expected`` in [0, 1]: 1 for the same characters, spaces apart, 0 for none shared.

    The mean F-score over runs of 1 to 6 characters, as far as both texts hold runs of that length.
    """
    theirs, ours = "".join(expected.split()), "".join(got.split())
    if theirs == ours:
        return 1.0
    longest = min(LONGEST_RUN, len(theirs), len(ours))
    scores = [_f_score(theirs, ours, length) for length in range(1, longest + 1)]
    return sum(scores) / longest if longest else 0.0


def _f_score(theirs: str, ours: str, length: int) -> float:
    wanted, found = _runs(theirs, length), _runs(ours, length)
    shared = (wanted & found).total()
    if not shared:
        return 0.0
    precision, recall = shared / found.total(), shared / wanted.total()
    weight = _RECALL**2
    return (1.0 + weight) * precision * recall / (weight * precision + recall)


def _runs(text: str, length: int) -> Counter[str]:
    return Counter(text[start : start + length] for start in range(len(text) - length + 1))
