"""A final answer after however much thought. Reads the last answer of a reply; knows nothing of models or prompts."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from engine.approaches import Parsed, Task, Unfit
from engine.approaches.whole import Whole

ANSWER_MOST = 200  # characters; what is longer is no final answer
_SEARCHED = 32_768  # characters of a reply, from its end
_MARKED = re.compile(
    r"####[ \t]*([^\n]+)|\\boxed\{([^{}\n]*)\}"
    r"|\banswer(?:[ \t]+is)?(?:[*_ \t]*[:=]|[ \t])[*_ \t]*((?!is[*_ \t]*[:=]?[*_ \t]*$)[^*_ \t\n][^\n]*)"
    r"|\banswer(?:[ \t]+is)?[*_ \t]*[:=][*_ \t]*(\s*)\Z",  # "**Answer:** 17" too; nothing after it is no answer
    re.IGNORECASE | re.MULTILINE,
)
_OUTER = "\"'`“”‘’«»„*_$ \t\r\n"  # what models put around an answer
_GROUPED = re.compile(r"[-+]?\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_CURRENCY = "$€£¥"


class Reason(Whole):
    """The answer is a number or a short text: numbers are compared as numbers, texts by their folded letters."""

    margin = 0.02  # two points of exact answers
    metric = "exact_answers"
    has_rationale = True
    has_rejected = False
    is_partial = False

    def wrong(self, classes: Sequence[str], schema: Mapping[str, Any] | None) -> dict[str, str]:  # noqa: ARG002 (asks for none)
        """Nothing more is needed."""
        return {}

    def label(self, value: object, task: Task, *, feature: str = "") -> str:  # noqa: ARG002 (any answer is allowed)
        """The final answer, a number in its plainest form."""
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise Unfit("output is missing" if value is None else "output is neither text nor a number")
        said = _plain(str(value))
        if not said:
            raise Unfit("output is empty")
        if len(said) > ANSWER_MOST:
            raise Unfit(f"output has {len(said):,} characters; a final answer has at most {ANSWER_MOST}")
        return said

    def texts(self, label: str) -> list[str]:
        """The answer, where it is no number: a number that was worked out is nobody's."""
        return [] if _number(label) else [label]

    def control(self, labels: Sequence[str], task: Task) -> str:  # noqa: ARG002 (answers are counted)
        """The most frequent answer; ties go to the first one seen."""
        return Counter(labels).most_common(1)[0][0]

    def parse(self, text: str, task: Task) -> Parsed:  # noqa: ARG002 (any answer is allowed)
        """What stands after the last ``Answer:``, ``####`` or in the last box; else a short last line."""
        said = _plain(_last(text[-_SEARCHED:]))
        if not said or len(said) > ANSWER_MOST or "\0" in said:
            return Parsed(output=text, valid=False)
        return Parsed(output=said, valid=True)

    def grade(self, expected: str, got: Parsed, task: Task) -> float:  # noqa: ARG002 (compared in one way)
        """1 for the same number or the same text, else 0."""
        return float(got.valid and _folded(expected) == _folded(got.output))

    def quality(self, expected: Sequence[str], got: Sequence[Parsed], task: Task) -> dict[str, float]:
        """``primary`` and ``exact``: the share of answers that are right."""
        right = sum(self.grade(want, said, task) for want, said in zip(expected, got, strict=True)) / len(expected)
        return {"primary": right, "exact": right}

    def said(self, task: Task) -> str:  # noqa: ARG002 (the same for all)
        """``a final answer``."""
        return "a final answer"


def _last(text: str) -> str:
    found = list(_MARKED.finditer(text))
    if found:
        return next(group for group in found[-1].groups() if group is not None)
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ""


def _plain(text: str) -> str:
    bare = " ".join(unicodedata.normalize("NFKC", text).split()).strip(_OUTER).removesuffix(".").strip(_OUTER)
    return _number(bare) or bare


def _number(text: str) -> str:
    """The plainest way to write a number (``17`` for ``$17.00``), "" for what is none."""
    bare = text.lstrip(_CURRENCY).strip()
    if _GROUPED.fullmatch(bare):
        bare = bare.replace(",", "")
    try:
        number = Decimal(bare)
    except InvalidOperation:
        return ""
    if not number.is_finite() or abs(number.adjusted()) > 30:
        return ""
    plain = f"{number:f}"  # not normalize(), which rounds to 28 digits
    plain = plain.rstrip("0").rstrip(".") if "." in plain else plain
    return "0" if plain == "-0" else plain


def _folded(text: str) -> str:
    return _number(text) or " ".join(unicodedata.normalize("NFKC", text).casefold().split())
