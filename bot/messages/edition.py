"""Label versions looked back on: their list with provenance, what differs between two, and a file taken out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from bot.messages import labelled
from engine.desk.editions import Difference, Edition, Exported, History

LISTED = 12
CLASSES = 15


@dataclass(frozen=True)
class Editions:
    """A feature's label versions, newest first."""

    template: ClassVar[str] = "labels/history"
    seen: History
    editions: tuple[Edition, ...]
    more: int

    @classmethod
    def example(cls) -> Editions:
        """A file, then a teacher."""
        return history(labelled.history())


@dataclass(frozen=True)
class Diff:
    """What came and went between two versions, by label."""

    template: ClassVar[str] = "labels/diff"
    seen: Difference
    added: tuple[tuple[str, int], ...]
    removed: tuple[tuple[str, int], ...]
    more: int

    @classmethod
    def example(cls) -> Diff:
        """An audit's corrections."""
        return diff(labelled.difference())


@dataclass(frozen=True)
class FileWritten:
    """Rows of train and dev were written to a file."""

    template: ClassVar[str] = "labels/exported"
    slug: str
    version: str
    path: str
    rows: int
    sealed: int

    @classmethod
    def example(cls) -> FileWritten:
        """A CSV."""
        return cls("ticket-router", "5c1f09ab77de", "labels.csv", 367, 70)


def history(seen: History) -> Editions:
    """The list of versions."""
    return Editions(seen, seen.editions[:LISTED], max(len(seen.editions) - LISTED, 0))


def diff(seen: Difference) -> Diff:
    """What differs."""
    more = max(len(seen.added) - CLASSES, 0) + max(len(seen.removed) - CLASSES, 0)
    return Diff(seen, seen.added[:CLASSES], seen.removed[:CLASSES], more)


def written(made: Exported, path: str) -> FileWritten:
    """A file that was written in the shell's folder."""
    return FileWritten(made.slug, made.version, path, made.rows, made.sealed)
