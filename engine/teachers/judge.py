"""What a judge model is shown: two texts for one brief, and the word it answers with. Asks nothing itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine.teachers import options
from engine.teachers.replies import limit_on

SHOTS = 3  # texts in the voice that is wanted, out of train
REPLY_TOKENS = 256  # room for a model that thinks aloud in a line before its word


def prompt(examples: Sequence[options.Example], seed: int) -> str:
    """The system message: what reads better means, with texts of ``examples``, which must be train rows."""
    drawn = [_bare(row.output) for row in options.shots(examples, seed)[:SHOTS]]
    return options.rendered("voice/judge.txt.j2", examples=drawn)


def shown(brief: str, first: str, second: str) -> str:
    """The user message: the brief and both texts between marks that none of them can hold."""
    return options.rendered("voice/pair.txt.j2", brief=_bare(brief), first=_bare(first), second=_bare(second))


def parameters(base_url: str) -> dict[str, Any]:
    """A limit on the reply; no temperature, since some models take none but their own."""
    return limit_on(base_url, REPLY_TOKENS)


def _bare(text: str) -> str:
    """A text without what would pass for one of our marks, or for the place of an input in a prompt."""
    return text.replace("<<<", "<< <").replace("{{", "{ {")
