"""Cut a log file into rows, whatever it comes in: JSON lines, one JSON document, CSV; each also packed.

Knows nothing of what a row means. Memory is bounded by the longest row, whatever the file.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any, Literal, TypeGuard

import orjson

from engine.errors import Invalid
from engine.importers.calls.compressed import opened
from engine.importers.calls.nested import LONGEST, elements, has_rows
from engine.models.call import BadRow

_BOM = b"\xef\xbb\xbf"
_SEPARATORS = ",;\t|"
_COLUMNS_MOST = 1000
_ANSWER = ("id", "request", "response", "usage")  # what has one of these is a row, and its "data" a field

CountedIn = Literal["line", "row"]


@dataclass(frozen=True, slots=True)
class Row:
    """One row as the file gives it. In CSV every value is text, and empty cells are left out."""

    line: int
    fields: Mapping[str, Any]
    counted_in: CountedIn = "line"


def rows(stream: IO[bytes]) -> Iterator[Row | BadRow]:
    """The rows of a file in their order, and what cannot be one. Raises ``Invalid`` for a file that cannot be read."""
    head, whole = opened(stream)
    start = head.removeprefix(_BOM).lstrip()
    if not start:
        return iter(())
    if not start.startswith((b"{", b"[")):
        return _csv_rows(whole)
    first = start.partition(b"\n")[0]
    if start.startswith(b"[") or (_parsed(first) is None and has_rows(start)):
        return _nested_rows(whole)
    return _lines(whole)


def _lines(stream: IO[bytes]) -> Iterator[Row | BadRow]:
    """JSON lines, split by ``\\n`` alone; a line may hold a whole page or export."""
    for number, line in enumerate(_short_lines(stream), start=1):
        text = line.removeprefix(_BOM).strip() if number == 1 else line.strip()
        if not text:
            continue
        found = _row(text, number, "line")
        yield from [found] if isinstance(found, BadRow) else _inside(found)


def _short_lines(stream: IO[bytes]) -> Iterator[bytes]:
    """Lines; of one that is too long its beginning, which is then refused."""
    while line := stream.readline(LONGEST):
        rest = line
        while len(rest) == LONGEST and not rest.endswith(b"\n"):
            rest = stream.readline(LONGEST)
        yield line


def _inside(row: Row) -> Iterator[Row | BadRow]:
    """The rows of a page or an export that stands in one line; of any other line, itself."""
    fields = row.fields
    if isinstance(fields.get("resourceSpans"), list):
        yield from (Row(row.line, span) for span in _spans(fields))
    elif _are_rows(fields.get("data")) and not any(name in fields for name in _ANSWER):
        yield from (Row(row.line, one) for one in fields["data"])
    else:
        yield row


def _spans(export: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for part in _rows_of(export.get("resourceSpans")):
        for scope in _rows_of(part.get("scopeSpans")):
            for span in _rows_of(scope.get("spans")):
                yield {**span, "resource": part.get("resource")}


def _nested_rows(stream: IO[bytes]) -> Iterator[Row | BadRow]:
    for number, element in enumerate(elements(stream), start=1):
        if not element.is_whole:
            yield BadRow(line=number, reason="the file ends before this row does", counted_in="row")
            continue
        found = _row(element.text, number, "row")
        if isinstance(found, Row) and element.resource:
            found = Row(number, {**found.fields, "resource": _parsed(element.resource)}, "row")
        yield found


def _row(text: bytes, number: int, counted_in: CountedIn) -> Row | BadRow:
    if not text or len(text) >= LONGEST - 1:
        return BadRow(line=number, reason=f"longer than {LONGEST:,} bytes", counted_in=counted_in)
    try:
        fields: object = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        reason = f"not JSON: {error.msg} at column {error.colno}"
        return BadRow(line=number, reason=reason, counted_in=counted_in)
    if not isinstance(fields, dict):
        return BadRow(line=number, reason="not a JSON object", counted_in=counted_in)
    return Row(number, fields, counted_in)  # pyright: ignore[reportUnknownArgumentType] # orjson's objects have text keys


def _csv_rows(stream: IO[bytes]) -> Iterator[Row | BadRow]:
    csv.field_size_limit(LONGEST)
    text = io.TextIOWrapper(stream, "utf-8-sig", errors="surrogateescape", newline="")  # pyright: ignore[reportArgumentType] # it reads as one of the files it knows
    separator, header = _header(text.readline(LONGEST))
    reader = csv.reader(text, delimiter=separator)
    line = 2
    while True:
        try:
            cells = next(reader, None)
        except csv.Error as error:
            yield BadRow(line=line, reason=f"not CSV: {error}")
        else:
            if cells is None:
                return
            if any(cells):
                yield _csv_row(line, header, cells)
        line = reader.line_num + 2


def _csv_row(line: int, header: Sequence[str], cells: Sequence[str]) -> Row | BadRow:
    if len(cells) > len(header):
        return BadRow(line=line, reason=f"has {len(cells)} cells; the header names {len(header)} columns")
    if not _is_utf8("".join(cells)):
        return BadRow(line=line, reason="not UTF-8")
    return Row(line, {name: cell for name, cell in zip(header, cells, strict=False) if cell})


def _is_utf8(text: str) -> bool:
    try:
        return text.isascii() or bool(text.encode())
    except UnicodeEncodeError:  # bytes that were none stand there as lone surrogates
        return False


def _header(first: str) -> tuple[str, list[str]]:
    """The separator that parts the first line most, and the names in it."""
    separator = max(_SEPARATORS, key=first.count)
    names = [name.strip() for name in next(csv.reader([first], delimiter=separator), list[str]())]
    doubled = [name for name, count in Counter(names).items() if count > 1 and name]
    if len(names) < 2 or len(names) > _COLUMNS_MOST or "\0" in first:
        raise Invalid(
            "The file is neither JSON nor CSV with a header.",
            hint="Traffic is read from JSON lines, a JSON array, OTLP JSON, or CSV whose first line names the columns.",
        )
    if doubled:
        raise Invalid(f'Line 1 names the column "{doubled[0][:40]}" twice.', hint="Give every column its own name.")
    return separator, names


def _parsed(text: bytes) -> Any:  # noqa: ANN401 (whatever JSON holds)
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None


def _are_rows(value: object) -> TypeGuard[list[dict[str, Any]]]:
    return bool(value) and isinstance(value, list) and len(_rows_of(value)) == len(value)  # pyright: ignore[reportUnknownArgumentType] # counted only


def _rows_of(value: object) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []  # pyright: ignore[reportUnknownVariableType] # checked here
