"""What an answer says: its model, tokens and end, and whether it is one that may be served. Reads, never changes."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import Any, NamedTuple, cast

import orjson

from engine.gateway.body import Fields, fields_of
from engine.gateway.stream import DONE
from engine.gateway.wire import Broke
from engine.rules.frame import UNKNOWN, Fault, Finish

_QUOTES = "\"'`“”‘’«»„"  # what models put around a label (engine/approaches/classify.py forgives the same)
_TAIL_USAGE = re.compile(rb'"usage"\s*:\s*(\{(?:[^{}]|\{[^{}]*\})*\})')
_FINISHES = {
    "stop": Finish.STOP,
    "length": Finish.LENGTH,
    "tool_calls": Finish.TOOL_CALLS,
    "content_filter": Finish.CONTENT_FILTER,
    "function_call": Finish.FUNCTION_CALL,
}
_DELTAS_KEPT = 20_000  # a longer answer is followed to its end, but not kept whole
_NOTHING: Fields = {}
_CHAT = ("prompt_tokens", "prompt_tokens_details", "completion_tokens", "completion_tokens_details")
_RESPONSES = ("input_tokens", "input_tokens_details", "output_tokens", "output_tokens_details")
_ENDS = ("response.completed", "response.failed", "response.incomplete")  # last events of /responses


class Usage(NamedTuple):
    """Token counts as the provider tells them: cached ones inside ``tokens_in``, reasoning inside ``tokens_out``."""

    tokens_in: int = UNKNOWN
    cached: int = UNKNOWN
    cache_write: int = UNKNOWN
    tokens_out: int = UNKNOWN
    reasoning: int = UNKNOWN


NO_USAGE = Usage()


@dataclass(slots=True)
class Said:
    """What one answer said so far. ``text`` is its first choice's, with tool calls as JSON."""

    model: str = ""
    usage: Usage = NO_USAGE
    finish: Finish = Finish.NONE
    deltas: int = 0
    has_content: bool = False
    has_tools: bool = False
    is_done: bool = False
    confidence: float = math.nan
    pieces: list[str] = field(default_factory=list[str])

    @property
    def text(self) -> str:
        """The answer as text."""
        return "".join(self.pieces)

    def read_whole(self, raw: bytes) -> bool:
        """Read a complete JSON answer. False when it is none."""
        fields = fields_of(raw)
        if fields is None:
            return False
        choice = _first(fields)
        self._read_facts(fields, choice)
        message = _dict(choice.get("message"))
        self.pieces = [_text(message)]
        self.has_tools = _calls_tools(message)
        self.has_content = bool(self.pieces[0]) or bool(message.get("refusal"))
        if math.isnan(self.confidence):
            self.confidence = _confidence(choice)
        return bool(choice) or "error" in fields or "usage" in fields

    def read_tail(self, tail: bytes) -> None:
        """Read the usage from the last bytes of an answer that was too large to keep."""
        if found := _TAIL_USAGE.search(tail):
            self.usage = usage_of(fields_of(found[1]) or {})

    def read_event(self, payload: bytes) -> bool:
        """Read one event of a stream. True when it only tells the usage. Raises ``Broke`` for an error event."""
        if payload == DONE:
            self.is_done = True
            return False
        fields = fields_of(payload)
        if fields is None:
            raise Broke(Fault.BROKEN, "an event of its stream is no JSON")
        if fields.get("error"):
            raise Broke(Fault.BROKEN, "its stream held an error event")
        choice = _first(fields)
        self._read_facts(fields, choice)
        if "type" in fields:
            self.is_done = self.is_done or fields["type"] in _ENDS
        delta = _dict(choice.get("delta"))
        if delta and _says(delta):
            self.deltas += 1
            self.has_content = True
            self.has_tools = self.has_tools or _calls_tools(delta)
            if self.deltas <= _DELTAS_KEPT and not choice.get("index"):  # choices come mixed where many were asked for
                self.pieces.append(_text(delta))
        return not choice and fields.get("choices") == [] and isinstance(fields.get("usage"), dict)

    def _read_facts(self, fields: Fields, choice: Fields) -> None:
        inner = _dict(fields["response"]) or fields if "response" in fields else fields  # /responses streams wrap it
        if isinstance(model := inner.get("model"), str):
            self.model = model
        if usage := inner.get("usage"):
            self.usage = usage_of(_dict(usage))
        if ours := inner.get("assay"):  # a server of ours: the figure a cascade's threshold is found on
            score = _dict(ours).get("score")
            if isinstance(score, int | float) and 0 <= score <= 1:
                self.confidence = float(score)
        finish = choice.get("finish_reason")
        if isinstance(finish, str):
            self.finish = _FINISHES.get(finish, Finish.OTHER)


