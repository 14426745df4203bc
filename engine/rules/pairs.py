"""Paired right/wrong answers of two contenders: the table of four counts, its tests and its intervals.

Knows nothing of rows, groups or scores between 0 and 1; `compare` offers these names to the rest.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from engine.rules import checks
from engine.rules.distributions import beta_quantile, half_binomial_cdf, normal_quantile, normal_tail

_HALVINGS = 100  # a bracket of width 2 is far below one float spacing after 60


@dataclass(frozen=True)
class Interval:
    """An estimate with its lower and upper bound, all in the unit of the estimate."""

    estimate: float
    low: float
    high: float


def finding(low: float, high: float, margin: float) -> str:
    """Say what the interval of candidate minus baseline alone says: better, not_worse, worse or unclear."""
    if low > 0:
        return "better"
    if low > -margin:
        return "not_worse"
    return "worse" if high < -margin else "unclear"


@dataclass(frozen=True)
class Pairs:
    """Rows on which both sides, one side, or neither was right; counts with a sum of at least 1 (else ValueError)."""

    both: int
    candidate_only: int
    baseline_only: int
    neither: int

    def __post_init__(self) -> None:
        total = 0
        for name in ("both", "candidate_only", "baseline_only", "neither"):
            total += checks.count(name, getattr(self, name))
        if total < 1:
            raise ValueError("both, candidate_only, baseline_only and neither are all 0; at least one pair is needed")

    @property
    def n(self) -> int:
        """Number of pairs."""
        return self.both + self.candidate_only + self.baseline_only + self.neither

    @property
    def difference(self) -> float:
        """Candidate's share right minus the baseline's."""
        return (self.candidate_only - self.baseline_only) / self.n


@dataclass(frozen=True)
class ScoreTest:
    """A standard normal statistic and its one-sided p value."""

    z: float
    p_value: float


def wilson(successes: int, n: int, confidence: float = 0.95) -> Interval:
    """Give the two-sided Wilson (1927) score interval of a share; bounds are exactly 0 and 1 at the ends.

    Raises ValueError for n < 1, successes outside 0 to n, or a confidence outside (0, 1).
    """
    events, trials = _events("successes", successes, n)
    z = normal_quantile(0.5 + checks.open_share("confidence", confidence) / 2.0)
    rate = events / trials
    scale = 1.0 + z * z / trials
    middle = (rate + z * z / (2.0 * trials)) / scale
    half = z * math.sqrt(rate * (1.0 - rate) / trials + z * z / (4.0 * trials * trials)) / scale
    low = 0.0 if events == 0 else min(middle - half, rate)
    high = 1.0 if events == trials else max(middle + half, rate)
    return Interval(rate, low, high)


def clopper_pearson_upper(events: int, n: int, confidence: float = 0.95) -> float:
    """Give the one-sided exact (Clopper–Pearson 1934) upper bound of a rate; 1.0 when every trial was an event.

    Raises ValueError for n < 1, events outside 0 to n, or a confidence outside (0, 1).
    """
    hits, trials = _events("events", events, n)
    level = checks.open_share("confidence", confidence)
    return 1.0 if hits == trials else beta_quantile(level, hits + 1, trials - hits)


def newcombe_paired(pairs: Pairs, confidence: float = 0.95) -> Interval:
    """Give Newcombe's (1998) method 10 interval of the paired difference of shares.

    phi is continuity-corrected by n/2 where positive, and 0 when a margin of the table is 0.
    Raises ValueError for a confidence outside (0, 1).
    """
    n = pairs.n
    candidate = wilson(pairs.both + pairs.candidate_only, n, confidence)
    baseline = wilson(pairs.both + pairs.baseline_only, n, confidence)
    phi = _corrected_phi(pairs)
    below = _joint_width(candidate.estimate - candidate.low, baseline.high - baseline.estimate, phi)
    over = _joint_width(candidate.high - candidate.estimate, baseline.estimate - baseline.low, phi)
    return Interval(pairs.difference, pairs.difference - below, pairs.difference + over)


def tango_interval(pairs: Pairs, confidence: float = 0.95) -> Interval:
    """Give Tango's (1998) two-sided score interval of the paired difference of shares.

    With no discordant pair it is ±k²/(n + k²), the limit of the roots, so it agrees with `tango_test`.
    Raises ValueError for a confidence outside (0, 1).
    """
    k = normal_quantile(0.5 + checks.open_share("confidence", confidence) / 2.0)
    if pairs.candidate_only == 0 and pairs.baseline_only == 0:
        half = k * k / (pairs.n + k * k)
        return Interval(0.0, -half, half)
    return Interval(pairs.difference, _lower_root(pairs, k), -_lower_root(_swapped(pairs), k))


def tango_test(pairs: Pairs, margin: float) -> ScoreTest:
    """Test H0: difference <= -margin, one-sided (Tango 1998); margin in [0, 1), 0 tests superiority.

    Raises ValueError for a margin outside [0, 1).
    """
    z = _tango_z(pairs, -checks.margin("margin", margin))
    return ScoreTest(z, normal_tail(z))


def mcnemar_midp(candidate_only: int, baseline_only: int) -> float:
    """Give McNemar's two-sided mid-p value (Fagerland, Lydersen and Laake 2013); (0, 0) gives 1.0.

    Raises ValueError for broken counts.
    """
    ours = checks.count("candidate_only", candidate_only)
    theirs = checks.count("baseline_only", baseline_only)
    n, fewer = ours + theirs, min(ours, theirs)
    if n == 0:
        return 1.0
    below = half_binomial_cdf(fewer - 1, n) if fewer else 0.0
    point = half_binomial_cdf(fewer, n) - below
    # At equal counts twice the tail would pass 1; the mid-p value is then 1 - point/2.
    return 1.0 - point / 2.0 if ours == theirs else 2.0 * below + point


def _events(name: str, events: int, n: int) -> tuple[int, int]:
    trials = checks.count("n", n, 1)
    hits = checks.count(name, events)
    if hits > trials:
        raise ValueError(f"{name} is {events!r} and n is {n!r}; there cannot be more {name} than trials")
    return hits, trials


def _corrected_phi(pairs: Pairs) -> float:
    a, b, c, d = pairs.both, pairs.candidate_only, pairs.baseline_only, pairs.neither
    margins = (a + b) * (c + d) * (a + c) * (b + d)
    if margins == 0:
        return 0.0
    product: float = a * d - b * c
    if product > 0:
        product = max(product - pairs.n / 2.0, 0.0)
    return product / math.sqrt(margins)


def _joint_width(one: float, other: float, phi: float) -> float:
    return math.sqrt(max(one * one - 2.0 * phi * one * other + other * other, 0.0))


def _swapped(pairs: Pairs) -> Pairs:
    return Pairs(pairs.both, pairs.baseline_only, pairs.candidate_only, pairs.neither)


def _tango_z(pairs: Pairs, hypothesised: float) -> float:
    n, b, c = pairs.n, pairs.candidate_only, pairs.baseline_only
    linear = -b - c + (2 * n - b + c) * hypothesised
    constant = -c * hypothesised * (1.0 - hypothesised)
    root = math.sqrt(max(linear * linear - 8.0 * n * constant, 0.0))
    # Two spellings of one root; each avoids cancellation where the other suffers from it.
    rate = (root - linear) / (4.0 * n) if linear <= 0.0 else -2.0 * constant / (root + linear)
    variance = n * (2.0 * rate + hypothesised * (1.0 - hypothesised))
    lead = b - c - n * hypothesised
    if variance > 1e-12:
        return lead / math.sqrt(variance)
    return math.copysign(math.inf, lead) if lead else 0.0


def _lower_root(pairs: Pairs, k: float) -> float:
    """Find D in [-1, difference] with z(D) = k; -1 where even that is not rejected."""
    low, high = -1.0, pairs.difference
    if _tango_z(pairs, low) < k:
        return low
    for _ in range(_HALVINGS):
        middle = (low + high) / 2.0
        low, high = (middle, high) if _tango_z(pairs, middle) > k else (low, middle)
    return low
