"""People's labels: the message of a queue, and the one text that lies before one person with its buttons."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from bot.messages import labelled
from engine.desk.queues import QueueView, TurnView, Way
from engine.models.labelling import QueuePurpose, QueueState

SHOWN = 2_500  # characters of a text in a message; Slack takes 3,000 a section
A_ROW = 20  # buttons in one row of them
ROWS_SHOWN = 10  # ids of rows in a message


@dataclass(frozen=True)
class Queue:
    """How a queue stands; once it is closed, how far people agreed and what it made.

    ``wrong_shown`` are rows whose label people found wrong, ``wrong_more`` counts the others.
    """

    template: ClassVar[str] = "queue/card"
    seen: QueueView
    is_open: bool
    is_audit: bool
    is_pairs: bool
    is_answers: bool
    rows: int
    kappa: float | None
    low: float | None
    high: float | None
    ac1: float | None
    alpha: float | None
    agreed: float | None
    wrong_shown: tuple[str, ...] = ()
    wrong_more: int = 0

    @classmethod
    def example(cls) -> Queue:
        """A closed one."""
        return queue(labelled.queue())


@dataclass(frozen=True)
class Choice:
    """One label a person may press: its word, and what the press carries; or one of two texts, under its letter."""

    name: str
    value: str


@dataclass(frozen=True)
class Turn:
    """A text before one person: its labels as rows of buttons until they answered. ``cut`` characters do not fit.

    Of a pair the brief is the text, and ``pair`` holds the two texts written for it; of an answer it holds the answer,
    the label and the way to it; of a long answer the end, where it stands. ``writes``: the answer is written.
    """

    template: ClassVar[str] = "queue/turn"
    seen: TurnView
    text: str
    cut: int
    rows: tuple[tuple[Choice, ...], ...]
    can_answer: bool
    pair: tuple[Choice, ...] = ()
    writes: bool = False

    @classmethod
    def example(cls) -> Turn:
        """A text to label."""
        return turn(labelled.turn())


@dataclass(frozen=True)
class Done:
    """Nothing waits for this person any more."""

    template: ClassVar[str] = "queue/done"
    slug: str

    @classmethod
    def example(cls) -> Done:
        """The last text was answered."""
        return cls("ticket-router")


def queue(seen: QueueView) -> Queue:
    """The one message of a queue."""
    rows = seen.agreement.get("rows")
    return Queue(
        seen=seen,
        is_open=seen.state is QueueState.OPEN,
        is_audit=seen.purpose is QueuePurpose.AUDIT,
        is_pairs=seen.purpose is QueuePurpose.PAIRS,
        is_answers=seen.purpose is QueuePurpose.ANSWERS,
        wrong_shown=seen.wrong_labels[:ROWS_SHOWN],
        wrong_more=max(len(seen.wrong_labels) - ROWS_SHOWN, 0),
        rows=int(rows) if rows else 0,
        **{name: seen.agreement.get(name) for name in ("kappa", "low", "high", "ac1", "alpha", "agreed")},
    )


def turn(seen: TurnView) -> Turn:
    """A text before a person."""
    can_answer = seen.said is None and seen.is_open
    choices = [Choice(name, f"{seen.turn_id}.{place}") for place, name in enumerate(seen.classes)] if can_answer else []
    shown = (seen.text, seen.first, seen.second, seen.rationale)
    names = ("Answer", "Label", "How it was reached") if seen.is_answer else ("A", "B", "")
    cut = (seen.first[-SHOWN:] if seen.is_answer else seen.first[:SHOWN], seen.second[:SHOWN], seen.rationale[:SHOWN])
    found = tuple(Choice(name, text) for name, text in zip(names, cut, strict=True) if name)
    pair = tuple(one for one in found if one.value) if seen.is_answer else found if seen.first or seen.second else ()
    return Turn(
        seen=seen,
        text=seen.text[:SHOWN],
        cut=sum(max(len(text) - SHOWN, 0) for text in shown),
        pair=pair,
        rows=tuple(tuple(choices[start : start + A_ROW]) for start in range(0, len(choices), A_ROW)),
        can_answer=can_answer,
        writes=seen.way is not Way.CHOICE,
    )


def following(seen: TurnView | None, slug: str) -> Turn | Done:
    """The next text, or that there is none."""
    return turn(seen) if seen is not None else Done(slug)
