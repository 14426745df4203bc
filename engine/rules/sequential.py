"""Evidence that may be looked at any time: e-values of harm, safety, a paired difference and a broken split.

Knows nothing of stages or of who looks; every result is the natural log of an e-value (Ville 1939).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from engine.rules import checks
from engine.rules.checks import Vector

_BETS = 8  # bets of 2^-1 … 2^-8 of the largest safe one; their mean needs no tuning
_NO_GAP = 1e-12  # a gap below this is rounding


@dataclass(frozen=True)
class StageCounts:
    """Bad and good units of one stage; `share` is the tuned share, `base_rate` the baseline's frozen at its start."""

    share: float
    base_rate: float
    tuned_bad: int
    tuned_good: int
    baseline_bad: int
    baseline_good: int


@dataclass(frozen=True)
class StageScores:
    """One bad score in [0, 1] per unit and side; `share` and `base_rate` as in StageCounts."""

    share: float
    base_rate: float
    tuned: Sequence[float]
    baseline: Sequence[float]


@dataclass(frozen=True)
class StageRates:
    """How many units of each side had which bad score in [0, 1]; `share` and `base_rate` as in StageCounts."""

    share: float
    base_rate: float
    tuned: Mapping[float, int]
    baseline: Mapping[float, int]


Stage = StageCounts | StageScores | StageRates


def log_e_harm(stages: Sequence[Stage], tolerance: float = 0.0) -> float:
    """Give the log evidence that the tuned side is worse by more than `tolerance`, over all stages; [] gives 0.

    Valid at any peek, whatever `base_rate` is. Raises ValueError for a tolerance outside [0, 1) or a broken stage.
    """
    allowed = checks.margin("tolerance", tolerance)
    return _log_mean([_stage_bets(stage, lambda x: x - allowed) for stage in stages])


def harm_bound(guardrails: int, alpha: float) -> float:
    """Give the log evidence at which one of so many guardrails has the rollout taken back."""
    return math.log(max(guardrails, 1) / alpha)


def log_e_safe(stages: Sequence[Stage], margin: float) -> float:
    """Give the log evidence that the tuned side is worse by less than `margin`, over all stages; [] gives 0.

    Raises ValueError for a margin outside (0, 1) or a broken stage.
    """
    allowed = checks.open_share("margin", margin)
    return _log_mean([_stage_bets(stage, lambda x: allowed - x) for stage in stages])


def log_e_paired(
    candidate_only: int, baseline_only: int, same: int, margin: float, direction: str = "not_worse"
) -> float:
    """Give the log evidence that candidate - baseline is above -margin ("not_worse") or below it ("worse").

    Counts of rows only one side has right, and of the rest. Raises ValueError for broken counts, a margin outside
    [0, 1) or another direction.
    """
    counts = [
        checks.count("candidate_only", candidate_only),
        checks.count("baseline_only", baseline_only),
        checks.count("same", same),
    ]
    allowed = checks.margin("margin", margin)
    sign = 1.0 if checks.choice("direction", direction, ("not_worse", "worse")) == "not_worse" else -1.0
    gains = sign * (np.array([1.0, -1.0, 0.0]) + allowed)
    return _log_mean([_bets(gains, np.array(counts, dtype=np.float64), 1.0 - sign * allowed)])


def log_e_below(scores: Sequence[float], bar: float) -> tuple[float, ...]:
    """Give the log evidence, after each of `scores` (each in [0, 1]), that their mean is below `bar`.

    Bets on g = bar - score, whose mean is 0 or below while the mean is the bar or above: valid at any peek.
    Raises ValueError for a score out of range or a bar outside (0, 1).
    """
    level = checks.open_share("bar", bar)
    gains = level - _scores("scores", [*scores])
    bets = 0.5 ** np.arange(1, _BETS + 1) / (1.0 - level)
    sums = np.cumsum(np.log1p(bets[:, None] * gains), axis=1)
    return tuple(_log_mean([sums[:, place]]) for place in range(len(gains)))


def log_e_mismatch(tuned_units: int, baseline_units: int, share: float, strength: float = 1000.0) -> float:
    """Give the log evidence that units were not split at `share` (beta-binomial mixture of the given strength).

    Raises ValueError for broken counts, a share outside (0, 1) or a strength of 0 or below.
    """
    ours, theirs = checks.count("tuned_units", tuned_units), checks.count("baseline_units", baseline_units)
    p, k = checks.open_share("share", share), checks.above("strength", strength)
    mixed = _log_beta(k * p + ours, k * (1.0 - p) + theirs) - _log_beta(k * p, k * (1.0 - p))
    return mixed - ours * math.log(p) - theirs * math.log(1.0 - p)


