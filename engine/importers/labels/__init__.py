"""Label files: JSONL, CSV, Parquet and OpenAI chat JSONL made into checked, redacted rows. Nothing is stored here."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import PurePath
from typing import Protocol

from pydantic import Field

from engine.approaches import Task
from engine.errors import Invalid
from engine.importers.labels import csv, jsonl, parquet
from engine.importers.labels.encoding import decoded, plain
from engine.importers.labels.raw import Columns, RawRow
from engine.importers.labels.rows import Checker
from engine.models.base import Value
from engine.models.call import BadRow
from engine.models.labels import LabelRow

ROWS_MOST = 200_000
BYTES_MOST = 2 * 10**9  # the widest way in, the command line's (docs/slack.md)
_SHOWN = 3  # bad rows told with a refusal of the whole file


class Format(Protocol):
    """A kind of label file that is told by its name or its first bytes; a file that none takes is JSONL or CSV."""

    def fits(self, name: str, content: bytes, /) -> bool:
        """Whether the file is one of these."""
        ...

    def read(self, name: str, content: bytes, /, *, most_rows: int) -> Iterator[RawRow | BadRow]:
        """Rows in their order, unchecked; one that cannot be read is a ``BadRow``. Raises ``Invalid`` for the file."""
        ...


FORMATS: tuple[Format, ...] = (parquet,)


class ParsedLabels(Value):
    """Good rows in the file's order, refused rows by line, and what was found on the way.

    ``duplicates`` counts rows left out because an earlier one has the same text and label; ``redactions`` counts
    marks per kind; ``forgiven`` labels whose case or outer space was mended.
    """

    rows: list[LabelRow]
    bad: list[BadRow]
    duplicates: int = 0
    redactions: dict[str, int] = Field(default_factory=dict)
    forgiven: int = 0

    @property
    def classes(self) -> dict[str, int]:
        """Good rows per label, the most frequent first."""
        return dict(Counter(row.output for row in self.rows).most_common())


def read_labels(
    name: str,
    content: bytes,
    task: Task,
    *,
    feature: str = "",
    columns: Mapping[str, str] | None = None,
    most_bytes: int = BYTES_MOST,
    formats: Sequence[Format] = FORMATS,
) -> ParsedLabels:
    """Read a label file of ``feature`` (its slug; rows without an id get one made of it, input and output).

    ``columns`` are the file's own names for ours, such as {"input": "Ticket text"}; case does not count.

    Raises ``Invalid``, with nothing to store, for a file over ``most_bytes`` or 200,000 rows, another kind of file, a
    broken header or quote, no good row, or more than half of the rows bad.
    """
    if len(content) > most_bytes:
        raise Invalid(
            f"{name} has {_megabytes(len(content))}; by this way a file may have {_megabytes(most_bytes)}.",
            hint="Larger files: assay import-labels FEATURE FILE, up to 2 GB.",
        )
    checker = Checker(task, feature)
    good: list[LabelRow] = []
    bad: list[BadRow] = []
    kind = next((kind for kind in formats if kind.fits(name, content)), None)
    if kind is not None:
        found = kind.read(name, content, most_rows=ROWS_MOST)
    else:
        found = _text_rows(name, content, Columns.of(columns or {}))
    raws = list(islice(found, ROWS_MOST + 1))
    if len(raws) > ROWS_MOST:
        raise Invalid(f"{name} has more than {ROWS_MOST:,} rows.", hint="Upload it in parts.")
    for raw in raws:
        row = raw if isinstance(raw, BadRow) else checker.checked(raw)
        (good if isinstance(row, LabelRow) else bad).append(row)  # pyright: ignore[reportArgumentType] # by kind
    kept, duplicates, refused = _distinct(good)
    bad = sorted([*bad, *refused], key=lambda row: row.line)
    _refuse_mostly_bad(name, len(kept) + duplicates, bad)
    return ParsedLabels(
        rows=kept, bad=bad, duplicates=duplicates, redactions=dict(checker.redactions), forgiven=checker.forgiven
    )


def refuse_one_class(classes: Mapping[str, int]) -> None:
    """Raise ``Invalid`` when the version that would result (rows per label) holds one class only."""
    present = [(label, count) for label, count in classes.items() if count]
    if len(present) == 1:
        label, count = present[0]
        raise Invalid(
            f'All {count:,} rows carry the label "{label}"; a classifier needs at least two classes in one version. '
            "Nothing was stored.",
            hint="Upload labels of the other classes in the same file.",
        )


def same_text(text: str) -> str:
    """The form in which two texts are compared for being the same: NFKC, case-folded, single spaces."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _text_rows(name: str, content: bytes, columns: Columns) -> Iterator[RawRow | BadRow]:
    content = plain(name, content)
    head = content[:1000].lstrip()
    if head.startswith(b"["):
        raise Invalid(f"{name} is a JSON list.", hint="Write one JSON object a line (JSONL), without brackets around.")
    if head.startswith(b"{") or PurePath(name).suffix.casefold() in (".jsonl", ".ndjson", ".json"):
        return (row if isinstance(row, BadRow) else columns.renamed(row) for row in jsonl.read(content))
    return csv.read(name, decoded(name, content), columns)


def _distinct(rows: Sequence[LabelRow]) -> tuple[list[LabelRow], int, list[BadRow]]:
    """Rows less copies, how many copies, and refusals: texts with two labels, and ids given to two texts."""
    by_text: dict[str, list[LabelRow]] = {}
    for row in rows:
        by_text.setdefault(same_text(row.input), []).append(row)
    refused = {row.line: row for rows in by_text.values() for row in _disagreeing(rows)}
    firsts = {rows[0].line for rows in by_text.values()}
    kept: list[LabelRow] = []
    lines: dict[str, int] = {}
    for row in rows:
        if row.line in refused or row.line not in firsts:
            continue
        if row.id in lines:
            reason = f"has the id of line {lines[row.id]} and another text"
            refused[row.line] = BadRow(line=row.line, field="id", reason=reason)
            continue
        lines[row.id] = row.line
        kept.append(row)
    return kept, len(rows) - len(kept) - len(refused), list(refused.values())


def _disagreeing(rows: Sequence[LabelRow]) -> Iterator[BadRow]:
    """All rows of one text when they do not carry one label: nobody can say which is right."""
    for row in rows:
        other = next((one for one in rows if one.output != row.output), None)
        if other is not None:
            reason = f"same text as line {other.line} (id {other.id}) with another label; both left out"
            yield BadRow(line=row.line, field="output", reason=reason)


def _refuse_mostly_bad(name: str, good: int, bad: Sequence[BadRow]) -> None:
    if good and len(bad) <= good:
        return
    total = good + len(bad)
    first = _sentences(bad[:_SHOWN])
    if not good:
        said = f"None of the {total:,} rows of {name} is good" if total else f"{name} has a header and no rows"
    else:
        said = f"{len(bad):,} of the {total:,} rows of {name} are bad, more than half"
    raise Invalid(f"{said}{first}. Nothing was stored.", hint="Mend the file and upload it again.")


def _sentences(bad: Iterable[BadRow]) -> str:
    told = "; ".join(row.sentence() for row in bad)
    return f": {told}" if told else ""


def _megabytes(count: int) -> str:
    return f"{count / 1e6:,.1f} MB" if count >= 100_000 else f"{count:,} bytes"
