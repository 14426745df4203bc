"""Parquet with the columns of the other files, through pyarrow (extra ``[analytics]``), which is loaded when one comes.

What a file unpacks to is bounded before and while it is read: a few kilobytes may stand for gigabytes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from importlib import import_module
from typing import Any

from engine.errors import Invalid, OtherColumns
from engine.importers.labels.chat import flattened, is_chat
from engine.importers.labels.raw import RawRow, nameable
from engine.models.call import BadRow

MAGIC = b"PAR1"
INSTALL = "pip install 'assay[analytics]' (or pip install pyarrow) where this program runs"
UNPACKED_LEAST = 50_000_000  # bytes that any file may unpack to
UNPACKED_TIMES = 10  # and this many times its own size: texts shrink to a third or a fifth
KNOWN = ("input", "output", "group", "source", "minutes", "id", "messages", "rationale", "rejected")
_BATCH = 256  # rows unpacked at once
_HINT = "Write it again with pyarrow or pandas, with the columns input and output, or save it as JSONL."


def fits(name: str, content: bytes) -> bool:  # noqa: ARG001 (its bytes tell, whatever the name)
    """Whether the file begins as Parquet does."""
    return content.startswith(MAGIC)


def read(name: str, content: bytes, *, most_rows: int) -> Iterator[RawRow | BadRow]:
    """Rows in their order; a row's number is its line, 1 is the first.

    Raises ``Invalid`` where pyarrow is missing, and for a file that is damaged, encrypted, without the columns, of more
    than ``most_rows`` rows, or that unpacks to more than 50 MB and ten times its size.
    """
    arrow, parquet = _pyarrow(name, "pyarrow"), _pyarrow(name, "pyarrow.parquet")
    most = max(UNPACKED_LEAST, UNPACKED_TIMES * len(content))
    try:
        file = parquet.ParquetFile(arrow.BufferReader(content))
        columns = _columns(name, [str(column) for column in file.schema_arrow.names])
        if file.metadata.num_rows > most_rows:
            raise Invalid(f"{name} has more than {most_rows:,} rows.", hint="Upload it in parts.")
        if sum(file.metadata.row_group(number).total_byte_size for number in range(file.num_row_groups)) > most:
            raise _too_large(name, most)
        flat = [column for column in columns if not arrow.types.is_nested(file.schema_arrow.field(column).type)]
        file = parquet.ParquetFile(arrow.BufferReader(content), read_dictionary=flat)
        size = _BATCH if len(flat) == len(columns) else 1  # what is nested is unpacked whole, batch by batch
        batches = file.iter_batches(batch_size=size, columns=list(columns), use_threads=False)
        yield from _bounded(name, _rows(batches, columns), most)
    except (arrow.ArrowException, OSError) as error:
        raise Invalid(f"{name} is a Parquet file that cannot be read: damaged, or encrypted.", hint=_HINT) from error


def _rows(batches: Any, columns: dict[str, str]) -> Iterator[dict[str, object]]:  # noqa: ANN401 (pyarrow is untyped)
    for batch in batches:
        for place in range(batch.num_rows):  # one row at a time: a text that all rows share is kept once in a batch
            values = {known: batch.column(column)[place].as_py() for column, known in columns.items()}
            yield {known: value for known, value in values.items() if value is not None}


def _bounded(name: str, rows: Iterator[dict[str, object]], most: int) -> Iterator[RawRow | BadRow]:
    unpacked = 0
    for line, fields in enumerate(rows, start=1):
        unpacked += sum(len(value) if isinstance(value, str | bytes) else len(repr(value)) for value in fields.values())
        if unpacked > most:
            raise _too_large(name, most)
        yield _row(line, fields)


def _row(line: int, fields: dict[str, object]) -> RawRow | BadRow:
    for field, value in fields.items():
        if isinstance(value, bytes):
            try:
                fields[field] = value.decode()
            except UnicodeDecodeError as error:
                return BadRow(line=line, field=field, reason=f"{field} is not UTF-8 at byte {error.start + 1}")
    found = RawRow(line, fields)
    return flattened(found) if is_chat(fields) else found


def _columns(name: str, names: list[str]) -> dict[str, str]:
    """The file's columns that are ours, by their own spelling."""
    found = {column: column.strip().casefold() for column in names}
    doubled = [known for known, count in Counter(found.values()).items() if count > 1 and known in KNOWN]
    if doubled or len(found) < len(names):
        raise Invalid(f"{name} names a column twice.", hint=_HINT)
    missing = [column for column in ("input", "output") if column not in found.values()]
    if missing and "messages" not in found.values():
        raise OtherColumns(f"{name} has no column {' and no column '.join(missing)}.", _HINT, nameable(names))
    return {column: known for column, known in found.items() if known in KNOWN}


def _too_large(name: str, most: int) -> Invalid:
    return Invalid(f"{name} unpacks to more than {most // 10**6:,} MB.", hint="Upload it in parts.")


def _pyarrow(name: str, module: str) -> Any:  # noqa: ANN401 (pyarrow is untyped)
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        raise Invalid(
            f"{name} is a Parquet file, and what reads it is not installed (the extra analytics).",
            hint=f"{INSTALL}; or save the labels as CSV or JSONL.",
        ) from error
