"""Forecast what a pass of questions will cost before all of them are sent. The hard cap is the ledger's, not this.

Knows nothing of endpoints. A model's tokenizer is not here: tokens are told from characters until replies say more.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engine.models.investigation import PaidReply
from engine.models.money import to_usd
from engine.rules.cost import TokenPrices
from engine.teachers.prices import cost_nano
from engine.teachers.replies import Question

PROBES = 20  # replies from which a quote is measured, and no guess (docs/engine.md)
CHARACTERS_A_TOKEN = 4.0  # of English with common tokenizers; other languages and code take more tokens
_PER_MESSAGE = 4  # tokens a chat template adds
_STOP = 1  # the token that ends a reply
_LONG = 0.9  # a reply is taken to be as long as nine in ten are


@dataclass(frozen=True)
class Probed:
    """What ``replies`` paid replies said: tokens fed for each one told from characters, and tokens of a long reply."""

    fed: float
    said: int
    replies: int


@dataclass(frozen=True)
class Forecast:
    """Calls still to be paid, their tokens, and US dollars at a price; ``known`` rows are answered already.

    ``probes`` counts the replies it was measured by, 0 where tokens are told from characters.
    """

    calls: int
    known: int
    tokens_in: int
    tokens_out: int
    usd: float
    probes: int = 0


def probed(questions: Sequence[Question], known: Mapping[str, PaidReply]) -> Probed | None:
    """What the replies to these questions say of the others; none for fewer than ``PROBES``."""
    asked = [one for one in {one.key: one for one in questions}.values() if one.key in known]
    if len(asked) < PROBES:
        return None
    replies = [known[one.key] for one in asked]
    fed = sum(reply.tokens_in for reply in replies) / sum(_fed(question) for question in asked)
    return Probed(fed=fed, said=_long([reply.tokens_out for reply in replies]), replies=len(replies))


def forecast(
    questions: Sequence[Question],
    known: Mapping[str, PaidReply],
    *,
    outputs: Sequence[str],
    price: TokenPrices,
    by: Probed | None = None,
) -> Forecast:
    """What the questions that have no paid reply (``known``, by key) will cost.

    A reply is taken to be as long as nine in ten: of the replies there are (or those of ``by``, another prompt's of the
    same model), else of ``outputs``, the answers that are possible or were seen.
    """
    measured = probed(questions, known) or by
    asked = {one.key: one for one in questions if one.key not in known}
    fed = round(sum(_fed(question) for question in asked.values()) * (measured.fed if measured else 1.0))
    each = measured.said if measured else _long([_tokens(text) for text in outputs]) + _STOP
    usd = to_usd(cost_nano(price, fed, 0, len(asked) * each)) if asked else 0.0
    return Forecast(
        calls=len(asked),
        known=sum(one.key in known for one in questions),
        tokens_in=fed,
        tokens_out=len(asked) * each,
        usd=usd,
        probes=measured.replies if measured else 0,
    )


def _fed(question: Question) -> int:
    return sum(_tokens(message["content"]) + _PER_MESSAGE for message in question.messages)


def _long(lengths: Sequence[int]) -> int:
    ordered = sorted(lengths) or [1]
    return ordered[min(math.ceil(_LONG * len(ordered)), len(ordered)) - 1]


def _tokens(text: str) -> int:
    return max(math.ceil(len(text) / CHARACTERS_A_TOKEN), 1)
