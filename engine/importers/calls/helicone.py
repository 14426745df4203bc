"""Helicone's requests, as its tables and its API give them."""

from __future__ import annotations

from datetime import datetime
from typing import IO

from engine.importers.calls.bodies import answered, asked
from engine.importers.calls.fields import (
    FAILED,
    Bad,
    Fields,
    count_of,
    first,
    maybe_name,
    ms_of,
    name_of,
    parsed,
    time_of,
)
from engine.importers.calls.reading import Keep, Read, Where, calls_of
from engine.models.call import Call

FIELDS = {
    "id": "`request_id`",
    "time": "`request_created_at`",
    "latency": "`latency`; first word `time_to_first_token`",
    "model": "`model`",
    "tokens in": "`prompt_tokens`; cached `prompt_cache_read_tokens`, cache write `prompt_cache_write_tokens`",
    "tokens out": "`completion_tokens`",
    "billed": "`cost` (whole nano-dollars)",
    "error": "`status` not 2xx or 3xx; a negative one is Helicone's own",
    "own cache": "`cache_reference_id` is not the zero UUID",
    "unit": "`user_id`",
    "body": "`request_body`, `response_body`",
}  # what is read of a row, for docs/traffic.md

_NO_CACHE = "00000000-0000-0000-0000-000000000000"
_BESIDE = ("anthropic", "bedrock")  # providers whose own count of input leaves cache reads and writes out


def read(
    stream: IO[bytes], *, until: datetime | None = None, where: Where | None = None, keep: Keep | None = None
) -> Read:
    """Calls and refused rows in the order of the file. A moment after ``until`` is refused."""
    return calls_of(stream, call_of, until=until, where=where, keep=keep)


def sniff(row: Fields) -> bool:
    """Whether a row looks like one of this format."""
    return "request_created_at" in row or ("request_id" in row and "prompt_cache_read_tokens" in row)


def call_of(row: Fields, until: datetime | None) -> Call:
    """One row as a call. Raises ``Bad``."""
    status = _status(row)
    lacking = None if status < 400 else 0
    fed = count_of(row, "prompt_tokens", default=lacking)
    cached = count_of(row, "prompt_cache_read_tokens", default=0)
    written = count_of(row, "prompt_cache_write_tokens", default=0)
    if str(row.get("provider", "")).lower() in _BESIDE:
        fed += cached + written
    return Call(
        id=name_of(row, "request_id"),
        at=time_of(row, until, "request_created_at"),
        model=name_of(row, "model", "response_model", "request_model"),
        asked=maybe_name(row, "request_model"),
        input_tokens=fed,
        cached_tokens=cached,
        cache_write_tokens=written,
        output_tokens=count_of(row, "completion_tokens", default=lacking),
        latency_ms=ms_of(row, "latency" if row.get("latency") is not None else "delay_ms"),
        ttft_ms=ms_of(row, "time_to_first_token"),
        status=status,
        billed_nano=count_of(row, "cost", most=10**15) if first(row, "cost")[1] is not None else None,
        is_cache_hit=(row.get("cache_reference_id") or _NO_CACHE) != _NO_CACHE,
        unit=maybe_name(row, "user_id", "request_user_id"),
        input=asked(row.get("request_body")),
        output=answered(row.get("response_body")),
    )


def _status(row: Fields) -> int:
    name, value = first(row, "status", "response_status")
    found = parsed(int(value) if isinstance(value, str) and value.removeprefix("-").isdigit() else value)
    if found is None:
        return 200
    if isinstance(found, bool) or not isinstance(found, int):
        raise Bad(name, f"{name} is no HTTP status")
    if 200 <= found < 400:
        return found
    return found if 400 <= found <= 599 else FAILED
