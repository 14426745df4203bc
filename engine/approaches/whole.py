"""What approaches share whose answer is one text: it has no parts, and each row is graded by itself."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Protocol

from engine.approaches import Parsed, Task
from engine.rules.metrics import Extraction
from engine.rules.paired import Paired, compared


class _Grading(Protocol):
    def grade(self, expected: str, got: Parsed, task: Task) -> float: ...


class Whole:
    """A label, a final answer or a text. Documents (extract) are compared by their fields instead."""

    def with_texts(self, label: str, texts: Sequence[str]) -> str:
        """The text as it is given; the label where none was taken."""
        return texts[0] if texts else label

    def told(self, label: str) -> object:
        """The text."""
        return label

    def fields(self, expected: Sequence[str], got: Sequence[Parsed], task: Task) -> dict[str, Extraction]:  # noqa: ARG002
        """None."""
        return {}

    def paired(
        self: _Grading,
        expected: Sequence[str],
        ours: Sequence[Parsed],
        theirs: Sequence[Parsed],
        task: Task,
        *,
        groups: Sequence[Hashable],
        level: float,
    ) -> Paired:
        """The difference in grades, row by row."""
        mine, other = (
            [self.grade(want, one, task) for want, one in zip(expected, side, strict=True)] for side in (ours, theirs)
        )
        return compared(mine, other, groups, level=level)
