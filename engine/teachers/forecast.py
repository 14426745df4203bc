"""Forecast what a pass of questions will cost before one of them is sent. The hard cap is the ledger's, not this.

Knows nothing of endpoints. A model's tokenizer is not here, so tokens are told from characters.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from engine.models.money import to_usd
from engine.rules.cost import TokenPrices
from engine.teachers.prices import cost_nano
from engine.teachers.replies import Question

CHARACTERS_A_TOKEN = 4.0  # of English with common tokenizers; other languages and code take more tokens
_PER_MESSAGE = 4  # tokens a chat template adds
_STOP = 1  # the token that ends a reply


@dataclass(frozen=True)
class Forecast:
    """Calls still to be paid, their tokens, and US dollars at a price; ``known`` rows are answered already."""

    calls: int
    known: int
    tokens_in: int
    tokens_out: int
    usd: float


def forecast(
    questions: Sequence[Question], known: Collection[str], *, outputs: Sequence[str], price: TokenPrices
) -> Forecast:
    """What the questions that have no paid reply (``known`` are keys) will cost.

    A reply is taken to be as long as nine in ten of ``outputs``, the answers that are possible or were seen.
    """
    asked = {one.key: one for one in questions if one.key not in known}
    fed = sum(_fed(question) for question in asked.values())
    said = len(asked) * _said(outputs)
    usd = to_usd(cost_nano(price, fed, 0, said)) if asked else 0.0
    return Forecast(len(asked), sum(one.key in known for one in questions), fed, said, usd)


def _fed(question: Question) -> int:
    return sum(_tokens(message["content"]) + _PER_MESSAGE for message in question.messages)


def _said(outputs: Sequence[str]) -> int:
    lengths = sorted(_tokens(text) for text in outputs) or [1]
    return lengths[min(math.ceil(0.9 * len(lengths)), len(lengths)) - 1] + _STOP


def _tokens(text: str) -> int:
    return max(math.ceil(len(text) / CHARACTERS_A_TOKEN), 1)
