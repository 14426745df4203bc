"""Importers of production calls, one file per log format."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from datetime import datetime
from typing import IO, Protocol

from engine.errors import Invalid
from engine.importers.calls import assay
from engine.models.call import BadRow, Call


class Importer(Protocol):
    """Reads one log format, a row at a time, whatever the file's size."""

    def __call__(self, stream: IO[bytes], *, until: datetime | None = None) -> Iterator[Call | BadRow]:
        """Calls, redacted, and refused rows, in the order of the file. A call after ``until`` is refused."""
        ...


_FORMATS: dict[str, Importer] = {"assay": assay.read}


def importer_of(name: str) -> Importer:
    """The importer of a format. Raises ``Invalid`` naming the nearest."""
    known = _FORMATS.get(name)
    if known is None:
        nearest = (difflib.get_close_matches(name, _FORMATS, n=1, cutoff=0.0) or [""])[0]
        raise Invalid(
            f'There is no traffic format "{name}".', hint=f"Nearest: {nearest}. Known: {', '.join(_FORMATS)}."
        )
    return known


def formats() -> list[str]:
    """The names of all formats."""
    return list(_FORMATS)
