"""Compare a candidate with the baseline on the same rows: differences, tests, intervals, rows needed.

Knows nothing of where scores come from or what follows from them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from engine.rules import checks
from engine.rules.distributions import t_quantile
from engine.rules.pairs import (
    Interval,
    Pairs,
    ScoreTest,
    clopper_pearson_upper,
    mcnemar_midp,
    newcombe_paired,
    tango_interval,
    tango_test,
    wilson,
)
from engine.rules.planner import pairs_needed, pairs_needed_to_win, scores_needed

__all__ = [
    "ClusterError",
    "Interval",
    "Pairs",
    "ScoreTest",
    "bootstrap_difference",
    "clopper_pearson_upper",
    "cluster_standard_error",
    "holm",
    "mcnemar_midp",
    "mean_difference",
    "newcombe_paired",
    "pairs_needed",
    "pairs_needed_to_win",
    "scores_needed",
    "tango_interval",
    "tango_test",
    "unequal_groups_error",
    "wilson",
]


Row = TypeVar("Row")


@dataclass(frozen=True)
class ClusterError:
    """Standard error of a mean over grouped rows, with its number of groups and degrees of freedom."""

    standard_error: float
    groups: int
    degrees_of_freedom: float


def cluster_standard_error(values: Iterable[float], groups: Sequence[Hashable]) -> ClusterError:
    """Give the cluster-robust standard error of the mean of `values`, with the factor sqrt(G/(G-1)).

    Raises ValueError for fewer than 2 groups, different lengths, or numbers that are not finite.
    """
    rows = checks.vector("values", values)
    checks.same_length("values", rows, "groups", groups)
    codes, n_groups = _codes(groups)
    sums = np.bincount(codes, weights=rows - rows.mean(), minlength=n_groups)
    error = math.sqrt(float(np.square(sums).sum()) * n_groups / (n_groups - 1)) / len(rows)
    return ClusterError(error, n_groups, n_groups - 1)


def unequal_groups_error(values: Iterable[float], groups: Sequence[Hashable]) -> ClusterError:
    """Give the error of the mean of `values` that also holds where a few groups have most of the rows.

    The wider of the cluster-robust error and the jackknife over groups, with the effective number of groups,
    (sum n)^2 / sum n^2 (Kish 1965), less one as degrees of freedom. Groups of one size: as `cluster_standard_error`,
    which it raises as.
    """
    rows = checks.vector("values", values)
    robust = cluster_standard_error(rows, groups)
    codes, n_groups = _codes(groups)
    sizes = np.bincount(codes, minlength=n_groups)
    if sizes.min() == sizes.max():
        return robust
    without = (rows.sum() - np.bincount(codes, weights=rows, minlength=n_groups)) / (len(rows) - sizes)
    jackknife = math.sqrt((n_groups - 1) / n_groups * float(np.square(without - rows.mean()).sum()))
    effective = len(rows) ** 2 / float(np.square(sizes).sum())
    return ClusterError(max(robust.standard_error, jackknife), n_groups, effective - 1.0)


def mean_difference(
    differences: Iterable[float], groups: Sequence[Hashable] | None = None, confidence: float = 0.95
) -> Interval:
    """Give the t interval of the mean of paired differences; grouped rows use the cluster-robust error and t(G-1).

    When all differences are equal the interval is that point.
    Raises ValueError for fewer than 2 rows or groups, or a confidence outside (0, 1).
    """
    rows = checks.vector("differences", differences)
    level = checks.open_share("confidence", confidence)
    if len(rows) < 2:
        raise ValueError(f"differences has {len(rows)} row; at least 2 are needed for an interval")
    if groups is None:
        error, freedom = float(rows.std(ddof=1)) / math.sqrt(len(rows)), len(rows) - 1
    else:
        cluster = cluster_standard_error(rows, groups)
        error, freedom = cluster.standard_error, cluster.degrees_of_freedom
    if float(rows.min()) == float(rows.max()):
        return Interval(float(rows[0]), float(rows[0]), float(rows[0]))
    mean = float(rows.mean())
    half = t_quantile(0.5 + level / 2.0, freedom) * error
    return Interval(mean, mean - half, mean + half)


def holm(p_values: Iterable[float]) -> tuple[float, ...]:
    """Adjust p values for several tests (Holm 1979), in input order; () for none.

    Raises ValueError for a p value outside [0, 1].
    """
    raw = [checks.share(f"p_values[{place}]", value) for place, value in enumerate(p_values)]
    adjusted = [0.0] * len(raw)
    worst = 0.0
    for rank, place in enumerate(sorted(range(len(raw)), key=raw.__getitem__)):
        worst = max(worst, min(1.0, (len(raw) - rank) * raw[place]))
        adjusted[place] = worst
    return tuple(adjusted)


def bootstrap_difference(
    metric: Callable[[list[Row]], float],
    candidate: Sequence[Row],
    baseline: Sequence[Row],
    groups: Sequence[Hashable] | None = None,
    *,
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> Interval:
    """Give the percentile bootstrap interval of metric(candidate) - metric(baseline), resampling whole groups.

    Both sides get the same resampled groups. The bounds are widened to hold the estimate where a skewed metric
    leaves it outside. Raises ValueError for fewer than 2 rows or groups, or a metric that is not finite.
    """
    checks.same_length("candidate", candidate, "baseline", baseline)
    if len(candidate) < 2:
        raise ValueError(f"candidate has {len(candidate)} rows; at least 2 are needed to resample")
    level = checks.open_share("confidence", confidence)
    draws = checks.count("resamples", resamples, 1)
    generator = np.random.default_rng(checks.count("seed", seed))
    members = _members(range(len(candidate)) if groups is None else groups, len(candidate))
    estimate = _gap(metric, candidate, baseline)
    gaps = np.empty(draws)
    for draw in range(draws):
        picked: list[int] = generator.integers(0, len(members), len(members)).tolist()
        places = [place for group in picked for place in members[group]]
        gaps[draw] = _gap(metric, [candidate[place] for place in places], [baseline[place] for place in places])
    low, high = np.quantile(gaps, [0.5 - level / 2.0, 0.5 + level / 2.0])
    return Interval(estimate, min(float(low), estimate), max(float(high), estimate))


def _gap(metric: Callable[[list[Row]], float], candidate: Sequence[Row], baseline: Sequence[Row]) -> float:
    ours = checks.number("metric(candidate)", metric(list(candidate)))
    return ours - checks.number("metric(baseline)", metric(list(baseline)))


def _codes(groups: Sequence[Hashable]) -> tuple[NDArray[np.int64], int]:
    seen: dict[Hashable, int] = {}
    codes = np.array([seen.setdefault(group, len(seen)) for group in groups], dtype=np.int64)
    if len(seen) < 2:
        raise ValueError(f"groups has {len(seen)} distinct group; at least 2 are needed")
    return codes, len(seen)


def _members(groups: Sequence[Hashable], rows: int) -> list[list[int]]:
    if len(groups) != rows:
        raise ValueError(f"groups has {len(groups)} rows and candidate has {rows}; the lengths must agree")
    codes, n_groups = _codes(groups)
    members: list[list[int]] = [[] for _ in range(n_groups)]
    for place, code in enumerate(codes):
        members[int(code)].append(place)
    return members
