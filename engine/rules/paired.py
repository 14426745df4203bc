"""Compare two contenders on the same rows by the interval that fits: right or wrong, scores, grouped rows.

Knows nothing of which rows these are, of margins or of what follows; `pairs` and `compare` have the intervals.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

from engine.rules import checks
from engine.rules.checks import Vector
from engine.rules.compare import mean_difference, unequal_groups_error
from engine.rules.distributions import normal_quantile, normal_tail, t_quantile, t_tail
from engine.rules.pairs import Interval, Pairs, tango_interval, tango_test

GROUPED_SHARE = 0.9  # fewer groups than this share of rows: rows are grouped, and the interval must know
GROUPS_LEAST = 20  # docs/rules.md 3: fewer groups give no interval worth the name
TANGO = "Tango (1998) paired score interval"
NO_INTERVAL = "none: too few groups"
FEW_GROUPS = "fewer than 20 groups"
_LEVEL = 0.5  # any level gives the standard error back
_NOTHING = 1e-12  # an error below this is rounding


@dataclass(frozen=True)
class Paired:
    """A paired difference (candidate minus baseline) with its interval, and by which method it was made.

    ``row_variance`` is the variance of the difference per row, ``design_effect`` how many times as many rows grouped
    rows need (1 where they are not grouped), ``groups`` how many groups the rows form.
    """

    interval: Interval
    method: str
    rows: int
    groups: int
    row_variance: float
    design_effect: float

    @property
    def grouped(self) -> int | None:
        """How many groups the rows form, none where they are not grouped."""
        return self.groups if self.groups < GROUPED_SHARE * self.rows else None


def compared(
    candidate: Iterable[float],
    baseline: Iterable[float],
    groups: Sequence[Hashable] | None = None,
    *,
    level: float = 0.95,
) -> Paired:
    """Give the interval of the mean paired difference of scores in [0, 1], at confidence ``level``.

    Right or wrong (0 and 1) on ungrouped rows: Tango's; other scores: t; grouped rows: ``over_groups``. Fewer than 20
    groups: all that is possible, -1 to 1. Raises ValueError for scores out of range or different lengths.
    """
    ours, theirs = _scores(candidate, baseline)
    distinct = _distinct(groups, len(ours))
    steps = ours - theirs
    variance = float(steps.var())
    estimate = float(steps.mean())
    if distinct < GROUPED_SHARE * len(steps):
        if distinct < GROUPS_LEAST:
            return Paired(Interval(estimate, -1.0, 1.0), NO_INTERVAL, len(steps), distinct, variance, 1.0)
        interval = over_groups(steps, groups or (), level)
        effect = design_effect(interval, level, rows=len(steps), groups=distinct, row_variance=variance)
        method = f"cluster-robust t over {distinct} groups"
        return Paired(interval, method, len(steps), distinct, variance, effect)
    if _is_binary(ours) and _is_binary(theirs):
        return Paired(tango_interval(counted(ours, theirs), level), TANGO, len(steps), distinct, variance, 1.0)
    interval = mean_difference(steps.tolist(), None, level)
    return Paired(interval, f"paired t over {len(steps)} rows", len(steps), distinct, variance, 1.0)


def not_worse(
    candidate: Iterable[float], baseline: Iterable[float], groups: Sequence[Hashable] | None, margin: float
) -> float:
    """Give the one-sided p value of H0: difference <= -margin, by the test that belongs to ``compared``'s interval.

    Fewer than 20 groups prove nothing: 1. Ungrouped differences that are all equal give 0 above -margin and 1 else.
    Raises ValueError as ``compared`` does, and for a margin outside [0, 1).
    """
    ours, theirs = _scores(candidate, baseline)
    allowed = checks.margin("margin", margin)
    distinct = _distinct(groups, len(ours))
    is_grouped = distinct < GROUPED_SHARE * len(ours)
    if is_grouped and distinct < GROUPS_LEAST:
        return 1.0
    if not is_grouped and _is_binary(ours) and _is_binary(theirs):
        return tango_test(counted(ours, theirs), allowed).p_value
    steps = ours - theirs
    lead = float(steps.mean()) + allowed
    if is_grouped:
        cluster = unequal_groups_error(steps, groups or ())
        error, freedom = cluster.standard_error, cluster.degrees_of_freedom
        if error <= _NOTHING:
            return _tail_of_agreement(lead, distinct)
    else:
        freedom = len(steps) - 1.0
        interval = mean_difference(steps, None, _LEVEL)
        error = (interval.high - interval.low) / 2.0 / t_quantile(0.5 + _LEVEL / 2.0, freedom)
        if error == 0.0:
            return 0.0 if lead > 0.0 else 1.0
    return t_tail(lead / error, freedom)


def counted(candidate: Vector, baseline: Vector) -> Pairs:
    """Count the rows on which both, one or neither was right (1). Raises ValueError for no rows."""
    return Pairs(
        both=int(((candidate == 1.0) & (baseline == 1.0)).sum()),
        candidate_only=int(((candidate == 1.0) & (baseline == 0.0)).sum()),
        baseline_only=int(((candidate == 0.0) & (baseline == 1.0)).sum()),
        neither=int(((candidate == 0.0) & (baseline == 0.0)).sum()),
    )


def over_groups(steps: Vector, groups: Sequence[Hashable], level: float) -> Interval:
    """Give the cluster-robust t interval of a mean over groups, which may be of unlike size.

    Where no group is apart from another it is Tango's of as many rows that agree, for a group is what was drawn.
    Raises ValueError for fewer than 2 groups, different lengths or a level outside (0, 1).
    """
    mean, share = float(steps.mean()), 0.5 + checks.open_share("level", level) / 2.0
    cluster = unequal_groups_error(steps, groups)
    if cluster.standard_error <= _NOTHING:
        k = normal_quantile(share)
        half = k * k / (cluster.groups + k * k)
    else:
        half = t_quantile(share, cluster.degrees_of_freedom) * cluster.standard_error
    return Interval(mean, mean - half, mean + half)


def _tail_of_agreement(lead: float, groups: int) -> float:
    """The p value that belongs to ``over_groups`` where no group is apart: half = k²/(G + k²) solved for k."""
    if not 0.0 < lead < 1.0:
        return 1.0 if lead <= 0.0 else 0.0
    return normal_tail(math.sqrt(groups * lead / (1.0 - lead)))


def design_effect(interval: Interval, level: float, *, rows: int, groups: int, row_variance: float) -> float:
    """Give the variance of a cluster-robust t interval over that of independent rows, at least 1.

    It is 1 + (m - 1) ICC where groups have m rows each, and more where a few have most of the rows.
    Raises ValueError for a level outside (0, 1).
    """
    half = (interval.high - interval.low) / 2.0
    error = half / t_quantile(0.5 + checks.open_share("level", level) / 2.0, checks.count("groups", groups, 2) - 1)
    independent = checks.number("row_variance", row_variance, 0.0) / checks.count("rows", rows, 1)
    return max(1.0, error * error / independent) if independent > 0.0 else 1.0


def _scores(candidate: Iterable[float], baseline: Iterable[float]) -> tuple[Vector, Vector]:
    ours, theirs = checks.vector("candidate", candidate, 0.0, 1.0), checks.vector("baseline", baseline, 0.0, 1.0)
    checks.same_length("candidate", ours, "baseline", theirs)
    return ours, theirs


def _distinct(groups: Sequence[Hashable] | None, rows: int) -> int:
    if groups is None:
        return rows
    checks.same_length("candidate", range(rows), "groups", groups)
    return len(set(groups))


def _is_binary(scores: Vector) -> bool:
    return bool(((scores == 0.0) | (scores == 1.0)).all())
