"""Assay's own simulated judge: prefers the text more like the one a person wrote, with a pull to the first place.

It answers on the simulated model's server under names that begin with "simulated-judge", and judges nothing real.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engine.rules.judged import FIRST, SECOND, TIE
from engine.rules.likeness import likeness

NAME = "simulated-judge"
MODEL = "simulated-judge-1"
_ASKED = re.compile(r"<<<BRIEF>>>\n(.*)\n<<<A>>>\n(.*)\n<<<B>>>\n(.*)\n<<<END>>>", re.DOTALL)
_EVEN = 0.02  # a smaller difference in likeness is none


@dataclass(frozen=True)
class SimulatedJudge:
    """``truth`` maps briefs to what a person wrote; on a ``pull`` of all questions the first place wins whatever it is.

    ``contrary`` judges the other way about on that share of briefs, in both orders.
    """

    truth: Mapping[str, str]
    pull: float = 0.0
    contrary: float = 0.0

    def answer(self, messages: Sequence[Mapping[str, str]]) -> str:
        """A, B or tie; what is no pair of texts is a tie."""
        asked = _ASKED.search(messages[-1]["content"])
        if asked is None:
            return TIE
        brief, first, second = asked.groups()
        if _share(f"pull {first} {second}") < self.pull:
            return FIRST
        wanted = self.truth.get(brief, "")
        lead = likeness(wanted, first) - likeness(wanted, second)
        if abs(lead) < _EVEN:
            return TIE
        lead = -lead if _share(f"contrary {brief}") < self.contrary else lead
        return FIRST if lead > 0.0 else SECOND


def _share(text: str) -> float:
    """A number in [0, 1) that depends on the text alone."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") / 2**64
