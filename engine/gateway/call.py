"""One call: who asked what, on which side it was put and why, and what its tries came to. Does nothing by itself."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any, NamedTuple, cast

import orjson

from engine.gateway.body import Fields, edited, with_model, with_system
from engine.gateway.breaker import Breaker, Gate
from engine.gateway.keys import Target
from engine.gateway.reply import Said
from engine.gateway.routes import Route, Side
from engine.rules.bucket import variant
from engine.rules.frame import Arm, Fault, Flag, Role, Why

CHAT = b"/chat/completions"
ENDPOINTS: dict[bytes, int] = {CHAT: 0, b"/embeddings": Flag.EMBEDDINGS, b"/responses": Flag.RESPONSES}


class Choice(NamedTuple):
    """Where the split puts a call: the side, why, and the chance of tuned it had (0 where tuned is shut)."""

    arm: Arm
    why: Why
    share: float


@dataclass(slots=True)
class Call:
    """A call as it came in. ``begun`` is monotonic seconds, ``at_ms`` wall time; ``asked`` the model's name as sent.

    ``id`` is the 16 bytes of a UUIDv7, ``passed`` the header lines that go up.

    ``is_stream`` says whether the caller wants events.
    """

    id: bytes
    slug: str
    route: Route
    endpoint: bytes
    raw: bytes
    fields: Fields
    passed: bytes
    unit: str
    has_unit: bool
    begun: float
    at_ms: int
    choice: Choice
    asked: str
    is_stream: bool
    failed: list[Try] = field(default_factory=list["Try"])
    last: Try | None = None  # the try that answered, once it is on record
    shadow: Try | None = None  # the shadow, once it has ended

    @property
    def wants_usage(self) -> bool:
        """Whether the caller asked for the stream's usage event."""
        options = self.fields.get("stream_options")
        return isinstance(options, dict) and cast("Fields", options).get("include_usage") is True

    @property
    def deadline(self) -> float:
        """When the caller's patience ends (monotonic seconds)."""
        return self.begun + self.route.deadline_ms / 1000


@dataclass(slots=True)
class Try:
    """One attempt at an answer: of which side, in which role, and what came of it. Times are monotonic seconds."""

    arm: Arm
    model: str
    target: Target
    begun: float
    role: Role = Role.ANSWER
    status: int = 0
    fault: Fault = Fault.NONE
    reason: str = ""
    first_at: float | None = None
    ended_at: float | None = None
    flags: int = 0
    said: Said = field(default_factory=Said)


def choose(route: Route, unit: str, breaker: Breaker, now: float) -> Choice:
    """Put a unit on a side: sticky by its bucket, baseline while the breaker is shut."""
    if not route.splits or route.share == 0:
        return Choice(Arm.BASELINE, Why.SHARE0, 0.0)
    side = variant(route.salt, unit, route.share)
    if breaker.is_tripped and (side == "baseline" or breaker.gate(now) is Gate.SHUT):
        return Choice(Arm.BASELINE, Why.TRIPPED, 0.0)
    return Choice(Arm.TUNED if side == "tuned" else Arm.BASELINE, Why.SPLIT, route.share)


def unit_of(header: bytes, fields: Fields) -> str:
    """The unit a caller names: X-Assay-Unit, ``safety_identifier`` or ``user``; empty when none does."""
    if header:
        return header.decode("utf-8", "replace")
    for field_name in ("safety_identifier", "user"):
        found = fields.get(field_name)
        if isinstance(found, str) and found:
            return found
    return ""


def call_id(at_ms: int) -> bytes:
    """The 16 bytes of a UUIDv7 (RFC 9562) of that moment (wall time): sorts by time."""
    drawn = random.getrandbits(74)  # a name and no secret; each worker draws from its own seed
    high, low = drawn >> 62, drawn & (2**62 - 1)
    stamp = at_ms & (2**48 - 1)
    return ((stamp << 80) | (0x7 << 76) | (high << 64) | (0b10 << 62) | low).to_bytes(16, "big")


def call_text(number: bytes) -> str:
    """A call's id as people and headers write it."""
    told = number.hex()
    return f"{told[:8]}-{told[8:12]}-{told[12:16]}-{told[16:20]}-{told[20:]}"


def baseline_body(call: Call) -> bytes:
    """What the baseline is sent: the caller's bytes; an alias becomes the registered model, streams tell usage."""
    is_alias = not call.asked or call.asked.startswith("assay/")
    if not is_alias and not call.is_stream:
        return call.raw
    changes = _streaming(call, wants_events=call.is_stream)
    if is_alias:
        changes["model"] = orjson.dumps(call.route.baseline.model)
    return _changed(call, changes)


def tuned_body(call: Call, side: Side, *, wants_events: bool) -> bytes:
    """What the tuned side is sent: the caller's bytes, changed as the candidate's manifest says."""
    model = orjson.dumps(side.model)
    if side.keeps and not call.is_stream and call.route.mode != "cascade":
        return with_model(call.raw, call.fields, model)
    changes: dict[str, bytes | None] = dict.fromkeys(side.drop)
    if side.sets:
        changes |= {name: orjson.dumps(value) for name, value in side.sets.items()}
    changes |= _streaming(call, wants_events=wants_events)
    changes["model"] = model
    if side.system != "keep":
        text = None if side.system == "drop" else side.system
        messages = cast("list[Any]", call.fields["messages"])
        changes["messages"] = orjson.dumps(with_system(messages, text))
    if call.route.mode == "cascade":
        changes["logprobs"] = b"true"
    return _changed(call, changes)


def _changed(call: Call, changes: dict[str, bytes | None]) -> bytes:
    model = changes.get("model")
    if model is not None and len(changes) == 1:
        return with_model(call.raw, call.fields, model)
    return edited(call.raw, changes) if changes else call.raw


def _streaming(call: Call, *, wants_events: bool) -> dict[str, bytes | None]:
    if call.endpoint != CHAT or not call.is_stream:
        return {}
    if not wants_events:
        return {"stream": None, "stream_options": None}
    if call.wants_usage:
        return {}
    given = call.fields.get("stream_options")
    options = cast("Fields", given) if isinstance(given, dict) else {}
    return {"stream_options": orjson.dumps(options | {"include_usage": True})}


def microseconds(begun: float, moment: float | None) -> int:
    """A duration as frames hold it; -1 when there is no second moment."""
    return -1 if moment is None else max(0, int((moment - begun) * 1e6))
