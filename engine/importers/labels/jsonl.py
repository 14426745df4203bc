"""JSONL: one JSON object a line, split on ``\\n`` alone. Conversations are flattened by ``chat``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import cast

from engine.importers.labels.chat import flattened, is_chat
from engine.importers.labels.raw import RawRow
from engine.models.call import BadRow

LONGEST_LINE = 1_000_000  # bytes (docs/labels.md)


def read(content: bytes) -> Iterator[RawRow | BadRow]:
    """Rows in their order; empty lines are skipped."""
    for number, line in enumerate(content.split(b"\n"), start=1):
        if line.strip():
            yield _row(number, line)


def _row(number: int, line: bytes) -> RawRow | BadRow:
    if len(line) > LONGEST_LINE:
        return BadRow(line=number, reason=f"has {len(line):,} bytes; the limit is {LONGEST_LINE:,}")
    try:
        row: object = json.loads(line.decode())
    except UnicodeDecodeError as error:
        return BadRow(line=number, reason=f"not UTF-8 at byte {error.start + 1}")
    except json.JSONDecodeError as error:
        # JSON's own words: "Unterminated string starting at".
        said = error.msg.removesuffix(" starting at").lower()
        return BadRow(line=number, reason=f"not JSON: {said} at column {error.colno}")
    except (ValueError, RecursionError):
        return BadRow(line=number, reason="not JSON that can be read: a number too long, or too many brackets")
    if not isinstance(row, dict):
        return BadRow(line=number, reason="not a JSON object")
    found = RawRow(number, cast("dict[str, object]", row))
    return flattened(found) if is_chat(found.fields) else found
