"""Ask how far a confidence can be trusted, and above which one an answer may stand.

Knows nothing of models; it takes confidences in [0, 1] and whether each answer was right.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.rules import checks
from engine.rules.checks import Vector
from engine.rules.pairs import clopper_pearson_upper

_EDGE = 1e-6  # a confidence of 1 has no finite log-odds
_MOST_LOG_TEMPERATURE = 2.995732273553991  # ln 20
_HALVINGS = 100  # the log loss in 1/T is convex, so thirds close in on its one lowest place


@dataclass(frozen=True)
class Cascade:
    """A confidence from which answers stand, the share that stands, their error and its upper bound."""

    threshold: float
    kept_share: float
    error: float
    error_upper: float


def expected_calibration_error(confidence: Sequence[float], correct: Sequence[float], bins: int = 10) -> float:
    """Give the mean gap between confidence and share right over equal bins [k/B, (k+1)/B), 1.0 in the last.

    Raises ValueError for no rows, different lengths, a confidence outside [0, 1] or fewer than 1 bin.
    """
    sure, right = _rows(confidence, correct)
    size = checks.count("bins", bins, 1)
    # Edges are compared, not multiplied: .7 * 10 would land below 7 for some values.
    edges = np.arange(1, size) / size
    places = np.searchsorted(edges, sure, side="right")
    gaps = np.bincount(places, weights=right - sure, minlength=size)
    return float(np.abs(gaps).sum() / len(sure))


def brier(confidence: Sequence[float], correct: Sequence[float]) -> float:
    """Give the mean squared gap between confidence and outcome (Brier 1950).

    Raises ValueError for no rows, different lengths or a confidence outside [0, 1].
    """
    sure, right = _rows(confidence, correct)
    return float(np.square(sure - right).mean())


def temperature(confidence: Sequence[float], correct: Sequence[float]) -> float:
    """Fit the one number that makes the confidences of the answers given match how often they are right.

    The log-odds of each confidence are divided by it (temperature scaling of the answer given; Guo et al. 2017): above
    1 the model was too sure. It has the least log loss, within [1/20, 20]; 1 where no row is right or none is wrong.
    Raises ValueError for no rows, different lengths, a confidence outside [0, 1].
    """
    sure, right = _rows(confidence, correct)
    if right.min() == right.max():
        return 1.0
    odds = _log_odds(sure)
    low, high = -_MOST_LOG_TEMPERATURE, _MOST_LOG_TEMPERATURE
    for _ in range(_HALVINGS):
        third = (high - low) / 3.0
        one, other = low + third, high - third
        low, high = (low, other) if _log_loss(odds, right, one) <= _log_loss(odds, right, other) else (one, high)
    return float(np.exp((low + high) / 2.0))


def scaled(confidence: Sequence[float], temperature: float) -> tuple[float, ...]:
    """Give the confidences after temperature scaling, in order.

    Raises ValueError for no rows, a confidence outside [0, 1] or a temperature of 0 or below.
    """
    odds = _log_odds(checks.vector("confidence", confidence, 0.0, 1.0))
    divided = odds / checks.above("temperature", temperature)
    return tuple(float(share) for share in 1.0 / (1.0 + np.exp(-divided)))


def cascade_threshold(
    confidence: Sequence[float],
    correct: Sequence[float],
    target_error: float,
    *,
    level: float = 0.95,
    minimum: int = 30,
) -> Cascade | None:
    """Find the lowest confidence from .99 down to .01 above which the error is surely at most `target_error`.

    It stops at the first whose one-sided Clopper–Pearson bound at `level` passes the target, so no correction for
    trying many is needed; fewer than `minimum` kept rows are passed over. None if none is accepted.
    Raises ValueError for no rows, different lengths, or shares out of range.
    """
    sure, right = _rows(confidence, correct)
    target, bound = checks.open_share("target_error", target_error), checks.open_share("level", level)
    least = checks.count("minimum", minimum, 1)
    accepted = None
    for hundredths in range(99, 0, -1):
        threshold = hundredths / 100.0
        kept = right[sure >= threshold]
        if len(kept) < least:
            continue
        wrong = len(kept) - int(kept.sum())
        upper = clopper_pearson_upper(wrong, len(kept), bound)
        if upper > target:
            break
        accepted = Cascade(threshold, len(kept) / len(sure), wrong / len(kept), upper)
    return accepted


def _log_odds(sure: Vector) -> Vector:
    kept = np.clip(sure, _EDGE, 1.0 - _EDGE)
    return np.log(kept / (1.0 - kept))


def _log_loss(odds: Vector, right: Vector, log_temperature: float) -> float:
    signed = odds / np.exp(log_temperature) * (2.0 * right - 1.0)
    return float(np.logaddexp(0.0, -signed).mean())


def _rows(confidence: Sequence[float], correct: Sequence[float]) -> tuple[Vector, Vector]:
    sure, right = checks.vector("confidence", confidence, 0.0, 1.0), checks.outcomes("correct", correct)
    checks.same_length("confidence", sure, "correct", right)
    return sure, right