def log_e_mismatch_by_day(days: Sequence[tuple[int, int]], share: float, strength: float = 1000.0) -> float:
    """Give the log evidence of a broken split from days that the same units may come back on; [] gives 0.

    `days` are the tuned and baseline units of each day, in order. Days are no independent draws, so their e-values are
    not multiplied: day k of them has the weight 6/(pi k)^2, whose sum is 1, and a mean of e-values is one whatever
    ties them. Raises ValueError as `log_e_mismatch`.
    """
    weights = [6.0 / (math.pi * (place + 1)) ** 2 for place in range(len(days))]
    parts = [
        math.log(weight) + log_e_mismatch(*day, share, strength) for weight, day in zip(weights, days, strict=True)
    ]
    rest = 1.0 - sum(weights)  # days to come count as 1 until they come
    parts += [math.log(rest)] if rest > 0.0 else []
    top = max(parts)
    return top + math.log(sum(math.exp(part - top) for part in parts))


def requests_needed(
    baseline_rate: float, tuned_rate: float, share: float, bound: float = 0.0, alpha: float = 0.05
) -> int:
    """Count the requests until an e-process tells `tuned_rate - baseline_rate` from `bound`; rates are bad shares.

    Raises ValueError when the gap to the bound is 0 or a rate is out of range.
    """
    p0, p1 = checks.share("baseline_rate", baseline_rate), checks.share("tuned_rate", tuned_rate)
    tuned_share, size = checks.open_share("share", share), checks.open_share("alpha", alpha)
    gap = p1 - p0 - checks.margin("bound", bound)
    if abs(gap) < _NO_GAP:
        raise ValueError(f"tuned_rate is {tuned_rate!r} and baseline_rate {baseline_rate!r}; the gap to {bound!r} is 0")
    variance = p1 * (1.0 - p1) / tuned_share + p0 * (1.0 - p0) / (1.0 - tuned_share)
    return max(1, math.ceil(2.0 * math.log(_BETS / size) * variance / gap**2))


def _stage_bets(stage: Stage, gain: Callable[[Vector], Vector]) -> Vector:
    """Sum ln(1 + λ_k gain(x)) over a stage's units for each bet k; x = (A/π - (1-A)/(1-π))(Y - f)."""
    share = checks.open_share("share", stage.share)
    rate = checks.share("base_rate", stage.base_rate)
    corners = gain(np.array([(1.0 - rate) / share, -rate / share, (rate - 1.0) / (1.0 - share), rate / (1.0 - share)]))
    worst = float(-corners.min())
    if isinstance(stage, StageCounts):
        return _bets(corners, _stage_counts(stage), worst)
    if isinstance(stage, StageRates):
        tuned, baseline = _scores("tuned", [*stage.tuned]), _scores("baseline", [*stage.baseline])
        units = [checks.count("units", one) for one in (*stage.tuned.values(), *stage.baseline.values())]
        x = np.concatenate([(tuned - rate) / share, (rate - baseline) / (1.0 - share)])
        return _bets(gain(x), np.array(units, dtype=np.float64), worst)
    tuned, baseline = _scores("tuned", stage.tuned), _scores("baseline", stage.baseline)
    x = np.concatenate([(tuned - rate) / share, (rate - baseline) / (1.0 - share)])
    return _bets(gain(x), np.ones(len(x)), worst)


def _stage_counts(stage: StageCounts) -> Vector:
    names = ("tuned_bad", "tuned_good", "baseline_bad", "baseline_good")
    return np.array([checks.count(name, getattr(stage, name)) for name in names], dtype=np.float64)


def _scores(name: str, scores: Sequence[float]) -> Vector:
    # One side of a stage may have no unit yet.
    return checks.vector(name, scores, 0.0, 1.0) if len(scores) else np.zeros(0)


def _bets(gains: Vector, counts: Vector, worst: float) -> Vector:
    bets = 0.5 ** np.arange(1, _BETS + 1) / worst
    return np.log1p(bets[:, None] * gains) @ counts


def _log_mean(stages: Sequence[Vector]) -> float:
    """Give ln of the mean over bets of exp(sum over stages)."""
    sums = np.sum(stages, axis=0) if stages else np.zeros(_BETS)
    top = float(sums.max())
    return top + math.log(float(np.exp(sums - top).mean()))


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)
