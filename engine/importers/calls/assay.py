"""Assay's own traffic format: one JSON object a line (docs/traffic.md). Knows nothing of prices or hours."""

from __future__ import annotations

from datetime import datetime
from typing import IO

from engine.importers.calls.bodies import asked
from engine.importers.calls.fields import (
    Bad,
    Fields,
    count_of,
    is_yes,
    maybe_name,
    ms_of,
    name_of,
    nano_of_usd,
    status_of,
    time_of,
    word_of,
)
from engine.importers.calls.reading import Keep, Read, Where, calls_of
from engine.models.call import Call, CallRole

FIELDS = {
    "id": "`id`",
    "time": "`ts`",
    "latency": "`latency_ms`; first word `ttft_ms`",
    "model": "`model`; asked for `asked`",
    "tokens in": "`input_tokens`; cached `cached_tokens`, cache write `cache_write_tokens`",
    "tokens out": "`output_tokens`; reasoning `reasoning_tokens`",
    "billed": "`billed_usd`",
    "error": "`status` of 400 and more",
    "own cache": "`cache_hit`",
    "unit": "`unit`",
    "body": "`input`, `output`",
}  # what is read of a row, for docs/traffic.md

_SIDES = ("baseline", "tuned")
_ROLES = tuple(role.value for role in CallRole)


def read(
    stream: IO[bytes], *, until: datetime | None = None, where: Where | None = None, keep: Keep | None = None
) -> Read:
    """Calls and refused rows in the order of the file; empty lines are skipped. A moment after ``until`` is refused."""
    return calls_of(stream, call_of, until=until, where=where, keep=keep)


def sniff(row: Fields) -> bool:
    """Whether a row looks like one of this format."""
    return "ts" in row and "input_tokens" in row and "request" not in row


def call_of(row: Fields, until: datetime | None) -> Call:
    """One row as a call. Raises ``Bad``."""
    fed, cached = count_of(row, "input_tokens"), count_of(row, "cached_tokens", default=0)
    return Call(
        id=name_of(row, "id"),
        at=time_of(row, until, "ts"),
        model=name_of(row, "model"),
        asked=maybe_name(row, "asked"),
        input_tokens=fed,
        cached_tokens=cached,
        cache_write_tokens=count_of(row, "cache_write_tokens", default=0),
        output_tokens=count_of(row, "output_tokens"),
        reasoning_tokens=count_of(row, "reasoning_tokens", default=0),
        latency_ms=ms_of(row, "latency_ms"),
        ttft_ms=ms_of(row, "ttft_ms"),
        status=status_of(row, "status"),
        billed_nano=nano_of_usd(row, "billed_usd"),
        is_cache_hit=is_yes(row.get("cache_hit")),
        input=_text(row, "input"),
        output=_text(row, "output"),
        unit=_text(row, "unit") or "",
        assigned=word_of(row, "assigned", _SIDES, "baseline"),
        role=CallRole(word_of(row, "role", _ROLES, CallRole.ANSWER.value)),
    )


def _text(row: Fields, field: str) -> str | None:
    """Text as it is, or the chat messages it stands for as one text."""
    value = row.get(field)
    if isinstance(value, list) and field != "unit":
        return asked(value)  # pyright: ignore[reportUnknownArgumentType] # of JSON
    if value is not None and not isinstance(value, str):
        raise Bad(field, f"{field} is not text")
    return value
