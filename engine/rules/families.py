"""Tell from a model's name whose family it is of: a judge prefers texts of its own family.

Knows nothing of endpoints. What no rule here names is unknown, never different.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_FAMILIES: Mapping[str, tuple[str, ...]] = {
    "Anthropic": ("claude",),
    "Cohere": ("command", "aya"),
    "DeepSeek": ("deepseek",),
    "Google": ("gemini", "gemma"),
    "IBM": ("granite",),
    "Meta": ("llama", "codellama"),
    "Microsoft": ("phi",),
    "Mistral": ("mistral", "mixtral", "ministral", "magistral", "codestral"),
    "OpenAI": ("gpt", "chatgpt", "o1", "o3", "o4"),
    "Qwen": ("qwen", "qwq"),
    "SmolLM": ("smollm",),
    "xAI": ("grok",),
}
_SIMULATED = re.compile(r"simulated-([a-z]+)")
_WORD = re.compile(r"[a-z]+|\d+")


def family(model: str) -> str:
    """Give the family a model's name tells of, as ``OpenAI``; "" where it tells none.

    The last part of a path counts (``meta-llama/Llama-3.1-8B`` is Meta's). ``simulated-judge-1`` is a family apart.
    """
    name = model.casefold().rsplit("/", 1)[-1]
    simulated = _SIMULATED.match(name)
    if simulated:
        return f"simulated {simulated[1]}"
    first = _first(name)
    return next((owner for owner, stems in _FAMILIES.items() if first in stems), "")


def _first(name: str) -> str:
    """The first word of a name, with its number where the word is the letter o alone (``o3-mini``)."""
    parts = _WORD.findall(name)
    if not parts:
        return ""
    return "".join(parts[:2]) if parts[0] == "o" else parts[0]
