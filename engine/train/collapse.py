"""Is a classifier answering too few classes? Pure; looks at dev answers and knows nothing of how they were made."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from engine.rules.metrics import classification

ENTROPY_LEAST = 0.5  # of the labels' entropy
SHARE_MOST = 1.15  # times the share that class has in train
NOISE = 3.0  # standard deviations by which the share must pass that: a dev part of 100 rows alone sways it by 1.15


@dataclass(frozen=True)
class Look:
    """Dev quality after an epoch, and what looks wrong: "" or a sentence part."""

    accuracy: float
    macro_f1: float
    alarm: str = ""


def look(
    wanted: Sequence[int], answered: Sequence[int], *, train: Sequence[int], frozen_f1: float | None = None
) -> Look:
    """Judge dev answers (class numbers). ``frozen_f1`` is given after the last epoch, when falling below it counts.

    The three signs are docs/engine.md's, the share's beyond what chance does to a part of this size.
    """
    scored = classification(wanted, answered)
    alarm = _few_classes(wanted, answered) or _top_share(answered, train)
    if not alarm and frozen_f1 is not None and scored.macro_f1 < frozen_f1:
        alarm = f"macro-F1 {scored.macro_f1:.3f} is below {frozen_f1:.3f} of the frozen head it started from"
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
