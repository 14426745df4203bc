"""Labels: the preview of an upload that waits for Confirm, what storing it made, and the labels a feature has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from bot.messages import examples
from engine import errors
from engine.desk.labels import DraftView, LabelsView

BAD_LISTED = 10
VALUE_MOST = 2_000  # letters that a button carries
CLASSES_LISTED = 30


@dataclass(frozen=True)
class OtherColumns:
    """A file calls its columns otherwise; ``value`` carries feature, file and columns to the form that asks."""

    template: ClassVar[str] = "labels/other_columns"
    message: str
    hint: str
    value: str

    @classmethod
    def example(cls) -> OtherColumns:
        """An export of a help desk."""
        says = 'tickets.csv has no column input and no column output. Its first line reads "ticket text", "team".'
        return cls(says, "Its first line must name the columns.", "ticket-router F0123ABC\nticket text\nteam")


@dataclass(frozen=True)
class Preview:
    """An upload before Confirm: what is good, the bad rows by line, and what is odd. ``more_bad`` are not listed."""

    template: ClassVar[str] = "labels/preview"
    draft: DraftView
    bad: tuple[str, ...]
    more_bad: int
    classes: tuple[tuple[str, int], ...]
    more_classes: int
    can_confirm: bool

    @classmethod
    def example(cls) -> Preview:
        """A file with one bad row."""
        return _preview(examples.draft())


@dataclass(frozen=True)
class Stored:
    """An upload that was confirmed: the version it made and how its rows lie in the parts."""

    template: ClassVar[str] = "labels/stored"
    draft: DraftView
    bad: tuple[str, ...]
    more_bad: int

    @classmethod
    def example(cls) -> Stored:
        """A first version."""
        return _stored(
            examples.draft(state="confirmed", version="5c1f09ab77de", total=437, train=300, dev=67, sealed=70)
        )


@dataclass(frozen=True)
class Dropped:
    """An upload that was cancelled or not confirmed within a day; nothing was stored."""

    template: ClassVar[str] = "labels/dropped"
    draft: DraftView

    @classmethod
    def example(cls) -> Dropped:
        """A cancelled upload."""
        return cls(examples.draft(state="cancelled"))


@dataclass(frozen=True)
class State:
    """The labels of a feature, and how many an investigation still needs."""

    template: ClassVar[str] = "labels/state"
    labels: LabelsView
    classes: tuple[tuple[str, int], ...]
    more_classes: int

    @classmethod
    def example(cls) -> State:
        """Labels that do not suffice yet."""
        return state(
            LabelsView(
                slug="ticket-router",
                version="5c1f09ab77de",
                rows=437,
                classes=(("billing", 201), ("bug", 140), ("howto", 96)),
                train=300,
                dev=67,
                sealed=70,
                sources=(("person", 437),),
                needed=163,
                next_step="/assay labels ticket-router",
            )
        )


def preview(draft: DraftView) -> Preview | Stored | Dropped:
    """The one message of an upload: its preview, until it is decided or a day old."""
    return _preview(draft) if draft.state == "open" else stored(draft)


def stored(draft: DraftView) -> Stored | Dropped:
    """What became of an upload."""
    return Dropped(draft) if draft.state in ("cancelled", "expired") else _stored(draft)


def _stored(draft: DraftView) -> Stored:
    return Stored(draft, draft.bad[:BAD_LISTED], _more_bad(draft))


def _preview(draft: DraftView) -> Preview:
    return Preview(
        draft=draft,
        bad=draft.bad[:BAD_LISTED],
        more_bad=_more_bad(draft),
        classes=draft.classes[:CLASSES_LISTED],
        more_classes=max(len(draft.classes) - CLASSES_LISTED, 0),
        can_confirm=draft.rows > 0,
    )


def _more_bad(draft: DraftView) -> int:
    return max(draft.bad_count - min(len(draft.bad), BAD_LISTED), 0)


def state(labels: LabelsView, *, in_shell: bool = False) -> State:
    """The labels of a feature; a shell opens no form, so the step that adds to them names a file there."""
    if in_shell and labels.needed:
        labels = labels.model_copy(update={"next_step": f"{labels.next_step} file=labels.csv"})
    return State(labels, labels.classes[:CLASSES_LISTED], max(len(labels.classes) - CLASSES_LISTED, 0))


def other_columns(slug: str, file_id: str, error: errors.OtherColumns) -> OtherColumns:
    """What is told of a file whose columns are to be named; as many of them as a button carries."""
    value = f"{slug} {file_id}"
    for column in error.columns:
        line = f"{value}\n{column}"
        value = line if len(line) <= VALUE_MOST else value
    return OtherColumns(error.message, error.hint, value)
