"""Find prompts in captured texts by how they begin, and say how much their mix moved. Knows nothing of features.

The rule: numbers and marks like [EMAIL_1] are masked; texts that begin with the same four words may share a prompt; a
group of at least 5 texts and 2 % of all is one, and its text is what all of the group begin with.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

KEY_WORDS = 4
SHOWN_WORDS = 24
LEAST, LEAST_SHARE = 5, 0.02

_MASKED = re.compile(r"\[[A-Z]+_\d+\]|\d+(?:[.,:/-]\d+)*")
_MASK = "#"


@dataclass(frozen=True)
class Text:
    """One captured text and the UTC day of its call, as ``2026-10-03``."""

    day: str
    text: str


@dataclass(frozen=True)
class Opening:
    """A prompt by its first words: how many of the texts begin so, which share that is, and the days it was seen.

    ``size`` is its share of all characters, which is nearer to its share of the cost.
    """

    text: str
    count: int
    share: float
    size: float
    first: str
    last: str


def openings(texts: Sequence[Text]) -> list[Opening]:
    """The prompts that the texts begin with, the most frequent first; none where each begins in its own way."""
    groups: dict[tuple[str, ...], list[Text]] = {}
    for one in texts:
        groups.setdefault(tuple(_words(one.text)[:KEY_WORDS]), []).append(one)
    least = max(LEAST, LEAST_SHARE * len(texts))
    found = [_opening(group, texts) for key, group in groups.items() if len(key) == KEY_WORDS and len(group) >= least]
    return sorted(found, key=lambda one: (-one.count, one.text))


def moved(texts: Sequence[Text]) -> float | None:
    """How far the mix of prompts moved from the older half of the days to the newer one, 0 to 1; none for under 2 days.

    It is the total variation distance: the share of texts that would have to begin differently.
    """
    days = sorted({one.day for one in texts})
    if len(days) < 2:
        return None
    middle = days[len(days) // 2]
    known = {tuple(_words(one.text)[:KEY_WORDS]) for one in openings(texts)}
    older, newer = (_mix([one for one in texts if (one.day >= middle) is side], known) for side in (False, True))
    return sum(abs(older.get(key, 0.0) - newer.get(key, 0.0)) for key in {*older, *newer}) / 2


def _words(text: str) -> list[str]:
    return _MASKED.sub(_MASK, text[:2000]).split()[:SHOWN_WORDS]


def begins(text: str, opening: str) -> bool:
    """Whether a text begins with an opening's words; numbers in either are as good as any."""
    wanted = _words(opening)
    return _words(text)[: len(wanted)] == wanted


def plain(opening: str) -> str:
    """An opening up to its first mask: what a person would type to name the prompt."""
    return " ".join(takewhile(lambda word: _MASK not in word, opening.split()))


def _opening(group: Sequence[Text], texts: Sequence[Text]) -> Opening:
    places = zip(*(_words(one.text) for one in group), strict=False)
    shared = [words[0] for words in takewhile(lambda words: len(set(words)) == 1, places)]
    days = [one.day for one in group]
    size = sum(len(one.text) for one in group) / sum(len(one.text) for one in texts)
    return Opening(" ".join(shared), len(group), len(group) / len(texts), size, min(days), max(days))


def _mix(texts: Sequence[Text], known: set[tuple[str, ...]]) -> dict[tuple[str, ...], float]:
    keys = Counter(key if key in known else () for key in (tuple(_words(one.text)[:KEY_WORDS]) for one in texts))
    return {key: count / len(texts) for key, count in keys.items()}
