"""Measure how far people agree on what they labelled twice, with a teacher they audit, and with their labels of old.

Knows nothing of queues or texts. Kappa's interval is Bishop, Fienberg and Holland's (1975) large-sample one.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

from engine.rules import checks
from engine.rules.agreement import cohen_kappa, gwet_ac1, krippendorff_alpha
from engine.rules.distributions import normal_quantile
from engine.rules.pairs import wilson

KAPPA_LEAST = 0.6  # docs/rules.md 8: below it a model is judged by labels that people do not share
ROWS_LEAST = 30  # rows judged twice below which nothing is said


@dataclass(frozen=True)
class Agreement:
    """Of ``rows`` judged twice: the share ``agreed``, kappa with its interval, AC1 and alpha; None is undefined."""

    rows: int
    agreed: float | None = None
    kappa: float | None = None
    low: float | None = None
    high: float | None = None
    ac1: float | None = None
    alpha: float | None = None


@dataclass(frozen=True)
class Flip:
    """Rows whose old label two people did not stand by, and the one they settled for."""

    was: str
    now: str
    rows: int


@dataclass(frozen=True)
class Again:
    """Of ``rows`` asked again the share a person ``agreed`` on, with Wilson's interval, and the labels that changed.

    ``flips`` are those where a third person settled for another label, most first.
    """

    rows: int
    agreed: float | None = None
    low: float | None = None
    high: float | None = None
    flips: tuple[Flip, ...] = ()


def again(asked: Sequence[tuple[str, str, str]], confidence: float = 0.95) -> Again:
    """Rows asked again, each as the old label, the blind answer ("": could not tell) and what was settled in the end.

    Where that is "" nobody settled it, and the label stays.
    Raises ValueError for a confidence outside (0, 1).
    """
    if not asked:
        return Again(0)
    same = sum(old == first for old, first, _ in asked)
    interval = wilson(same, len(asked), confidence)
    counts = Counter((old, settled) for old, _, settled in asked if settled not in ("", old))
    flips = sorted(
        (Flip(*pair, rows) for pair, rows in counts.items()), key=lambda flip: (-flip.rows, flip.was, flip.now)
    )
    return Again(len(asked), same / len(asked), interval.low, interval.high, tuple(flips))


def is_too_low(found: Agreement) -> bool | None:
    """Whether kappa may lie under .6; none where fewer than 30 rows were judged twice, or kappa is undefined."""
    return None if found.rows < ROWS_LEAST or found.low is None else found.low < KAPPA_LEAST


def is_surely_below(found: Again, least: float) -> bool | None:
    """Whether old labels surely hold less often than ``least``; none where nothing was asked again."""
    return None if found.high is None else found.high < least


def agreement(pairs: Sequence[tuple[str, str]], confidence: float = 0.95) -> Agreement:
    """Two judgements of each row, in the same order of judges; alpha is None here.

    With fewer than two labels in use kappa and AC1 are undefined. Raises ValueError for a confidence outside (0, 1).
    """
    if not pairs:
        return Agreement(0)
    agreed = sum(one == other for one, other in pairs) / len(pairs)
    names = sorted({label for pair in pairs for label in pair})
    if len(names) < 2:
        return Agreement(len(pairs), agreed)
    table = _table(pairs, names)
    kappa = cohen_kappa(table)
    low, high = kappa_interval(table, confidence)
    return Agreement(len(pairs), agreed, kappa, low, high, gwet_ac1(table))


def doubles(judged: Sequence[Mapping[str, str]], confidence: float = 0.95) -> Agreement:
    """Rows that two or more people judged, each a label by person in the order they answered.

    Kappa is that of the first two answers of each row, alpha that of all.
    """
    rows = [tuple(row.values()) for row in judged if len(row) >= 2]
    found = agreement([(row[0], row[1]) for row in rows], confidence)
    people = sorted({person for row in judged for person in row})
    ratings: list[list[Hashable | None]] = [[row.get(person) for row in judged if len(row) >= 2] for person in people]
    alpha = krippendorff_alpha(ratings) if rows else None
    return Agreement(found.rows, found.agreed, found.kappa, found.low, found.high, found.ac1, alpha)


def kappa_interval(table: Sequence[Sequence[int]], confidence: float = 0.95) -> tuple[float | None, float | None]:
    """Give the ends of kappa's large-sample interval from a square table of counts, cut to [-1, 1].

    None where kappa is undefined. Raises ValueError for broken counts or a confidence outside (0, 1).
    """
    rows = checks.square_table("table", table)
    kappa = cohen_kappa(rows)
    if kappa is None:
        return None, None
    half = normal_quantile(0.5 + checks.share("confidence", confidence) / 2.0) * math.sqrt(_variance(rows))
    return max(kappa - half, -1.0), min(kappa + half, 1.0)


def _variance(rows: Sequence[Sequence[int]]) -> float:
    n = sum(map(sum, rows))
    shares = [[count / n for count in row] for row in rows]
    across = [sum(row) for row in shares]
    down = [sum(column) for column in zip(*shares, strict=True)]
    places = range(len(rows))
    agreed = sum(shares[i][i] for i in places)
    chance = sum(across[i] * down[i] for i in places)
    third = sum(shares[i][i] * (across[i] + down[i]) for i in places)
    fourth = sum(shares[i][j] * (across[j] + down[i]) ** 2 for i in places for j in places)
    first = agreed * (1 - agreed) / (1 - chance) ** 2
    second = 2 * (1 - agreed) * (2 * agreed * chance - third) / (1 - chance) ** 3
    last = (1 - agreed) ** 2 * (fourth - 4 * chance**2) / (1 - chance) ** 4
    return max(first + second + last, 0.0) / n


def _table(pairs: Sequence[tuple[str, str]], names: Sequence[str]) -> list[list[int]]:
    place = {name: number for number, name in enumerate(names)}
    table = [[0] * len(names) for _ in names]
    for one, other in pairs:
        table[place[one]][place[other]] += 1
    return table
