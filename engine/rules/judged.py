"""Score texts and reasoning by recorded judgements: a judge in both orders, people beside it, answers drawn k times.

A judge alone is never a score: without enough people, or where they agree too little with it, there is no interval.
Knows nothing of prompts, of who judged, or of what follows.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from engine.rules import checks
from engine.rules.agreement import cohen_kappa, gwet_ac1
from engine.rules.distributions import normal_quantile
from engine.rules.gates import HUMANS_LEAST, KAPPA_LEAST
from engine.rules.judges import PpiMean, SwapWinRate, ppi_mean, swap_win_rate
from engine.rules.pairs import Interval

Winner = Literal["candidate", "prompted", "tie"]

FIRST, SECOND, TIE = CHOICES = ("A", "B", "tie")  # what a judge or a person may answer to two texts
_WINNERS: tuple[Winner, ...] = ("candidate", "prompted", "tie")
# A pair that the judge gave to the candidate and people to the other side, and one the other way round.
_UNSEEN = (1.0, -1.0)
_WORTH = {"candidate": 1.0, "prompted": 0.0, "tie": 0.5}


def winner(choice: str, *, candidate_first: bool) -> Winner:
    """Give who wrote the text that was chosen. Raises ValueError for another choice than A, B or tie."""
    checks.choice("choice", choice, CHOICES)
    if choice == TIE:
        return "tie"
    return "candidate" if (choice == FIRST) == candidate_first else "prompted"


@dataclass(frozen=True)
class JudgedPair:
    """Two texts to one brief, as a judge saw them in both orders, and as a person did (None: nobody did).

    ``first`` is whom the judge preferred with the candidate in the first place, ``second`` with it in the second.
    ``length_ratio`` is the candidate's length over the prompted one's.
    """

    first: Winner
    second: Winner
    human: Winner | None = None
    length_ratio: float = 1.0

    @property
    def survived(self) -> Winner:
        """Who won in both orders; a win in one order alone is a tie."""
        return self.first if self.first == self.second else "tie"


@dataclass(frozen=True)
class Tally:
    """How a judge saw pairs in both orders: won in both, by the place they stood in, or tied in an order."""

    candidate_both: int = 0
    prompted_both: int = 0
    first_slot: int = 0
    second_slot: int = 0
    ties: int = 0

    @property
    def pairs(self) -> int:
        """How many pairs were judged."""
        return self.candidate_both + self.prompted_both + self.even

    @property
    def even(self) -> int:
        """Pairs that nobody won in both orders."""
        return self.first_slot + self.second_slot + self.ties

    @property
    def worths(self) -> list[float]:
        """What each pair is worth to the candidate: 1, 0 or one half."""
        return [1.0] * self.candidate_both + [0.0] * self.prompted_both + [0.5] * self.even


@dataclass(frozen=True)
class Ruled:
    """Pairs that need no judge: only one text is valid (won or lost), or both say the same or neither is valid."""

    won: int = 0
    lost: int = 0
    even: int = 0

    @property
    def worths(self) -> list[float]:
        """What each pair is worth to the candidate."""
        return [1.0] * self.won + [0.0] * self.lost + [0.5] * self.even


Table = Sequence[Sequence[int]]  # pairs by what the judge said (rows) and people said: candidate, prompted, tie


@dataclass(frozen=True)
class Judged:
    """Judgements made into a score. ``blockers`` say why it gives no verdict; ``difference`` is none then.

    ``difference`` is the candidate's win rate less one half, as people would give it: PPI++ over the pairs a judge saw,
    with the pairs that needed none as they are. kappa and AC1 are of the judge against people; both are shown, for
    kappa is low where nearly all answers are the same.
    """

    swap: SwapWinRate
    length_controlled: float
    humans: int
    kappa: float | None
    ac1: float | None
    ppi: PpiMean | None
    blockers: tuple[str, ...]
    difference: Interval | None


@dataclass(frozen=True)
class Sampled:
    """Answers drawn k times: each question's share of right draws, whether the most frequent answer is right, and k.

    ``shares`` are what is compared, paired by question; ``majority`` costs ``k`` times as much to answer.
    """

    shares: tuple[float, ...]
    majority: tuple[float, ...]
    k: int


def judged(pairs: Sequence[JudgedPair], *, confidence: float = 0.95) -> Judged:
    """Score judged pairs (docs/rules.md 5, voice). Fewer than 100 human pairs, or kappa below .60: no difference.

    Raises ValueError for no pairs, unknown winners, or lengths of 0 or below.
    """
    if not pairs:
        raise ValueError("pairs is empty; at least one judged pair is needed")
    for place, pair in enumerate(pairs):
        _check(place, pair)
    return counted(
        tally(pairs),
        tabled(pairs),
        alone=tally([pair for pair in pairs if pair.human is None]),
        length_controlled=length_controlled(pairs),
        confidence=confidence,
    )


def counted(
    shown: Tally,
    table: Table,
    *,
    alone: Tally,
    length_controlled: float,
    ruled: Ruled | None = None,
    confidence: float = 0.95,
    design_effect: float = 1.0,
) -> Judged:
    """Score judgements from counts alone, which are all that leaves the sealed rows.

    ``shown`` are the pairs the win rate is told of, ``alone`` those the judge saw without people, ``table`` those both
    saw, ``ruled`` those beside ``alone`` that needed no judge. ``design_effect`` says how many times as many rows
    grouped rows need: the interval is wider by its root. Raises ValueError for broken counts, no pair, or an effect
    below 1.
    """
    humans = sum(map(sum, table))
    kappa = cohen_kappa(table) if humans else None
    found, effect = blockers(humans, kappa), checks.number("design_effect", design_effect, 1.0)
    ppi = _ppi(table, alone, confidence)
    return Judged(
        swap=swap_win_rate(
            shown.candidate_both, shown.prompted_both, shown.first_slot, shown.second_slot, shown.ties, confidence
        ),
        length_controlled=length_controlled,
        humans=humans,
        kappa=kappa,
        ac1=gwet_ac1(table) if humans else None,
        ppi=ppi,
        blockers=found,
        difference=_difference(ppi, table, alone, ruled or Ruled(), confidence=confidence, effect=effect)
        if ppi and not found
        else None,
    )


def tally(pairs: Sequence[JudgedPair]) -> Tally:
    """Count pairs by how both orders came out."""
    seen = Counter((pair.first, pair.second) for pair in pairs)
    return Tally(
        candidate_both=seen["candidate", "candidate"],
        prompted_both=seen["prompted", "prompted"],
        first_slot=seen["candidate", "prompted"],
        second_slot=seen["prompted", "candidate"],
        ties=sum(count for orders, count in seen.items() if "tie" in orders),
    )


def worths(pairs: Sequence[JudgedPair]) -> list[float]:
    """Give what each pair is worth to the candidate by the judge's word: 1, 0 or one half."""
    return [_WORTH[pair.survived] for pair in pairs]


