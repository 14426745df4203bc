"""OpenTelemetry spans that follow the GenAI conventions, old names and new: OTLP JSON, or one span an object."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import IO, Any, cast

from engine.importers.calls.bodies import answered, asked
from engine.importers.calls.fields import (
    FAILED,
    Fields,
    Skip,
    between_ms,
    count_of,
    first,
    inside,
    maybe_name,
    moment_of,
    ms_of,
    name_of,
    time_of,
)
from engine.importers.calls.reading import Keep, Read, Where, calls_of
from engine.models.call import Call, CallRole

FIELDS = {
    "id": "`gen_ai.response.id`, else trace and span id; only model calls count, not agents, tools and workflows",
    "time": "`startTimeUnixNano`",
    "latency": "`endTimeUnixNano` - `startTimeUnixNano`; first word `…time_to_first_chunk` (s)",
    "model": "`gen_ai.response.model`; asked for `gen_ai.request.model`",
    "tokens in": "`gen_ai.usage.input_tokens`, `prompt_tokens`; cached `…cache_read.input_tokens`",
    "tokens out": "`gen_ai.usage.output_tokens`, `completion_tokens`",
    "billed": "",
    "error": "`error.type`, or the span's status",
    "own cache": "",
    "unit": "`user.id`, `enduser.id`",
    "body": "`gen_ai.input.messages`, `gen_ai.output.messages`; `gen_ai.prompt`, `gen_ai.completion`",
}  # what is read of a row, for docs/traffic.md

_CALLS = ("chat", "text_completion", "generate_content")
_EMBEDDINGS = "embeddings"
_USAGE = "gen_ai.usage."
_STARTS = ("startTimeUnixNano", "start_time_unix_nano", "startTime", "start_time")
_ENDS = ("endTimeUnixNano", "end_time_unix_nano", "endTime", "end_time")
_DEEPEST = 8  # messages hold parts that hold texts
_VALUES = ("stringValue", "intValue", "doubleValue", "boolValue")


def read(
    stream: IO[bytes], *, until: datetime | None = None, where: Where | None = None, keep: Keep | None = None
) -> Read:
    """Calls and refused rows in the order of the file; other spans are skipped. After ``until`` is refused."""
    return calls_of(stream, call_of, until=until, where=where, keep=keep, opened=flattened)


def sniff(row: Fields) -> bool:
    """Whether a row looks like one of this format."""
    return "attributes" in row and bool(inside(row.get("context")) or "spanId" in row or "span_id" in row)


def flattened(span: Fields) -> Fields:
    """The span with the attributes of its resource and its own beside its fields; its own win."""
    resource = _attributes(inside(span.get("resource")).get("attributes"))
    return {
        **resource,
        **{name: span[name] for name in span if name != "resource"},
        **_attributes(span.get("attributes")),
    }


def call_of(span: Fields, until: datetime | None) -> Call:
    """One span as a call. Raises ``Bad``, and ``Skip`` for what is no model's answer."""
    operation = span.get("gen_ai.operation.name")
    is_call = operation in _CALLS or (operation is None and "gen_ai.request.model" in span)
    if not is_call and operation != _EMBEDDINGS:
        raise Skip
    start = time_of(span, until, *_STARTS)
    failed = bool(span.get("error.type")) or _failed(span.get("status"))
    lacking = 0 if failed else None
    span_id = name_of({**inside(span.get("context")), **span}, "spanId", "span_id")
    return Call(
        id=maybe_name(span, "gen_ai.response.id") or f"{_trace(span)}-{span_id}",
        at=start,
        model=name_of(span, "gen_ai.response.model", "gen_ai.request.model"),
        asked=maybe_name(span, "gen_ai.request.model"),
        input_tokens=count_of(span, f"{_USAGE}input_tokens", f"{_USAGE}prompt_tokens", default=lacking),
        cached_tokens=count_of(span, *_ending(span, "cache_read.input_tokens", "cache_read_input_tokens"), default=0),
        cache_write_tokens=count_of(
            span, *_ending(span, "cache_creation.input_tokens", "cache_creation_input_tokens"), default=0
        ),
        output_tokens=count_of(
            span,
            f"{_USAGE}output_tokens",
            f"{_USAGE}completion_tokens",
            default=0 if operation == _EMBEDDINGS else lacking,
        ),
        reasoning_tokens=count_of(span, *_ending(span, "reasoning.output_tokens", "reasoning_tokens"), default=0),
        latency_ms=between_ms(start, moment_of(span, *_ENDS)),
        ttft_ms=ms_of(span, _ending(span, "time_to_first_chunk", "time_to_first_token")[0], factor=1000.0),
        status=FAILED if failed else 200,
        unit=maybe_name(span, "user.id", "enduser.id"),
        role=CallRole.EMBEDDING if operation == _EMBEDDINGS else CallRole.ANSWER,
        input=asked(first(span, "gen_ai.input.messages", "gen_ai.prompt", "gen_ai.prompt.0.content")[1]),
        output=answered(first(span, "gen_ai.output.messages", "gen_ai.completion", "gen_ai.completion.0.content")[1]),
    )


def _trace(span: Fields) -> str:
    return maybe_name({**inside(span.get("context")), **span}, "traceId", "trace_id")


def _failed(status: object) -> bool:
    code = first(inside(status), "code", "status_code")[1] or status
    return code == 2 or str(code).upper().rpartition("_")[2] == "ERROR"


def _ending(span: Fields, *endings: str) -> list[str]:
    """The attributes of the GenAI conventions whose names end so; the first ending when there are none."""
    return [name for name in span if name.startswith("gen_ai.") and name.endswith(endings)] or [endings[0]]


def _attributes(found: object) -> dict[str, Any]:
    if isinstance(found, dict):
        return cast("dict[str, Any]", found)
    if not isinstance(found, list):
        return {}
    pairs = cast("Iterable[Mapping[str, Any]]", found)
    return {str(pair["key"]): _value(pair.get("value")) for pair in pairs if isinstance(pair, dict) and "key" in pair}


def _value(value: object, depth: int = 0) -> Any:  # noqa: ANN401 (whatever an attribute holds)
    """An attribute's value out of OTLP's wrapping; 64-bit integers stand there as text."""
    fields = inside(value, 0)
    if not fields or depth > _DEEPEST:
        return value
    name, plain = first(fields, *_VALUES)
    if plain is not None or name in fields:
        return int(str(plain)) if name == "intValue" and str(plain).removeprefix("-").isdigit() else plain
    if "arrayValue" in fields:
        return [_value(one, depth + 1) for one in _list(fields["arrayValue"])]
    if "kvlistValue" in fields:
        return {str(one.get("key")): _value(one.get("value"), depth + 1) for one in _list(fields["kvlistValue"])}
    return None


def _list(value: object) -> list[Any]:
    found = inside(value).get("values")
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []  # pyright: ignore[reportUnknownVariableType] # of JSON
