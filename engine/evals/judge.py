"""Pairs of texts as a judge is asked about them, each in both orders, and its answers read back.

A judge is asked as any prompted option is, so that its replies are capped, remembered and never paid twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from engine.evals.rows import DatasetRow
from engine.models.investigation import Prediction
from engine.rules.judged import JudgedPair, Ruled, Winner, winner
from engine.teachers import judge

_ORDERS = (("#1", True), ("#2", False))  # how a row's two questions are named, and whether the candidate stands first


@dataclass(frozen=True)
class TextPair:
    """What both sides wrote for one brief, and whether each holds to the team's rules.

    ``cluster`` joins rows of one group and copies, ``names`` are those by which a protected slice finds the row.
    """

    row_id: str
    brief: str
    candidate: str
    prompted: str
    candidate_valid: bool = True
    prompted_valid: bool = True
    cluster: str = ""
    names: tuple[str, ...] = ()

    @property
    def ruled(self) -> Winner | None:
        """Who won without a judge: the only valid text; nobody where both say the same, or neither is valid."""
        if self.candidate_valid != self.prompted_valid:
            return "candidate" if self.candidate_valid else "prompted"
        is_even = not self.candidate_valid or self.candidate.strip() == self.prompted.strip()
        return "tie" if is_even else None

    @property
    def length_ratio(self) -> float:
        """The candidate's length over the prompted one's."""
        return max(len(self.candidate), 1) / max(len(self.prompted), 1)


def questions(pairs: Iterable[TextPair]) -> list[DatasetRow]:
    """Both orders of every pair that needs a judge, as rows to ask."""
    return [
        DatasetRow(id=f"{pair.row_id}{order}", input=_shown(pair, candidate_first=first), output="")
        for pair in pairs
        if pair.ruled is None
        for order, first in _ORDERS
    ]


def judged_pairs(
    pairs: Sequence[TextPair], answers: Sequence[Prediction], people: Mapping[str, Winner]
) -> dict[str, JudgedPair]:
    """The pairs whose both orders were answered with a word that can be read, by row; ``people`` by row."""
    said = {answer.row_id: answer.output for answer in answers if answer.valid}
    found: dict[str, JudgedPair] = {}
    for pair in pairs:
        orders: list[Winner] = [
            winner(said[pair.row_id + order], candidate_first=first)
            for order, first in _ORDERS
            if pair.row_id + order in said
        ]
        if pair.ruled is None and len(orders) == len(_ORDERS):
            found[pair.row_id] = JudgedPair(orders[0], orders[1], people.get(pair.row_id), pair.length_ratio)
    return found


def ruled(pairs: Iterable[TextPair]) -> Ruled:
    """How many pairs need no judge, by who won them."""
    found = [pair.ruled for pair in pairs]
    return Ruled(won=found.count("candidate"), lost=found.count("prompted"), even=found.count("tie"))


def _shown(pair: TextPair, *, candidate_first: bool) -> str:
    first, second = (pair.candidate, pair.prompted) if candidate_first else (pair.prompted, pair.candidate)
    return judge.shown(pair.brief, first, second)
