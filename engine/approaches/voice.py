"""A text in the team's own voice. Reads a reply as a whole and holds it to the team's rules; knows nothing of judges.

Nothing here says which of two texts is better: a judge and people do, on pairs. The grade is likeness to the text a
person wrote; it serves to choose what goes on to the pairs, never to decide.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from engine.approaches import Parsed, Task, Unfit
from engine.approaches.whole import Whole
from engine.rules.likeness import likeness

LONGEST = 16_384  # characters; what is longer is no text for a person
_COMPARED = 64  # texts that every text is compared with to find the one most like all
_WORD = re.compile(r"\w+")


class Voice(Whole):
    """The answer is a text that holds none of ``task.banned`` and has at most ``task.words_most`` words (0: any)."""

    margin = 0.05  # five points of the win rate
    metric = "win_rate"
    is_partial = True
    has_rationale = False
    has_rejected = True

    def wrong(self, classes: Sequence[str], schema: Mapping[str, Any] | None) -> dict[str, str]:  # noqa: ARG002 (asks for none)
        """Nothing more is needed: the judge is named in the settings."""
        return {}

    def label(self, value: object, task: Task, *, feature: str = "") -> str:  # noqa: ARG002 (the rules are for answers)
        """The text a person would send, without the space around it."""
        if not isinstance(value, str):
            raise Unfit("output is missing" if value is None else "output is not text")
        said = value.strip()
        if not said:
            raise Unfit("output is empty")
        if len(said) > LONGEST:
            raise Unfit(f"output has {len(said):,} characters; a text has at most {LONGEST:,}")
        return said

    def texts(self, label: str) -> list[str]:
        """The whole text."""
        return [label]

    def control(self, labels: Sequence[str], task: Task) -> str:  # noqa: ARG002 (texts are compared as they are)
        """The text most like the others: one answer to every brief."""
        counts = Counter(labels)
        drawn = sorted(counts, key=lambda text: (-counts[text], text))
        others = drawn[:: max(len(drawn) // _COMPARED, 1)][:_COMPARED]
        return max(others, key=lambda text: sum(likeness(other, text) * counts[other] for other in others))

    def parse(self, text: str, task: Task) -> Parsed:
        """The text without the space around it; invalid where it is empty, too long, or breaks the team's rules."""
        said = text.strip()
        is_text = bool(said) and len(said) <= LONGEST and "\0" not in said
        return (
            Parsed(output=said, valid=True) if is_text and not broken(said, task) else Parsed(output=text, valid=False)
        )

    def grade(self, expected: str, got: Parsed, task: Task) -> float:  # noqa: ARG002 (compared in one way)
        """How like the text is to the one a person wrote; 0 for an invalid one."""
        return likeness(expected, got.output) if got.valid else 0.0

    def quality(self, expected: Sequence[str], got: Sequence[Parsed], task: Task) -> dict[str, float]:
        """``primary`` and ``likeness``: the mean grade. What a verdict is made of is not here."""
        grades = [self.grade(want, said, task) for want, said in zip(expected, got, strict=True)]
        mean = sum(grades) / len(grades)
        return {"primary": mean, "likeness": mean}

    def said(self, task: Task) -> str:  # noqa: ARG002 (the same for all)
        """``a text that keeps to the rules``."""
        return "a text that keeps to the rules"


def broken(text: str, task: Task) -> str:
    """Which of the team's rules a text breaks, "" for none: a banned word or phrase, in any case, or too many words."""
    words = _words(text)
    for banned in task.banned:
        if f" {' '.join(_words(banned))} " in f" {' '.join(words)} ":
            return f"it says {banned}"
    if task.words_most and len(words) > task.words_most:
        return f"it has {len(words):,} words; {task.words_most:,} are allowed"
    return ""


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())
