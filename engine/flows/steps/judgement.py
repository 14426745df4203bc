"""What a judge said of two sides' texts, as steps hand it on: models, counts and intervals, never texts."""

from __future__ import annotations

from pydantic import Field

from engine.models.base import Value
from engine.models.labels import Part


class Bench(Value):
    """The judge of a run: its model and where it is asked, and the families by role, "" for one that no name tells."""

    model: str
    base_url: str
    simulated: bool
    families: dict[str, str]

    @property
    def unknown(self) -> list[str]:
        """Whose family no name tells."""
        return [role for role, name in self.families.items() if not name]


class JudgedSlice(Value):
    """A protected slice by the judge's word: its rows, and the interval of the win rate less one half on them."""

    name: str
    rows: int
    difference: float = 0.0
    low: float = -1.0
    high: float = 1.0
    method: str = ""


class JudgedPart(Value):
    """What a judge said of the two sides' texts on a part, by counts (``engine.rules.judged``).

    ``pairs`` were read in both orders, ``table`` counts those that people compared too; ``unread`` had a reply that is
    no word, ``unanswered`` questions may be asked again. ``grouped`` is none where rows are not grouped.
    """

    part: Part
    bench: Bench
    pairs: int
    tally: dict[str, int]
    table: list[list[int]]
    ruled: dict[str, int]
    unread: int
    length_controlled: float
    design_effect: float
    groups: int
    grouped: int | None
    slices: list[JudgedSlice]
    questions: int
    unanswered: int
    nano_usd: int

    @property
    def people(self) -> int:
        """How many of the pairs people compared too."""
        return sum(map(sum, self.table))


class Judgement(Value):
    """A judge's word on both parts; ``sealed`` is none where nothing was opened, because it could not be believed.

    ``planned_rows`` would prove the margin on the win rate; ``blockers`` say why nothing was opened.
    """

    dev: JudgedPart
    sealed: JudgedPart | None = None
    planned_rows: int = 0
    disagreement: float = 0.0
    blockers: list[str] = Field(default_factory=list[str])
