"""LiteLLM's ``SpendLogs``, from its database or its API, as JSON or CSV."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import IO

from engine.importers.calls.bodies import answered, asked
from engine.importers.calls.fields import (
    FAILED,
    Fields,
    between_ms,
    count_of,
    first,
    inside,
    is_yes,
    maybe_name,
    moment_of,
    ms_of,
    name_of,
    nano_of_usd,
    time_of,
)
from engine.importers.calls.reading import Keep, Read, Where, calls_of
from engine.models.call import Call, CallRole

FIELDS = {
    "id": "`request_id`, if empty `litellm_call_id`; tries of one answer share `litellm_call_id`",
    "time": "`startTime` (UTC where it has no zone)",
    "latency": "`request_duration_ms`, else `endTime` - `startTime`; first word `completionStartTime`",
    "model": "`model`; asked for `model_group`",
    "tokens in": "`prompt_tokens`; cached in `metadata.usage_object`",
    "tokens out": "`completion_tokens`; reasoning in `metadata.usage_object`",
    "billed": "`spend`",
    "error": "`status` is `failure`",
    "own cache": "`cache_hit` is `True`",
    "unit": "`end_user`, `user`",
    "body": "`messages`, `response`",
}  # what is read of a row, for docs/traffic.md

_ERRORS_FROM, _ERRORS_BEFORE = 400, 600


def read(
    stream: IO[bytes], *, until: datetime | None = None, where: Where | None = None, keep: Keep | None = None
) -> Read:
    """Calls and refused rows in the order of the file. A moment after ``until`` is refused."""
    return calls_of(stream, call_of, until=until, where=where, keep=keep)


def sniff(row: Fields) -> bool:
    """Whether a row looks like one of this format."""
    return "startTime" in row and "prompt_tokens" in row


def call_of(row: Fields, until: datetime | None) -> Call:
    """One row as a call. Raises ``Bad``."""
    start = time_of(row, until, "startTime")
    end = moment_of(row, "endTime")
    metadata = inside(row.get("metadata"))
    usage = inside(metadata.get("usage_object"))
    of_input, of_output = (inside(usage.get(f"{side}_tokens_details")) for side in ("prompt", "completion"))
    latency = ms_of(row, "request_duration_ms")
    status = _status(row, metadata)
    lacking = 0 if status >= _ERRORS_FROM else None
    request_id = name_of(row, "request_id", "litellm_call_id")
    return Call(
        id=request_id,
        answer_id=maybe_name(row, "litellm_call_id") or request_id,
        at=start,
        model=_model(row),
        asked=maybe_name(row, "model_group"),
        input_tokens=count_of(row, "prompt_tokens", default=lacking),
        cached_tokens=_either(of_input, "cached_tokens", usage, "cache_read_input_tokens"),
        cache_write_tokens=_either(of_input, "cache_creation_tokens", usage, "cache_creation_input_tokens"),
        output_tokens=count_of(row, "completion_tokens", default=lacking),
        reasoning_tokens=count_of(of_output, "reasoning_tokens", default=0),
        latency_ms=between_ms(start, end) if latency is None else latency,
        ttft_ms=_ttft(row, start, end),
        status=status,
        billed_nano=nano_of_usd(row, "spend"),
        is_cache_hit=is_yes(row.get("cache_hit")),
        unit=maybe_name(row, "end_user", "user"),
        role=CallRole.EMBEDDING if "embedding" in str(row.get("call_type", "")) else CallRole.ANSWER,
        input=asked(row.get("messages")),
        output=answered(row.get("response")),
    )


def _model(row: Fields) -> str:
    """The model without the provider before it, which stands in a field of its own."""
    return name_of(row, "model").removeprefix(f"{row.get('custom_llm_provider') or ''}/")


def _status(row: Fields, metadata: Fields) -> int:
    if row.get("status") != "failure":
        return 200
    code = str(inside(metadata.get("error_information")).get("error_code", ""))
    return int(code) if code.isdigit() and _ERRORS_FROM <= int(code) < _ERRORS_BEFORE else FAILED


def _ttft(row: Fields, start: datetime, end: datetime | None) -> float | None:
    """Until the first word; none where it is the last too, as LiteLLM writes it of answers that are no stream."""
    begun = moment_of(row, "completionStartTime")
    return None if begun is None or begun == end else between_ms(start.astimezone(UTC), begun)


def _either(details: Fields, name: str, usage: Fields, other: str) -> int:
    return count_of(
        details, name, default=None if first(details, name)[1] is not None else count_of(usage, other, default=0)
    )
