"""Which approaches there are. Knows their names and nothing of what they do."""

from __future__ import annotations

import difflib

from engine.approaches import Approach
from engine.approaches.classify import Classify
from engine.approaches.extract import Extract
from engine.approaches.reason import Reason
from engine.approaches.voice import Voice
from engine.errors import Invalid

_APPROACHES: dict[str, Approach] = {
    "classify": Classify(),
    "extract": Extract(),
    "voice": Voice(),
    "reason": Reason(),
}


def approach_of(name: str) -> Approach:
    """The approach of that name. Raises ``Invalid`` naming the nearest one."""
    known = _APPROACHES.get(name)
    if known is None:
        nearest = (difflib.get_close_matches(name, _APPROACHES, n=1, cutoff=0.0) or [""])[0]
        raise Invalid(f'There is no approach "{name}".', hint=f"Nearest: {nearest}. Known: {', '.join(_APPROACHES)}.")
    return known


def approach_names() -> list[str]:
    """The names of all approaches."""
    return list(_APPROACHES)
