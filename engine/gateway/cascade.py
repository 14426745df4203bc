"""What a cascade needs beside the one rule: when a tuned answer is not sure enough, and how it looks to the caller."""

from __future__ import annotations

import math
from typing import Any, cast

import orjson

from engine.gateway.body import Fields
from engine.gateway.call import Call, Try
from engine.gateway.stream import DONE, event

_CHUNK = "chat.completion.chunk"


def is_unsure(call: Call, one: Try) -> bool:
    """Whether the mean probability of the answer's tokens is below the route's; an unknown one never suffices."""
    least = call.route.cascade.min_confidence
    return least > 0 and (math.isnan(one.said.confidence) or one.said.confidence < least)


def without_logprobs(raw: bytes) -> bytes:
    """A JSON answer without the log-probabilities that we asked for and the caller did not."""
    fields: Fields = orjson.loads(raw)
    for choice in cast("list[Fields]", fields.get("choices") or []):
        choice["logprobs"] = None
    return orjson.dumps(fields)


def as_events(raw: bytes, *, wants_usage: bool) -> bytes:
    """A whole JSON answer as the stream the caller asked for: one event with all of it, usage if wanted, the end."""
    fields: Fields = orjson.loads(raw)
    shared = {name: fields.get(name) for name in ("id", "created", "model", "system_fingerprint")}
    shared["object"] = _CHUNK
    choices = [_delta(choice) for choice in cast("list[Fields]", fields.get("choices") or [])]
    events = [orjson.dumps(shared | {"choices": choices})]
    if wants_usage:
        events.append(orjson.dumps(shared | {"choices": [], "usage": fields.get("usage")}))
    return b"".join(map(event, (*events, DONE)))


def _delta(choice: Fields) -> Fields:
    message = cast("Fields", choice.get("message") or {})
    calls = cast("list[Any]", message.get("tool_calls") or [])
    delta = {name: value for name, value in message.items() if value is not None}
    if calls:
        delta["tool_calls"] = [{"index": place, **one} for place, one in enumerate(calls)]
    told = {name: choice.get(name) for name in ("index", "finish_reason", "logprobs")}
    return {**told, "delta": delta}
