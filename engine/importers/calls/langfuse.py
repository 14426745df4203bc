"""Langfuse observations, from its API, its export or its blob storage. Only generations are calls."""

from __future__ import annotations

from datetime import datetime
from typing import IO

from engine.importers.calls.bodies import answered, asked
from engine.importers.calls.fields import (
    FAILED,
    Bad,
    Fields,
    Skip,
    between_ms,
    count_of,
    first,
    inside,
    maybe_name,
    moment_of,
    name_of,
    nano_of_usd,
    time_of,
)
from engine.importers.calls.reading import Keep, Read, Where, calls_of
from engine.models.call import Call, CallRole

FIELDS = {
    "id": "`id`; only `type` GENERATION and EMBEDDING count",
    "time": "`startTime`, `start_time`",
    "latency": "`endTime` - `startTime`; first word `completionStartTime`",
    "model": "`providedModelName`, `model`",
    "tokens in": "`usageDetails.input` and its parts; cached `input_cached_tokens`, `cache_read_input_tokens`",
    "tokens out": "`usageDetails.output` and its parts",
    "billed": "`costDetails.total`",
    "error": "`level` is ERROR",
    "own cache": "",
    "unit": "`userId`",
    "body": "`input`, `output`",
}  # what is read of a row, for docs/traffic.md

_READ = ("input_cached_tokens", "cache_read_input_tokens", "input_cache_read")
_WRITTEN = ("cache_creation_input_tokens", "input_cache_creation")


def read(
    stream: IO[bytes], *, until: datetime | None = None, where: Where | None = None, keep: Keep | None = None
) -> Read:
    """Calls and refused rows in the order of the file; spans and events are skipped. After ``until`` is refused."""
    return calls_of(stream, call_of, until=until, where=where, keep=keep)


def sniff(row: Fields) -> bool:
    """Whether a row looks like one of this format."""
    return ("traceId" in row or "trace_id" in row) and (
        "usageDetails" in row or "usage_details" in row or "type" in row
    )


def call_of(row: Fields, until: datetime | None) -> Call:
    """One row as a call. Raises ``Bad``, and ``Skip`` for what is no generation."""
    kind = str(row.get("type") or "GENERATION").upper()
    if kind not in ("GENERATION", "EMBEDDING"):
        raise Skip
    start = time_of(row, until, "startTime", "start_time")
    failed = str(row.get("level", "")).upper() == "ERROR"
    usage = inside(first(row, "usageDetails", "usage_details", "usage")[1])
    if not usage and not failed:
        raise Bad("usageDetails", "usageDetails is missing")
    fed, said = _tokens(usage)
    return Call(
        id=name_of(row, "id"),
        at=start,
        model=name_of(row, "providedModelName", "provided_model_name", "model", "internalModelId"),
        input_tokens=fed,
        cached_tokens=sum(count_of(usage, name, default=0) for name in _READ),
        cache_write_tokens=sum(count_of(usage, name, default=0) for name in _WRITTEN),
        output_tokens=said,
        reasoning_tokens=count_of(usage, "output_reasoning_tokens", "output_reasoning", default=0),
        latency_ms=between_ms(start, moment_of(row, "endTime", "end_time")),
        ttft_ms=between_ms(start, moment_of(row, "completionStartTime", "completion_start_time")),
        status=FAILED if failed else 200,
        billed_nano=_billed(row),
        unit=maybe_name(row, "userId", "user_id"),
        role=CallRole.EMBEDDING if kind == "EMBEDDING" else CallRole.ANSWER,
        input=asked(row.get("input")),
        output=answered(row.get("output")),
    )


def _tokens(usage: Fields) -> tuple[int, int]:
    """Tokens in and out with their parts: parts lie inside where input and output alone make the total."""
    fed = count_of(usage, "input", "prompt_tokens", "promptTokens", default=0)
    said = count_of(usage, "output", "completion_tokens", "completionTokens", default=0)
    if fed + said == count_of(usage, "total", "total_tokens", "totalTokens", default=-1):
        return fed, said
    beside = {name for name in usage if name.startswith("input_")} | {*_READ, *_WRITTEN}
    fed += sum(count_of(usage, name, default=0) for name in beside)
    said += sum(count_of(usage, name, default=0) for name in usage if name.startswith("output_"))
    return fed, said


def _billed(row: Fields) -> int | None:
    costs = inside(first(row, "costDetails", "cost_details")[1])
    return nano_of_usd(costs, "total") if costs else nano_of_usd(row, "totalCost", "total_cost", "calculatedTotalCost")
