"""How many rows prove a margin, before any money is spent on labels.

Knows nothing of the rows themselves; `compare` offers these names to the rest.
"""

from __future__ import annotations

import math

from engine.rules import checks
from engine.rules.distributions import normal_quantile, paired_t_power


def pairs_needed(
    disagreement: float,
    margin: float,
    difference: float = 0.0,
    *,
    alpha: float = 0.025,
    power: float = 0.8,
    design_effect: float = 1.0,
) -> int:
    """Count the pairs that show `difference` to be above `-margin` with the given one-sided alpha and power.

    n = (z_{1-alpha} + z_power)^2 (pd - d^2) / (d + margin)^2, times the design effect, rounded up; shares as fractions.
    Raises ValueError for difference <= -margin, |difference| > disagreement, or a disagreement or margin of 0.
    """
    apart = checks.share("disagreement", checks.above("disagreement", disagreement))
    allowed = checks.open_share("margin", margin)
    lead = checks.number("difference", difference)
    if lead <= -allowed:
        raise ValueError(f"difference is {difference!r}; it must be above -margin ({-allowed:g}) to be shown")
    if abs(lead) > apart:
        raise ValueError(f"difference is {difference!r}; it cannot exceed the disagreement of {apart:g}")
    raw = _z_sum(alpha, power) ** 2 * (apart - lead * lead) / (lead + allowed) ** 2
    return max(1, math.ceil(raw * checks.number("design_effect", design_effect, 1.0)))


def pairs_needed_to_win(
    candidate_only: float,
    baseline_only: float,
    *,
    alpha: float = 0.025,
    power: float = 0.8,
    design_effect: float = 1.0,
) -> int:
    """Count the pairs that show the candidate to be better, from the two rates of one-sided wins (Connor 1987).

    n = (z_{1-alpha} sqrt(pd) + z_power sqrt(pd - d^2))^2 / d^2, times the design effect, rounded up.
    Raises ValueError when the candidate does not lead or the rates do not fit into 1.
    """
    ours = checks.share("candidate_only", candidate_only)
    theirs = checks.share("baseline_only", baseline_only)
    apart, lead = ours + theirs, ours - theirs
    if lead <= 0.0:
        raise ValueError(f"candidate_only is {candidate_only!r} and baseline_only {baseline_only!r}; no lead to show")
    if apart > 1.0:
        raise ValueError(f"candidate_only and baseline_only sum to {apart!r}; together they cannot exceed 1")
    size, strength = _z_alpha(alpha), _z_power(power)
    raw = (size * math.sqrt(apart) + strength * math.sqrt(apart - lead * lead)) ** 2 / lead**2
    return max(1, math.ceil(raw * checks.number("design_effect", design_effect, 1.0)))


def scores_needed(
    sd: float, gap: float, *, alpha: float = 0.025, power: float = 0.8, design_effect: float = 1.0
) -> int:
    """Count the paired scores that show a mean difference of `gap` when differences have standard deviation `sd`.

    Smallest n >= 2 at which a one-sided paired t test has the power (noncentral t), times the design
    effect, rounded up.
    Raises ValueError for an sd or gap of 0 or below, or an alpha or power outside (0, 1).
    """
    effect = checks.above("gap", gap) / checks.above("sd", sd)
    size = checks.open_share("alpha", alpha)
    strength = checks.open_share("power", power)
    factor = checks.number("design_effect", design_effect, 1.0)
    high = 2
    while paired_t_power(high, effect, size) < strength:
        high *= 2
    low = high // 2  # not enough, or 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if paired_t_power(middle, effect, size) >= strength else (middle, high)
    return math.ceil(high * factor)


def _z_alpha(alpha: float) -> float:
    return normal_quantile(1.0 - checks.open_share("alpha", alpha))


def _z_power(power: float) -> float:
    return normal_quantile(checks.open_share("power", power))


def _z_sum(alpha: float, power: float) -> float:
    return _z_alpha(alpha) + _z_power(power)
