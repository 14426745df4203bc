"""Assay's own traffic format: one JSON object a line (docs/operate.md). Knows nothing of prices or hours."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import IO, Any

import orjson

from engine.models.call import BadRow, Call, CallRole
from engine.rules.redact import redact_row

_FIRST_YEAR = 2020
_LONGEST_LINE = 4_000_000  # bytes; a longer line is refused without being held whole
_LONGEST_NAME = 200
_SIDES = ("baseline", "tuned")
_BOM = b"\xef\xbb\xbf"


class _Bad(ValueError):
    """A row that is refused: the field, and why."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field
        self.reason = reason


def read(stream: IO[bytes], *, until: datetime | None = None) -> Iterator[Call | BadRow]:
    """Calls and refused rows in the order of the file; empty lines are skipped. A moment after ``until`` is refused."""
    for number, line in enumerate(_lines(stream), start=1):
        text = line.removeprefix(_BOM).strip() if number == 1 else line.strip()
        if not text:
            continue
        try:
            yield _call(_fields(text), until)
        except _Bad as bad:
            yield BadRow(line=number, field=bad.field, reason=bad.reason)


def _lines(stream: IO[bytes]) -> Iterator[bytes]:
    """Lines by ``\\n`` alone; of a line that is too long, its beginning, which is then refused."""
    while line := stream.readline(_LONGEST_LINE):
        rest = line
        while len(rest) == _LONGEST_LINE and not rest.endswith(b"\n"):
            rest = stream.readline(_LONGEST_LINE)
        yield line


def _fields(text: bytes) -> dict[str, Any]:
    if len(text) >= _LONGEST_LINE - 1:
        raise _Bad("", f"longer than {_LONGEST_LINE:,} bytes")
    try:
        row: object = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise _Bad("", f"not JSON: {error.msg} at column {error.colno}") from error
    if not isinstance(row, dict):
        raise _Bad("", "not a JSON object")
    return row  # pyright: ignore[reportUnknownVariableType] # orjson's objects have text keys


def _call(row: Mapping[str, Any], until: datetime | None) -> Call:
    fed, cached = _count(row, "input_tokens"), _count(row, "cached_tokens", default=0)
    if cached > fed:
        raise _Bad(
            "cached_tokens", f"cached_tokens is {cached:,} and input_tokens is {fed:,}; cached are part of input"
        )
    asked, said = _body(row, "input"), _body(row, "output")
    redacted = redact_row([asked or "", said or ""]).texts
    return Call(
        id=_name(row, "id"),
        at=_moment(row, until),
        model=_name(row, "model"),
        input_tokens=fed,
        cached_tokens=cached,
        output_tokens=_count(row, "output_tokens"),
        latency_ms=_latency(row),
        status=_status(row),
        input=None if asked is None else redacted[0],
        output=None if said is None else redacted[1],
        unit=_body(row, "unit") or "",
        assigned=_word(row, "assigned", _SIDES, "baseline"),
        role=CallRole(_word(row, "role", [role.value for role in CallRole], CallRole.ANSWER.value)),
    )


def _name(row: Mapping[str, Any], field: str) -> str:
    value = row.get(field)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not value.strip():
        raise _Bad(field, f"{field} is missing" if value in (None, "") else f"{field} is not text")
    if "\0" in value or len(value) > _LONGEST_NAME:
        raise _Bad(field, f"{field} holds a NUL or more than {_LONGEST_NAME} characters")
    return value.strip()


def _count(row: Mapping[str, Any], field: str, default: int | None = None) -> int:
    value = row.get(field, default)
    if value is None:
        raise _Bad(field, f"{field} is missing")
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise _Bad(field, f"{field} is not a whole number of at least 0")
    return value


def _latency(row: Mapping[str, Any]) -> float | None:
    value = row.get("latency_ms")
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e9:
        raise _Bad("latency_ms", "latency_ms is not a number of at least 0")
    return float(value)


def _status(row: Mapping[str, Any]) -> int:
    value = _count(row, "status", default=200)
    if not 100 <= value <= 599:
        raise _Bad("status", f"status is {value}, which is no HTTP status")
    return value


def _moment(row: Mapping[str, Any], until: datetime | None) -> datetime:
    """``ts`` as text with a zone (none means UTC), or as seconds since 1970."""
    value = row.get("ts")
    if value is None or value == "":
        raise _Bad("ts", "ts is missing")
    try:
        moment = _parsed(value)
    except (TypeError, ValueError, OverflowError, OSError) as error:
        raise _Bad("ts", "ts is no moment like 2026-10-03T10:20:30Z") from error
    if moment.year < _FIRST_YEAR or (until is not None and moment > until):
        raise _Bad("ts", f"ts is {moment:%Y-%m-%d}, before {_FIRST_YEAR} or in the future")
    return moment


def _parsed(value: object) -> datetime:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return datetime.fromtimestamp(value, UTC)
    if not isinstance(value, str):
        raise TypeError("neither text nor seconds")
    moment = datetime.fromisoformat(value)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _body(row: Mapping[str, Any], field: str) -> str | None:
    value = row.get(field)
    if value is not None and not isinstance(value, str):
        raise _Bad(field, f"{field} is not text")
    return value


def _word(row: Mapping[str, Any], field: str, words: tuple[str, ...] | list[str], default: str) -> str:
    value = row.get(field, default)
    if value not in words:
        raise _Bad(field, f"{field} is not one of {', '.join(words)}")
    return value
