"""Find labelled texts that a prompt shows to the model, and rows of one part that copy another.

Knows nothing of where prompts and labels are kept; a copy is what `seal.near_copies` says it is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from engine.rules import copies

_LEAST_WORDS = 3  # a shorter passage is an instruction or a label, and says nothing of where a row is from
_WORD = re.compile(r"\w+")
_NAMED = re.compile(r"^[^:\n]{1,30}:\s*")  # "Input: …", "Customer: …" before an example


def passages(prompt: str) -> tuple[str, ...]:
    """Cut a prompt into what could be an example: its paragraphs, its lines, and lines without their name in front.

    Passages of fewer than three words are left out; each is given once.
    """
    paragraphs = re.split(r"\n\s*\n", prompt)
    lines = [line.strip() for line in prompt.splitlines()]
    bare = [_NAMED.sub("", line) for line in lines]
    found = dict.fromkeys(part.strip() for part in (*paragraphs, *lines, *bare))
    return tuple(part for part in found if len(_WORD.findall(part)) >= _LEAST_WORDS)


def shown(prompt: str, texts: Sequence[str]) -> frozenset[int]:
    """Give the indexes of texts that a passage of the prompt copies, exactly or nearly."""
    return copying(texts, passages(prompt))


def copying(texts: Sequence[str], others: Sequence[str]) -> frozenset[int]:
    """Give the indexes of texts that copy one of ``others``, exactly or nearly; none where either is empty."""
    return frozenset(copy.other for copy in copies.closest(others, texts))
