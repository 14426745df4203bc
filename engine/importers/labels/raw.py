"""What the readers of label files hand on: a row's fields and its line, before anything is checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engine.rules.redact import redact

NAME_MOST = 75  # letters of a column's name: what a list in Slack shows


def nameable(header: Sequence[str]) -> tuple[str, ...]:
    """A file's columns, to choose from; none where its first line may be a row: one column, long cells, secrets."""
    names = [column.strip() for column in header]
    are_names = len(names) > 1 and all(name and len(name) <= NAME_MOST and redact(name).text == name for name in names)
    return tuple(names) if are_names else ()


@dataclass(frozen=True)
class RawRow:
    """The fields of one row as the file gives them; ``line`` is where it begins (1 is the first)."""

    line: int
    fields: Mapping[str, object]


@dataclass(frozen=True)
class Columns:
    """What a file calls our columns: ``ours`` by its names in lower case. A name it has besides is put aside."""

    ours: Mapping[str, str]

    @classmethod
    def of(cls, theirs: Mapping[str, str]) -> Columns:
        """Of the file's names by ours, such as {"input": "Ticket text"}."""
        return cls({name.strip().casefold(): own for own, name in theirs.items() if name.strip()})

    def name(self, theirs: str) -> str:
        """Our name of a file's column. Its own "input" is another column where a person named one for it."""
        low = theirs.strip().casefold()
        return self.ours.get(low) or (f"its own {theirs}" if low in self.ours.values() else theirs)

    def asked(self, own: str) -> str:
        """What a person says the file calls our column."""
        return next((theirs for theirs, name in self.ours.items() if name == own), own)

    def renamed(self, row: RawRow) -> RawRow:
        """The row under our names."""
        return RawRow(row.line, {self.name(name): value for name, value in row.fields.items()}) if self.ours else row
