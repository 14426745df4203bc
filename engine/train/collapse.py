"""Is a classifier answering too few classes? Pure; looks at dev answers and knows nothing of how they were made."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from engine.rules.metrics import classification

ENTROPY_LEAST = 0.5  # of the labels' entropy
SHARE_MOST = 1.15  # times the share that class has in train
GROUPS = 200  # that rows are left out by when a fall is judged; fewer rows are left out one by one
NOISE = 3.0  # standard deviations by which a figure must pass its bound: 100 rows of dev alone sway a share by 1.15


@dataclass(frozen=True)
class Look:
    """Dev quality after an epoch, and what looks wrong: "" or a sentence part."""

    accuracy: float
    macro_f1: float
    alarm: str = ""


def look(
    wanted: Sequence[int], answered: Sequence[int], *, train: Sequence[int], frozen: Sequence[int] | None = None
) -> Look:
    """Judge dev answers (class numbers). ``frozen`` is given after the last epoch: what its first head answered.

    The three signs are docs/engine.md's, the last two beyond what chance does to a part of this size
    (docs/decisions/0040-an-alarm-is-no-coin-toss.md).
    """
    scored = classification(wanted, answered)
    alarm = _few_classes(wanted, answered) or _top_share(answered, train)
    if not alarm and frozen is not None:
        alarm = _below(wanted, frozen, answered)
    return Look(scored.accuracy, scored.macro_f1, alarm)


def entropy(numbers: Sequence[int]) -> float:
    """Of the class shares, in bits."""
    return -sum(count / len(numbers) * math.log2(count / len(numbers)) for count in Counter(numbers).values())


def _few_classes(wanted: Sequence[int], answered: Sequence[int]) -> str:
    have, least = entropy(answered), ENTROPY_LEAST * entropy(wanted)
    return f"the answers' entropy {have:.2f} is below half of the labels'" if have < least else ""


def _top_share(answered: Sequence[int], train: Sequence[int]) -> str:
    top, count = Counter(answered).most_common(1)[0]
    share = count / len(answered)
    usual = sum(1 for number in train if number == top) / len(train)
    most = min(1.0, SHARE_MOST * usual)
    allowed = most + NOISE * math.sqrt(most * (1 - most) / len(answered))
    return f"one class takes {share:.0%} of the answers, {usual:.0%} of train" if share > allowed else ""


def _below(wanted: Sequence[int], frozen: Sequence[int], answered: Sequence[int]) -> str:
    before, now = (classification(wanted, said).macro_f1 for said in (frozen, answered))
    if before - now <= NOISE * _fall_sd(list(zip(wanted, frozen, answered, strict=True))):
        return ""
    return f"macro-F1 {now:.3f} is surely below {before:.3f} of the frozen head it started from"


def _fall_sd(rows: list[tuple[int, int, int]]) -> float:
    """Jackknife of the paired fall in macro-F1 (Efron and Stein 1981), a group of rows left out at a time."""
    groups = min(len(rows), GROUPS)
    falls = [_fall([row for place, row in enumerate(rows) if place % groups != left]) for left in range(groups)]
    mean = sum(falls) / groups
    return math.sqrt(sum((fall - mean) ** 2 for fall in falls) * (groups - 1) / groups)


def _fall(rows: list[tuple[int, int, int]]) -> float:
    if not rows:
        return 0.0
    wanted, frozen, answered = zip(*rows, strict=True)
    return classification(wanted, frozen).macro_f1 - classification(wanted, answered).macro_f1
