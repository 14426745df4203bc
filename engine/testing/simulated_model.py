"""Assay's own simulated prompted model, OpenAI-compatible: right about seven times in ten, and says it is simulated.

Of texts it does not know it guesses: by their words among the labels it knows, else blindly among the prompt's.
It answers to names that begin with "simulated-" alone, so that its numbers can never pass for a real model's.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import math
import re
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from engine.models.feature import is_simulated
from engine.rules.redact import redact
from engine.testing.asked_labels import asked_labels
from engine.testing.simulated_judge import NAME as JUDGE
from engine.testing.simulated_judge import SimulatedJudge

ACCURACY = 0.70  # share of known inputs that are answered right
FEW_SHOT_GAIN = 0.02  # more of them with examples in the prompt
MODEL = "simulated-frontier-1"
_WORD = re.compile(r"\w+")
_TOKENS_PER_WORD = 4 / 3  # what an English word takes with common tokenizers


@dataclass
class Faults:
    """What the next requests meet; set over ``POST /faults``. ``times`` counts down, then all is well again."""

    status: int = 200
    times: int = 0
    garbage: bool = False
    slow_ms: float = 0.0
    retry_after: str = ""


@dataclass
class Seen:
    """Requests and whole replies per distinct list of messages (``digest``), over ``GET /seen``."""

    asked: Counter[str] = field(default_factory=Counter[str])
    answered: Counter[str] = field(default_factory=Counter[str])


class Guesser:
    """Answers: the known truth or a wrong label by hash of the input, and a guess for the unknown."""

    def __init__(self, truth: Mapping[str, str], accuracy: float) -> None:
        # Features store redacted texts, so those are asked about.
        self._truth = {redact(text).text: label for text, label in truth.items()} | dict(truth)
        self._labels = sorted(set(truth.values()))
        self._accuracy = accuracy
        self._words: dict[str, Counter[str]] = {label: Counter() for label in self._labels}
        for text, label in truth.items():
            self._words[label].update(_words(text))
        self._vocabulary = len({word for counts in self._words.values() for word in counts}) + 1

    def answer(self, messages: Sequence[Mapping[str, str]]) -> str:
        """The label this model gives."""
        asked = messages[-1]["content"]
        text = asked if asked in self._truth else self._inside(asked)
        if text not in self._truth:
            return self._guess(asked, asked_labels(messages[0]["content"]))
        right = self._truth[text]
        has_examples = any("Examples:" in message["content"] for message in messages)
        wrong = [label for label in self._labels if label != right]
        if not wrong or _share(text) < self._accuracy + FEW_SHOT_GAIN * has_examples:
            return right
        return wrong[int(_share(f"wrong {text}") * len(wrong))]

    def _inside(self, asked: str) -> str:
        """The known input that stands last in a rendered prompt; examples stand before it."""
        places = ((asked.rfind(text) + len(text), len(text), text) for text in self._truth if text and text in asked)
        return max(places, default=(0, 0, ""))[2]

    def _guess(self, text: str, among: Sequence[str]) -> str:
        if not set(among) <= set(self._labels):
            named = [label for label in among if label.casefold() in text.casefold()]
            return (named or among)[int(_share(text) * len(named or among))]
        words = _words(text)
        return max(self._labels, key=lambda label: (self._likely(label, words), label), default="unknown")

    def _likely(self, label: str, words: Sequence[str]) -> float:
        counts = self._words[label]
        total = counts.total() + self._vocabulary
        return sum(math.log((counts[word] + 1) / total) for word in words)


def simulated_app(
    truth: Mapping[str, str],
    *,
    accuracy: float = ACCURACY,
    latency_ms: float = 0.0,
    judge: SimulatedJudge | None = None,
) -> Starlette:
    """The endpoint. ``truth`` maps inputs to labels or texts; ``latency_ms`` is added to every reply.

    Under names that begin with ``simulated-judge`` the ``judge`` answers, by the same truth unless another is given.
    """
    model = _Model(Guesser(truth, accuracy), judge or SimulatedJudge(truth), latency_ms)
    return Starlette(
        routes=[
            Route("/v1/chat/completions", model.complete, methods=["POST"]),
            Route("/v1/models", model.models),
            Route("/faults", model.fail, methods=["POST"]),
            Route("/seen", model.tell),
        ]
    )


def digest(messages: object) -> str:
    """The name under which ``/seen`` counts a list of messages."""
    return hashlib.sha256(json.dumps(messages, sort_keys=True).encode()).hexdigest()


class _Model:
    def __init__(self, guesser: Guesser, judge: SimulatedJudge, latency_ms: float) -> None:
        self._guesser = guesser
        self._judge = judge
        self._latency_ms = latency_ms
        self._faults = Faults()
        self._seen = Seen()

    async def models(self, _request: Request) -> Response:
        known = {"id": MODEL, "object": "model", "created": 0, "owned_by": "assay-simulation"}
        return JSONResponse({"object": "list", "data": [known], "assay": {"simulated": True}})

    async def fail(self, request: Request) -> Response:
        self._faults = Faults(**await request.json())
        return JSONResponse({"ok": True})

    async def tell(self, _request: Request) -> Response:
        return JSONResponse({"asked": self._seen.asked, "answered": self._seen.answered})

    async def complete(self, request: Request) -> Response:
        body = await request.json()
        name, messages = body.get("model", ""), body["messages"]
        if not is_simulated(name):
            return _error(404, "model_not_found", f"only models whose name begins with simulated-, e.g. {MODEL}")
        self._seen.asked[digest(messages)] += 1
        await asyncio.sleep((self._latency_ms + self._faults.slow_ms) / 1000)
        failed = self._failed()
        if failed is not None:
            return failed
        self._seen.answered[digest(messages)] += 1
        answers = self._judge if name.startswith(JUDGE) else self._guesser
        return JSONResponse(_completion(name, messages, answers.answer(messages)))

    def _failed(self) -> Response | None:
        faults = self._faults
        if faults.times <= 0:
            return None
        faults.times -= 1
        if faults.garbage:
            return Response("<html>bad gateway</html>", media_type="text/html")
        if faults.status >= 400:
            return _error(faults.status, "asked_for", "a fault that was asked for", faults.retry_after)
        return None


def _completion(name: str, messages: Sequence[Mapping[str, str]], text: str) -> dict[str, Any]:
    fed = sum(_tokens(message["content"]) + 4 for message in messages) + 3
    said = _tokens(text)
    return {
        "id": f"chatcmpl-{digest(messages)[:24]}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": name,
        "choices": [
            {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text, "refusal": None}}
        ],
        "usage": {
            "prompt_tokens": fed,
            "completion_tokens": said,
            "total_tokens": fed + said,
            "prompt_tokens_details": {"cached_tokens": 0},
        },
        "assay": {"simulated": True},
    }


def _error(status: int, code: str, message: str, retry_after: str = "") -> Response:
    headers = {"retry-after": retry_after} if retry_after else {}
    body = {"error": {"message": message, "type": "invalid_request_error", "code": code}, "assay": {"simulated": True}}
    return JSONResponse(body, status, headers=headers)


def _tokens(text: str) -> int:
    return max(math.ceil(len(text.split()) * _TOKENS_PER_WORD), 1)


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())


def _share(text: str) -> float:
    """A number in [0, 1) that depends on the text alone."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") / 2**64
