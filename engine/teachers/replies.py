"""A question to a chat model and its reply, as values. The question's key is what it is remembered by."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any

Message = dict[str, str]

OUTPUT_LIMIT = 2048  # tokens of a reply where the baseline sets no limit: without one a worst case has no end
_LIMITS = ("max_completion_tokens", "max_tokens")
_OURS = ("n", "stream", "stream_options", "model", "messages")  # what we decide ourselves, whatever the baseline says
_OVERHEAD = 32  # tokens a chat template may add per message


@dataclass(frozen=True)
class Question:
    """Rendered messages for one model at one endpoint. ``parameters`` are what is sent beside them."""

    base_url: str
    model: str
    messages: tuple[Message, ...]
    parameters: dict[str, Any]
    sample: int = 0

    @cached_property
    def key(self) -> str:
        """The sha256 by which a paid reply is found again (docs/engine.md)."""
        body = [self.base_url, self.model, self.parameters, self.messages, self.sample]
        return hashlib.sha256(json.dumps(body, sort_keys=True, separators=(",", ":")).encode()).hexdigest()

    @property
    def input_tokens_most(self) -> int:
        """No tokenizer makes more tokens than the text has bytes."""
        return sum(len(message["content"].encode()) + _OVERHEAD for message in self.messages) + _OVERHEAD

    @property
    def output_tokens_most(self) -> int:
        """The limit that is sent along."""
        return max(int(self.parameters[name]) for name in _LIMITS if name in self.parameters)


@dataclass(frozen=True)
class Reply:
    """What came back. ``finish`` is the endpoint's word; tokens include cached ones; latency is milliseconds."""

    text: str
    finish: str
    refusal: bool
    tokens_in: int
    tokens_cached: int
    tokens_out: int
    latency_ms: float

    @property
    def is_answer(self) -> bool:
        """Whether it may be read as an answer: neither refused nor cut short."""
        return is_answer(self.finish, refusal=self.refusal)


def is_answer(finish: str, *, refusal: bool) -> bool:
    """Whether a reply of that finish may be read as an answer: neither refused nor cut short (docs/engine.md)."""
    return not refusal and finish not in ("content_filter", "length")


def sent_parameters(base_url: str, parameters: dict[str, Any]) -> dict[str, Any]:
    """A baseline's parameters as they are sent: one whole reply, and always a limit on its tokens."""
    sent = {name: value for name, value in parameters.items() if name not in _OURS}
    if not any(isinstance(sent.get(name), int) and sent[name] > 0 for name in _LIMITS):
        sent |= limit_on(base_url, OUTPUT_LIMIT)
    return sent


def limit_on(base_url: str, tokens: int) -> dict[str, int]:
    """The parameter that limits a reply at an endpoint."""
    # OpenAI's newer models refuse the old name, and servers of open models may not know the new one.
    return {_LIMITS[0] if ".openai." in base_url else _LIMITS[1]: tokens}
