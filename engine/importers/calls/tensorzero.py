"""TensorZero's ``ModelInference`` rows; several may belong to one inference."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import IO

from engine.importers.calls.bodies import answered, asked
from engine.importers.calls.fields import (
    Bad,
    Fields,
    checked_time,
    count_of,
    first,
    inside,
    is_yes,
    maybe_name,
    moment_of,
    ms_of,
    name_of,
    nano_of_usd,
)
from engine.importers.calls.reading import Keep, Read, Where, calls_of
from engine.models.call import Call

FIELDS = {
    "id": "`id`; tries of one answer share `inference_id`",
    "time": "`timestamp`, else that of the UUIDv7 in `id`",
    "latency": "`response_time_ms`; first word `ttft_ms`",
    "model": "`model_name`",
    "tokens in": "`input_tokens`; cached in `raw_response`",
    "tokens out": "`output_tokens`",
    "billed": "`cost`",
    "error": "",
    "own cache": "`cached`",
    "unit": "`tags.user_id`, `tags.user`, else `episode_id`",
    "body": "`input_messages`, `output`",
}  # what is read of a row, for docs/traffic.md

_TIMED_UUID = 7  # its version: the first 48 bits are milliseconds since 1970


def read(
    stream: IO[bytes], *, until: datetime | None = None, where: Where | None = None, keep: Keep | None = None
) -> Read:
    """Calls and refused rows in the order of the file. A moment after ``until`` is refused."""
    return calls_of(stream, call_of, until=until, where=where, keep=keep)


def sniff(row: Fields) -> bool:
    """Whether a row looks like one of this format."""
    return "inference_id" in row and "model_name" in row


def call_of(row: Fields, until: datetime | None) -> Call:
    """One row as a call. Raises ``Bad``."""
    row_id = name_of(row, "id")
    fed = count_of(row, "input_tokens")
    usage = inside(inside(row.get("raw_response")).get("usage"))
    cached, written, beside = _cached(usage, fed)
    tags = inside(row.get("tags"))
    return Call(
        id=row_id,
        answer_id=name_of(row, "inference_id"),
        at=_time(row, row_id, until),
        model=name_of(row, "model_name"),
        input_tokens=fed + beside,
        cached_tokens=cached,
        cache_write_tokens=written,
        output_tokens=count_of(row, "output_tokens"),
        reasoning_tokens=_reasoning(usage),
        latency_ms=ms_of(row, "response_time_ms"),
        ttft_ms=ms_of(row, "ttft_ms"),
        billed_nano=nano_of_usd(row, "cost"),
        is_cache_hit=is_yes(row.get("cached")),
        unit=maybe_name(tags, "user_id", "user") or maybe_name(row, "episode_id"),
        input=asked(row.get("input_messages")),
        output=answered(row.get("output")),
    )


def _time(row: Fields, row_id: str, until: datetime | None) -> datetime:
    moment = moment_of(row, "timestamp")
    if moment is not None:
        return checked_time("timestamp", moment, until)
    try:
        found = uuid.UUID(row_id)
    except ValueError as error:
        raise Bad("timestamp", "timestamp is missing") from error
    if found.version != _TIMED_UUID:
        raise Bad("timestamp", "timestamp is missing, and id is no UUIDv7")
    return checked_time("timestamp", datetime.fromtimestamp((found.int >> 80) / 1000, UTC), until)


def _cached(usage: Fields, fed: int) -> tuple[int, int, int]:
    """Cached tokens, cache-write tokens, and how many of them ``fed`` leaves out, by the provider's own usage."""
    details = inside(first(usage, "prompt_tokens_details", "input_tokens_details")[1])
    read_ = count_of(usage, "cache_read_input_tokens", default=count_of(details, "cached_tokens", default=0))
    written = count_of(usage, "cache_creation_input_tokens", default=0)
    is_beside = "cache_read_input_tokens" in usage and fed == count_of(usage, "input_tokens", default=-1)
    return read_, written, read_ + written if is_beside else 0


def _reasoning(usage: Fields) -> int:
    details = inside(first(usage, "completion_tokens_details", "output_tokens_details")[1])
    return count_of(details, "reasoning_tokens", default=0)
