"""A recipe in words, for people: ``lora_encoder`` and a seed tell a manager nothing. The one place that says them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_RUNGS = {
    "majority": "most frequent answer",
    "tfidf": "word counts",
    "frozen": "frozen encoder",
    "lora_encoder": "LoRA encoder",
    "lora_causal": "LoRA chat model",
    "full": "all weights",
}


def in_words(rung: str, recipe: Mapping[str, Any], facts: Mapping[str, Any]) -> str:
    """``LoRA encoder, rate 0.001, rank 16, 2 epochs, best of 3 recipes``, without what is not known.

    ``recipe`` is the one that went to the end, as it is kept; ``facts`` what its training said: the rate it ended with,
    and how many recipes ``raced``. A rung of somebody else's is told by its name.
    """
    settings: Mapping[str, Any] = recipe.get("settings", {})
    raced = int(facts.get("raced", 1))
    rate, rank, epochs = facts.get("lr") or settings.get("lr"), settings.get("rank"), settings.get("epochs")
    parts = [
        _RUNGS.get(rung, rung.replace("_", " ")),
        f"rate {_plain(rate)}" if rate else "",
        f"rank {rank}" if rank else "",
        f"{epochs} {'epoch' if epochs == 1 else 'epochs'}" if epochs else "",
        f"C {_plain(settings['c'])}" if "c" in settings else "",
        f"best of {raced} recipes" if raced > 1 else "",
    ]
    return ", ".join(part for part in parts if part)


def _plain(number: float) -> str:
    """``0.00005``, not ``5e-05``; two figures are enough of a third."""
    return f"{float(f'{float(number):.2g}'):.8f}".rstrip("0").rstrip(".")