def tabled(pairs: Sequence[JudgedPair]) -> list[list[int]]:
    """Count the pairs that people saw too, by the judge's word (rows) and theirs."""
    seen = Counter((pair.survived, pair.human) for pair in pairs)
    return [[seen[judge, human] for human in _WINNERS] for judge in _WINNERS]


def blockers(humans: int, kappa: float | None) -> tuple[str, ...]:
    """Say why judgements give no verdict: too few people, or a judge that agrees too little with them.

    An undefined kappa (None: all answers are the same) proves no agreement. Raises ValueError for a negative count.
    """
    found: list[str] = []
    if checks.count("humans", humans) < HUMANS_LEAST:
        found.append(f"people judged {humans:,} of the {HUMANS_LEAST} that are needed")
    if kappa is None or checks.number("kappa", kappa, -1.0, 1.0) < KAPPA_LEAST:
        found.append("the judge agrees too little with people")
    return tuple(found)


def sampled(answers: Sequence[Sequence[str]], truth: Sequence[str]) -> Sampled:
    """Grade k drawn answers to each question by equality (docs/rules.md 5, reason).

    The most frequent answer counts for the majority, the one drawn first where two are as frequent.
    Raises ValueError for no questions, no draws, different numbers of draws, or different lengths.
    """
    checks.same_length("answers", answers, "truth", truth)
    draws = {len(drawn) for drawn in answers}
    if len(draws) != 1 or draws == {0}:
        raise ValueError(f"answers has {sorted(draws)} draws a question; the same number of 1 or more is needed")
    shares = [sum(said == right for said in drawn) / len(drawn) for drawn, right in zip(answers, truth, strict=True)]
    most = [Counter(drawn).most_common(1)[0][0] for drawn in answers]
    majority = [float(said == right) for said, right in zip(most, truth, strict=True)]
    return Sampled(tuple(shares), tuple(majority), draws.pop())


def length_controlled(pairs: Sequence[JudgedPair]) -> float:
    """Give the win rate at equal lengths: least squares of wins on the log of the length ratio, where that is 0."""
    wins = np.array(worths(pairs))
    longer = np.log([pair.length_ratio for pair in pairs])
    spread = float(np.square(longer - longer.mean()).sum())
    slope = float(((longer - longer.mean()) * (wins - wins.mean())).sum()) / spread if spread > 0.0 else 0.0
    return min(1.0, max(0.0, float(wins.mean()) - slope * float(longer.mean())))


def _seen(table: Table) -> tuple[list[float], list[float]]:
    """What the pairs that both saw are worth by people and by the judge."""
    labels = [_WORTH[_WINNERS[human]] for row in table for human, count in enumerate(row) for _ in range(count)]
    return labels, [_WORTH[_WINNERS[judge]] for judge, row in enumerate(table) for _ in range(sum(row))]


def _ppi(table: Table, alone: Tally, confidence: float) -> PpiMean | None:
    labels, seen = _seen(table)
    if len(labels) < 2 or alone.pairs < 2:
        return None
    return ppi_mean(labels, seen, alone.worths, confidence=confidence)


def _difference(
    ppi: PpiMean, table: Table, alone: Tally, ruled: Ruled, *, confidence: float, effect: float
) -> Interval:
    """PPI++ over the judged pairs and the ruled ones as they are. Its interval is wider by two pairs nobody saw.

    A judge that is wrong on one pair in fifty may be wrong on none that people saw: what they corrected would scatter
    too little (docs/decisions/0050).
    """
    labels, seen = (np.array(side) for side in _seen(table))
    corrections = labels - ppi.weight * seen
    judged_worths = ppi.weight * np.array(alone.worths) + corrections.mean()
    worths = np.concatenate([judged_worths, ruled.worths])
    share = alone.pairs / len(worths)
    spread = np.concatenate([corrections, corrections.mean() + np.array(_UNSEEN)]).var(ddof=1)
    variance = worths.var(ddof=1) / len(worths) + share**2 * spread / len(labels)
    half = normal_quantile(0.5 + confidence / 2.0) * math.sqrt(float(variance) * effect)
    middle = float(worths.mean()) - 0.5
    return Interval(middle, middle - half, middle + half)


def _check(place: int, pair: JudgedPair) -> None:
    checks.choice(f"pairs[{place}].first", pair.first, _WINNERS)
    checks.choice(f"pairs[{place}].second", pair.second, _WINNERS)
    if pair.human is not None:
        checks.choice(f"pairs[{place}].human", pair.human, _WINNERS)
    checks.above(f"pairs[{place}].length_ratio", pair.length_ratio)
