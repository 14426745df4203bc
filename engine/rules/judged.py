"""Score texts and reasoning by recorded judgements: a judge in both orders, people beside it, answers drawn k times.

A judge alone is never a score: without enough people, or where they agree too little with it, there is no interval.
Knows nothing of prompts, of who judged, or of what follows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from engine.rules import checks
from engine.rules.agreement import cohen_kappa, gwet_ac1
from engine.rules.gates import KAPPA_LEAST
from engine.rules.judges import PpiMean, SwapWinRate, ppi_mean, swap_win_rate
from engine.rules.pairs import Interval

Winner = Literal["candidate", "prompted", "tie"]

HUMANS_LEAST = 100  # docs/rules.md 5: pairs or answers that people judged too
_WINNERS: tuple[Winner, ...] = ("candidate", "prompted", "tie")
_WORTH = {"candidate": 1.0, "prompted": 0.0, "tie": 0.5}


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
class Judged:
    """Judgements made into a score. ``blockers`` say why it gives no verdict; ``difference`` is none then.

    ``difference`` is the candidate's win rate less one half, as people would give it (PPI++). kappa and AC1 are of the
    judge against people; both are shown, for kappa is low where nearly all answers are the same.
    """

    swap: SwapWinRate
    length_controlled: float
    humans: int
    kappa: float | None
    ac1: float | None
    ppi: PpiMean | None
    blockers: tuple[str, ...]

    @property
    def difference(self) -> Interval | None:
        """Candidate minus prompted, or none while something blocks."""
        if self.blockers or self.ppi is None:
            return None
        return Interval(self.ppi.estimate - 0.5, self.ppi.low - 0.5, self.ppi.high - 0.5)


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
    people = [pair for pair in pairs if pair.human is not None]
    table = _table(people)
    kappa = cohen_kappa(table) if people else None
    return Judged(
        swap=_swap(pairs, confidence),
        length_controlled=_length_controlled(pairs),
        humans=len(people),
        kappa=kappa,
        ac1=gwet_ac1(table) if people else None,
        ppi=_ppi(pairs, people, confidence),
        blockers=blockers(len(people), kappa),
    )


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


def _swap(pairs: Sequence[JudgedPair], confidence: float) -> SwapWinRate:
    seen = Counter((pair.first, pair.second) for pair in pairs)
    ties = sum(count for orders, count in seen.items() if "tie" in orders)
    return swap_win_rate(
        seen["candidate", "candidate"],
        seen["prompted", "prompted"],
        seen["candidate", "prompted"],
        seen["prompted", "candidate"],
        ties,
        confidence,
    )


def _length_controlled(pairs: Sequence[JudgedPair]) -> float:
    """The win rate at equal lengths: the intercept of least squares of wins on the log of the length ratio."""
    wins = np.array([_WORTH[pair.survived] for pair in pairs])
    longer = np.log([pair.length_ratio for pair in pairs])
    spread = float(np.square(longer - longer.mean()).sum())
    slope = float(((longer - longer.mean()) * (wins - wins.mean())).sum()) / spread if spread > 0.0 else 0.0
    return min(1.0, max(0.0, float(wins.mean()) - slope * float(longer.mean())))


def _table(people: Sequence[JudgedPair]) -> list[list[int]]:
    seen = Counter((pair.survived, pair.human) for pair in people)
    return [[seen[judge, human] for human in _WINNERS] for judge in _WINNERS]


def _ppi(pairs: Sequence[JudgedPair], people: Sequence[JudgedPair], confidence: float) -> PpiMean | None:
    alone = [_WORTH[pair.survived] for pair in pairs if pair.human is None]
    labels = [_WORTH[pair.human] for pair in people if pair.human is not None]
    if len(labels) < 2 or len(alone) < 2:
        return None
    return ppi_mean(labels, [_WORTH[pair.survived] for pair in people], alone, confidence=confidence)


def _check(place: int, pair: JudgedPair) -> None:
    checks.choice(f"pairs[{place}].first", pair.first, _WINNERS)
    checks.choice(f"pairs[{place}].second", pair.second, _WINNERS)
    if pair.human is not None:
        checks.choice(f"pairs[{place}].human", pair.human, _WINNERS)
    checks.above(f"pairs[{place}].length_ratio", pair.length_ratio)
