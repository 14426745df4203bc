"""One label of a closed list. Reads a reply as a label, whoever gave it; knows nothing of models or prompts."""

from __future__ import annotations

import difflib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, cast

from engine.approaches import Parsed, Task, Unfit
from engine.approaches.whole import Whole
from engine.rules.metrics import classification

_QUOTES = "\"'`“”‘’«»„"  # what models put around a label
CLASSES_MOST = 200
_LONGEST = 4096  # characters; a longer reply is no label, and is not searched for one


class Classify(Whole):
    """The answer is one of ``task.classes``; case, outer space, quotes and a full stop are forgiven."""

    margin = 0.02  # two points of accuracy
    metric = "accuracy"
    has_rationale = False
    has_rejected = False
    is_partial = False

    def wrong(self, classes: Sequence[str], schema: Mapping[str, Any] | None) -> dict[str, str]:  # noqa: ARG002 (has none)
        """A list of 2 to 200 different labels is needed."""
        count = len(set(classes))
        if not count:
            return {"labels": "labels is missing"}
        if 1 < count <= CLASSES_MOST:
            return {}
        different = f"{count} different label{'' if count == 1 else 's'}"
        return {"labels": f"labels names {different}; 2 to {CLASSES_MOST} are needed"}

    def label(self, value: object, task: Task, *, feature: str = "") -> str:
        """The label in its exact spelling; ``{"label": …}`` is accepted, and a whole number is read as its digits."""
        if isinstance(value, dict):
            said = cast("dict[str, object]", value).get("label")
        else:
            said = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
        if not isinstance(said, str):
            raise Unfit("output is missing" if said is None else "output is not text")
        spelled = {name.strip().casefold(): name for name in task.classes}
        label = spelled.get(said.strip().casefold())
        if label is None:
            near = difflib.get_close_matches(said.strip().casefold()[:100], spelled, n=1, cutoff=0.0)
            of = f" of {feature}" if feature else ""
            raise Unfit(f'label "{said[:40]}" is not one of the {len(spelled)}{of}; nearest: "{spelled[near[0]]}"')
        return label

    def texts(self, label: str) -> list[str]:  # noqa: ARG002 (a label of a closed list is no secret)
        """None."""
        return []

    def control(self, labels: Sequence[str], task: Task) -> str:
        """The most frequent label; ties go to the one listed first."""
        counts = Counter(labels)
        return max(task.classes, key=lambda name: counts[name])

    def parse(self, text: str, task: Task) -> Parsed:
        """The label in its exact spelling, or the raw text as invalid. ``{"label": …}`` is accepted too."""
        spelled = {_plain(name): name for name in task.classes}
        for said in (text, _inside(text)):
            label = spelled.get(_plain(said)) if said else None
            if label is not None:
                return Parsed(output=label, valid=True)
        return Parsed(output=text, valid=False)

    def grade(self, expected: str, got: Parsed, task: Task) -> float:  # noqa: ARG002 (labels are compared as they are)
        """1 for the expected label, 0 for another or for an invalid answer."""
        return 1.0 if got.valid and got.output == expected else 0.0

    def quality(self, expected: Sequence[str], got: Sequence[Parsed], task: Task) -> dict[str, float]:  # noqa: ARG002
        """``primary`` and ``accuracy`` (share right) and ``macro_f1``; an invalid answer is wrong and no class."""
        scored = classification(expected, [said.output if said.valid else None for said in got])
        return {"primary": scored.accuracy, "accuracy": scored.accuracy, "macro_f1": scored.macro_f1}

    def said(self, task: Task) -> str:
        """``one of the 15 labels``."""
        return f"one of the {len(task.classes)} labels"


def _plain(text: str) -> str:
    bare = text.strip() if len(text) <= _LONGEST else ""
    return bare.strip(_QUOTES).strip().removesuffix(".").strip(_QUOTES).strip().casefold()


def _inside(text: str) -> str:
    if not text.lstrip().startswith("{") or len(text) > _LONGEST:
        return ""
    try:
        reply: object = json.loads(text)
    except (ValueError, RecursionError):
        return ""
    label: object = reply.get("label", "") if isinstance(reply, dict) else ""  # pyright: ignore[reportUnknownVariableType] # JSON
    return label if isinstance(label, str) else ""
