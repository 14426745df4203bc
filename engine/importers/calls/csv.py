"""The CSV twin of Assay's own format: the same columns, named by a header."""

from __future__ import annotations

from datetime import datetime
from typing import IO

from engine.importers.calls.assay import FIELDS, call_of
from engine.importers.calls.assay import sniff as sniff_own
from engine.importers.calls.fields import Fields
from engine.importers.calls.reading import Keep, Read, Where, calls_of

__all__ = ["FIELDS", "read", "sniff"]


def read(
    stream: IO[bytes], *, until: datetime | None = None, where: Where | None = None, keep: Keep | None = None
) -> Read:
    """Calls and refused rows in the order of the file. A moment after ``until`` is refused."""
    return calls_of(stream, call_of, until=until, where=where, keep=keep)


def sniff(row: Fields) -> bool:
    """Whether a row looks like one of this format: every value is text, which tells it from the twin."""
    return sniff_own(row) and all(isinstance(value, str) for value in row.values())
