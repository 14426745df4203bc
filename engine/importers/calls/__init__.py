"""Importers of production calls, one file per log format."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from datetime import datetime
from itertools import islice
from typing import IO, Any, Protocol

from engine.errors import Invalid
from engine.importers.calls import assay, container, csv, helicone, langfuse, litellm, openai, otel, tensorzero
from engine.importers.calls.reading import Keep, Read, Where

__all__ = ["FORMATS", "TRIED", "Format", "Importer", "Keep", "Where", "best_fit", "formats", "importer_of"]

TRIED = 20  # rows that tell whether a format fits


class Importer(Protocol):
    """Reads one log format, a row at a time, whatever the file's size."""

    def __call__(
        self, stream: IO[bytes], *, until: datetime | None = None, where: Where | None = None, keep: Keep | None = None
    ) -> Read:
        """Calls (or sums of a usage API), and refused and skipped rows, in the order of the file.

        A call after ``until`` is refused. Texts are redacted; those of calls that ``keep`` does not want are left out.
        """
        ...


class Format(Protocol):
    """What a file of this package offers; ``FIELDS`` says in words what is read of a row."""

    FIELDS: dict[str, str]

    @property
    def read(self) -> Importer:
        """The importer."""
        ...

    def sniff(self, row: Mapping[str, Any], /) -> bool:
        """Whether a row looks like one of this format."""
        ...


FORMATS: dict[str, Format] = {
    "assay": assay,
    "csv": csv,
    "openai": openai,
    "litellm": litellm,
    "langfuse": langfuse,
    "helicone": helicone,
    "otel": otel,
    "tensorzero": tensorzero,
}


def importer_of(name: str) -> Importer:
    """The importer of a format. Raises ``Invalid`` naming the nearest."""
    known = FORMATS.get(name)
    if known is None:
        nearest = (difflib.get_close_matches(name, FORMATS, n=1, cutoff=0.0) or [""])[0]
        raise Invalid(f'There is no traffic format "{name}".', hint=f"Nearest: {nearest}. Known: {', '.join(FORMATS)}.")
    return known.read


def formats() -> list[str]:
    """The names of all formats."""
    return list(FORMATS)


def best_fit(stream: IO[bytes]) -> str:
    """The format that the most of the first rows look like; empty when they look like none."""
    rows = [row.fields for row in islice(container.rows(stream), TRIED) if isinstance(row, container.Row)]
    counts = {name: _looking(kind, rows) for name, kind in FORMATS.items()}
    best = max(counts, key=lambda name: (counts[name], name == "csv"))
    return best if counts[best] else ""


def _looking(kind: Format, rows: Iterable[Mapping[str, Any]]) -> int:
    return sum(kind.sniff(row) for row in rows)