def usage_of(told: Fields) -> Usage:
    """The counts of a ``usage`` object in chat's, completions', embeddings' or responses' words.

    Embeddings tell no output beside their total: it is what the total leaves, none.
    """
    is_responses = "prompt_tokens" not in told and "input_tokens" in told
    into, more_into, out, more_out = _RESPONSES if is_responses else _CHAT
    fed, said, total = (_count(told.get(name)) for name in (into, out, "total_tokens"))
    if out not in told and total >= fed >= 0:
        said = total - fed
    return Usage(
        fed,
        _count(_dict(told.get(more_into)).get("cached_tokens")),
        _count(told.get("cache_creation_input_tokens")),
        said,
        _count(_dict(told.get(more_out)).get("reasoning_tokens")),
    )


def is_label(text: str, labels: tuple[str, ...]) -> bool:
    """Whether an answer is one of the labels; case, space, quotes, a full stop and ``{"label": …}`` are forgiven."""
    known = {_bare(label) for label in labels}
    inside = _dict(_json(text)).get("label") if text.lstrip().startswith("{") else None
    return _bare(text) in known or (isinstance(inside, str) and _bare(inside) in known)


def fits(text: str, shape: Fields) -> bool:
    """Whether an answer is JSON that a schema allows: types, required, enum, properties and items alone."""
    return _fits(_json(text), shape)


def _fits(found: object, shape: Fields) -> bool:
    allowed = shape.get("enum")
    if isinstance(allowed, list) and found not in allowed:
        return False
    kinds = shape.get("type")
    if kinds is not None and _kind(found) not in _kinds(kinds):
        return False
    if isinstance(found, dict):
        return _fits_members(cast("Fields", found), shape)
    if isinstance(found, list) and isinstance(each := shape.get("items"), dict):
        return all(_fits(one, cast("Fields", each)) for one in cast("list[Any]", found))
    return True


def _fits_members(found: Fields, shape: Fields) -> bool:
    known = _dict(shape.get("properties"))
    if shape.get("additionalProperties") is False and not found.keys() <= known.keys():
        return False
    wanted = cast("list[str]", shape.get("required") or [])
    return all(name in found for name in wanted) and all(
        _fits(value, _dict(known.get(name))) for name, value in found.items()
    )


def _kinds(told: object) -> set[str]:
    kinds = set(cast("list[str]", told) if isinstance(told, list) else [str(told)])
    return kinds | {"integer"} if "number" in kinds else kinds


def _kind(found: object) -> str:
    if found is None:
        return "null"
    if isinstance(found, float) and found.is_integer():
        return "integer"
    kinds = ((bool, "boolean"), (int, "integer"), (float, "number"), (str, "string"), (list, "array"), (dict, "object"))
    return next((name for kind, name in kinds if isinstance(found, kind)), "")


def _first(fields: Fields) -> Fields:
    choices: Any = fields.get("choices")
    return _dict(choices[0]) if isinstance(choices, list) and choices else _NOTHING


def _says(delta: Fields) -> bool:
    return bool(delta.get("content") or _calls_tools(delta) or delta.get("refusal"))


def _calls_tools(message: Fields) -> bool:
    return bool(message.get("tool_calls") or message.get("function_call"))


def _text(message: Fields) -> str:
    content = message.get("content")
    told = content if isinstance(content, str) else "" if content is None else _dumped(content)
    calls = message.get("tool_calls") or message.get("function_call")
    return told + _dumped(calls) if calls else told


def _confidence(choice: Fields) -> float:
    """Mean probability of the answer's tokens; nan where no log-probabilities are told."""
    if not choice.get("logprobs"):
        return math.nan
    told = _dict(choice.get("logprobs")).get("content")
    found = [_dict(one).get("logprob") for one in cast("list[Any]", told)] if isinstance(told, list) else []
    numbers = [math.exp(min(0.0, one)) for one in found if isinstance(one, int | float)]
    return sum(numbers) / len(numbers) if numbers else math.nan


def _count(found: object) -> int:
    return found if type(found) is int and found >= 0 else UNKNOWN  # true and false are no counts


def _bare(text: str) -> str:
    return text.strip().strip(_QUOTES).strip().removesuffix(".").strip(_QUOTES).strip().casefold()


def _json(text: str) -> object:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return _json  # no JSON at all: of no kind, so that no schema fits


def _dumped(found: Any) -> str:  # noqa: ANN401 (JSON)
    return orjson.dumps(found).decode()


def _dict(found: Any) -> Fields:  # noqa: ANN401 (JSON)
    return found if type(found) is dict else _NOTHING  # pyright: ignore[reportUnknownVariableType] # JSON
