"""One label of a closed list. Reads a reply as a label, whoever gave it; knows nothing of models or prompts."""

from __future__ import annotations

import json
from collections.abc import Sequence

from engine.approaches import Parsed, Task
from engine.rules.metrics import classification

_QUOTES = "\"'`“”‘’«»„"  # what models put around a label
_LONGEST = 4096  # characters; a longer reply is no label, and is not searched for one


class Classify:
    """The answer is one of ``task.classes``; case, outer space, quotes and a full stop are forgiven."""

    def parse(self, text: str, task: Task) -> Parsed:
        """The label in its exact spelling, or the raw text as invalid. ``{"label": …}`` is accepted too."""
        spelled = {_plain(name): name for name in task.classes}
        for said in (text, _inside(text)):
            label = spelled.get(_plain(said)) if said else None
            if label is not None:
                return Parsed(output=label, valid=True)
        return Parsed(output=text, valid=False)

    def grade(self, expected: str, got: Parsed) -> float:
        """1 for the expected label, 0 for another or for an invalid answer."""
        return 1.0 if got.valid and got.output == expected else 0.0

    def quality(self, expected: Sequence[str], got: Sequence[Parsed]) -> dict[str, float]:
        """``primary`` and ``accuracy`` (share right) and ``macro_f1``; an invalid answer is wrong and no class."""
        scored = classification(expected, [said.output if said.valid else None for said in got])
        return {"primary": scored.accuracy, "accuracy": scored.accuracy, "macro_f1": scored.macro_f1}


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
