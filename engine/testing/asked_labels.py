"""The labels a prompt asks for, as the simulated model reads them: bullets, or "one of: a, b or c"."""

from __future__ import annotations

import re

_LONGEST = 80  # characters of a label
_INPUT = re.compile(r"^(?:input|text|message|examples?):", re.IGNORECASE | re.MULTILINE)
_BULLET = re.compile(r"^\s*[-*•]\s+(.+?)\s*$", re.MULTILINE)
_LISTED = re.compile(
    r"\b(?:one of|labels?|class(?:es)?|categor(?:y|ies)|topics?|words?|with|as|into)\b"
    r"[^:\n.]{0,40}?(?::|\bone of\b)\s*([^\n.;:]+)"
    r"|\b(?:one of|as|into|with|whether it is)\s+([^\n.;:]+)",
    re.IGNORECASE,
)
_ELSE = re.compile(r",?\s*\b(?:and|with)?\s*nothing (?:else|more)\b", re.IGNORECASE)
_BETWEEN = re.compile(r"\s*(?:,\s*(?:or|and)\b|[,|/]|\bor\b|\band\b)\s*", re.IGNORECASE)


def asked_labels(prompt: str) -> list[str]:
    """The labels a prompt lists, in its order; empty where it lists none. What follows "Input:" is no prompt."""
    said = _ELSE.sub("", _INPUT.split(prompt, maxsplit=1)[0])
    bullets = [_bare(found) for found in _BULLET.findall(said)]
    if len(bullets) > 1:
        return bullets
    for found in _LISTED.finditer(said):
        names = [_bare(name) for name in _BETWEEN.split(found.group(1) or found.group(2))]
        if len(names) > 1 and all(0 < len(name) <= _LONGEST for name in names):
            return names
    return []


def _bare(name: str) -> str:
    return name.strip().strip("\"'`“”")
