"""Raw calls of days that are over, as Parquet for DuckDB and warehouses, through pyarrow (extra ``[analytics]``).

A day grows as compressed lines; once it is over they become one file of columns. Cut short at any moment, or with lines
that came late, it is done again and gives the same rows once. Without pyarrow lines they stay.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from importlib import import_module
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any

import orjson

ENDING = ".parquet"
_ROWS = 50_000  # in one group: what memory holds at a time
_COUNTS = ("tokens_in", "tokens_in_cached", "tokens_cache_write", "tokens_out", "tokens_reasoning")
_NUMBERS = ("latency_ms", "ttft_ms", "share", "confidence")
_WORDS = ("asked", "model", "host", "stage", "why", "assigned", "served", "role", "finish", "source", "fault")


def are_possible() -> bool:
    """Whether pyarrow is installed here."""
    return find_spec("pyarrow") is not None


def keep(lines: Path, rows: Iterable[bytes]) -> Path:
    """Put the rows of a file of lines, which goes, into the file of columns beside it; where that is.

    Rows that the file of columns has already are left out: a try that was cut short put them there.
    """
    target = lines.with_name(lines.name.partition(".")[0] + ENDING)
    had = set(_lines(target)) if target.exists() else set[bytes]()
    fresh = (_told(orjson.loads(row)) for row in rows)
    _write(target, [*had, *(row for row in fresh if row not in had)] if had else fresh)
    lines.unlink()
    return target


def forget_unit(folder: Path, unit: int) -> list[str]:
    """Drop a unit's rows from all files of columns; the ids of its calls. The caller is the one ingester here."""
    mark, ids = f"{unit % 2**64:016x}", list[str]()
    for path in sorted(folder.glob(f"*/day=*/part-*{ENDING}")):
        units = _arrow("pyarrow.parquet").read_table(path, columns=["unit"]).column("unit").to_pylist()
        if mark in units:
            ids += [row["id"] for row in rows(path) if row["unit"] == mark]
            _write(path, [_told(row) for row in rows(path) if row["unit"] != mark])
    return ids


def rows(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a file of columns as its lines had them, a group at a time."""
    file = _arrow("pyarrow.parquet").ParquetFile(path)
    for batch in file.iter_batches(batch_size=_ROWS, use_threads=False):
        yield from batch.to_pylist()
    file.close()


def _lines(path: Path) -> Iterator[bytes]:
    return map(_told, rows(path))


def _told(row: dict[str, Any]) -> bytes:
    """A row as one text that is the same wherever the row came from."""
    return orjson.dumps(row, option=orjson.OPT_SORT_KEYS)


def _write(target: Path, texts: Iterable[bytes]) -> None:
    """Write a file of columns whole, by rename; no rows leave no file."""
    schema, waiting = _schema(), iter(texts)
    draft = target.with_name(f".{target.name}")
    count = 0
    with _arrow("pyarrow.parquet").ParquetWriter(draft, schema, compression="zstd") as writer:
        while group := [orjson.loads(text) for text in islice(waiting, _ROWS)]:
            writer.write_table(_arrow("pyarrow").Table.from_pylist(group, schema=schema))
            count += len(group)
    if not count:
        draft.unlink()
        target.unlink(missing_ok=True)
        return
    with draft.open("rb") as file:
        os.fsync(file.fileno())
    draft.replace(target)


def _schema() -> Any:  # noqa: ANN401 (pyarrow is untyped)
    arrow = _arrow("pyarrow")
    return arrow.schema(
        [
            ("id", arrow.string()),
            ("ts", arrow.string()),
            *((name, arrow.string()) for name in _WORDS),
            ("unit", arrow.string()),
            *((name, arrow.int64()) for name in _COUNTS),
            *((name, arrow.float64()) for name in _NUMBERS),
            ("status", arrow.int32()),
            ("flags", arrow.list_(arrow.string())),
        ]
    )


def _arrow(name: str) -> Any:  # noqa: ANN401 (pyarrow is untyped)
    return import_module(name)
