"""Correct a judge's scores by people's labels, and read a pairwise judge shown both orders.

Knows nothing of prompts or of which model judges.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.rules import checks
from engine.rules.checks import Vector
from engine.rules.distributions import normal_quantile
from engine.rules.pairs import Pairs, mcnemar_midp, tango_interval


@dataclass(frozen=True)
class PpiMean:
    """A mean corrected by labels, its standard error and interval, and the weight given to the judge (0 to 1)."""

    estimate: float
    standard_error: float
    low: float
    high: float
    weight: float


@dataclass(frozen=True)
class SwapWinRate:
    """Candidate's win rate over both orders with its interval, the slot's pull, consistency and a two-sided p."""

    win_rate: float
    low: float
    high: float
    slot_bias: float
    consistency: float
    p_value: float


def ppi_mean(
    labels: Sequence[float],
    judged: Sequence[float],
    judged_only: Sequence[float],
    *,
    weight: float | None = None,
    confidence: float = 0.95,
) -> PpiMean:
    """Estimate the mean label from few labels and many judge scores (PPI++, Angelopoulos, Duchi and Zrnic 2023).

    `judged` are the judge's scores of the labelled rows, `judged_only` of the rest. A weight of None is the one with
    the least variance, clipped to [0, 1]. Raises ValueError for fewer than 2 rows on a side or different lengths.
    """
    truth, seen = checks.vector("labels", labels), checks.vector("judged", judged)
    alone = checks.vector("judged_only", judged_only)
    checks.same_length("labels", truth, "judged", seen)
    for name, rows in (("labels", truth), ("judged_only", alone)):
        if len(rows) < 2:
            raise ValueError(f"{name} has {len(rows)} row; at least 2 are needed")
    z = normal_quantile(0.5 + checks.open_share("confidence", confidence) / 2.0)
    trust = _best_weight(truth, seen, alone) if weight is None else checks.share("weight", weight)
    corrections = truth - trust * seen
    estimate = trust * float(alone.mean()) + float(corrections.mean())
    variance = trust**2 * float(alone.var(ddof=1)) / len(alone) + float(corrections.var(ddof=1)) / len(truth)
    error = math.sqrt(variance)
    return PpiMean(estimate, error, estimate - z * error, estimate + z * error, trust)


def swap_win_rate(
    candidate_both: int,
    baseline_both: int,
    first_slot: int,
    second_slot: int,
    ties: int,
    confidence: float = 0.95,
) -> SwapWinRate:
    """Read a pairwise judge shown each pair in both orders; a win counts only if it survives the swap.

    Counts of pairs: won in both orders, by slot, tied. Raises ValueError for broken counts or no pair.
    """
    wins, losses = checks.count("candidate_both", candidate_both), checks.count("baseline_both", baseline_both)
    first, second = checks.count("first_slot", first_slot), checks.count("second_slot", second_slot)
    tied = checks.count("ties", ties)
    n = wins + losses + first + second + tied
    if n == 0:
        raise ValueError("candidate_both and all other counts are 0; at least one judged pair is needed")
    half = tango_interval(Pairs(first + second + tied, wins, losses, 0), confidence)
    return SwapWinRate(
        win_rate=(wins + (n - wins - losses) / 2.0) / n,
        low=0.5 + half.low / 2.0,
        high=0.5 + half.high / 2.0,
        slot_bias=(first - second) / n,
        consistency=(wins + losses + tied) / n,
        p_value=mcnemar_midp(wins, losses),
    )


def rogan_gladen(observed: float, sensitivity: float, specificity: float) -> float:
    """Correct an observed share by a judge's sensitivity and specificity (Rogan and Gladen 1978), clipped to [0, 1].

    Raises ValueError when sensitivity + specificity <= 1: such a judge says nothing.
    """
    seen = checks.share("observed", observed)
    hit, pass_by = checks.share("sensitivity", sensitivity), checks.share("specificity", specificity)
    if hit + pass_by <= 1.0:
        raise ValueError(f"sensitivity is {sensitivity!r} and specificity {specificity!r}; their sum must pass 1")
    return min(1.0, max(0.0, (seen + pass_by - 1.0) / (hit + pass_by - 1.0)))


def _best_weight(labels: Vector, judged: Vector, judged_only: Vector) -> float:
    spread = float(np.concatenate([judged, judged_only]).var(ddof=1))
    if spread == 0.0:
        return 0.0
    shared = float(((labels - labels.mean()) * (judged - judged.mean())).sum()) / (len(labels) - 1)
    return min(1.0, max(0.0, shared / ((1.0 + len(labels) / len(judged_only)) * spread)))
