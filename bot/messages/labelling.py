"""A teacher's labelling: the one message that follows it, from the queue to the version it made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from bot.messages import labelled
from bot.messages.standing import Standing, standing
from engine.desk.labellings import LabellingView, TeacherQuote
from engine.models.investigation import OPEN_STATES


@dataclass(frozen=True)
class Labelling:
    """How a labelling stands. ``nonsense`` are replies that are no label; ``usd_a_label`` what one label cost.

    ``capped_rows`` is how many texts the cap pays for where it is less than the quote, else none.
    """

    template: ClassVar[str] = "labelling/card"
    seen: LabellingView
    standing: Standing
    nonsense: int
    usd_a_label: float | None
    can_cancel: bool
    capped_rows: int | None = None

    @classmethod
    def example(cls) -> Labelling:
        """One that ended with labels."""
        return card(labelled.labelling())


def card(seen: LabellingView) -> Labelling:
    """The message of a labelling."""
    counts = {name: int(value) for name, value in seen.counts.items() if isinstance(value, int)}
    usable = sum(counts.get(name, 0) for name in ("valid", "refused", "cut"))
    return Labelling(
        seen=seen,
        standing=standing(seen.state, seen.lost_since),
        nonsense=max(counts.get("answered", 0) - usable, 0),
        usd_a_label=seen.spent_usd / seen.added if seen.added else None,
        can_cancel=seen.state in OPEN_STATES,
        capped_rows=capped(seen.drawn, seen.quoted.usd, seen.budget_usd) if seen.quoted else None,
    )


@dataclass(frozen=True)
class TeacherQuoted:
    """What a teacher's labels would cost, and the words that have them made; ``capped_rows`` as in ``Labelling``."""

    template: ClassVar[str] = "labelling/quote"
    quote: TeacherQuote
    words: str
    capped_rows: int | None

    @classmethod
    def example(cls) -> TeacherQuoted:
        """Five hundred texts."""
        return quoted(labelled.teacher_quote(), "labels ticket-router sample=500")


def quoted(quote: TeacherQuote, words: str) -> TeacherQuoted:
    """A teacher's quote."""
    return TeacherQuoted(quote, words, capped(quote.rows, quote.usd, quote.budget_usd))


def capped(rows: int, usd: float, budget_usd: float) -> int | None:
    """How many of the texts a budget pays for; none where it pays for all of them."""
    return int(rows * budget_usd / usd) if usd > budget_usd else None
