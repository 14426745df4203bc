"""Plan an evaluation before money is spent: how large the sealed part must be, and how many rows settle the question.

Knows nothing of labels or models; it turns margins, disagreement and counts into shares and rows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from engine.rules import checks
from engine.rules.distributions import normal_quantile
from engine.rules.paired import Paired
from engine.rules.pairs import Pairs
from engine.rules.planner import pairs_needed
from engine.rules.seal import look_alpha

_ONE_SIDED_80 = 0.80
_POWER = 0.8  # as VerdictPolicy.power


@dataclass(frozen=True)
class EvalPolicy:
    """How labels are parted, which contenders there are, and what lets a candidate through.

    Shares are of rows. ``assumed_disagreement`` stands for the disagreement in correctness while nothing was measured:
    two models right on 70 % of rows with independent errors disagree on .42 (a judgement a team may change; too low a
    guess here seals too few rows, which no later step can mend, so it is a high one). ``cheaper_model`` is a cheaper
    tier of the baseline's endpoint, "" where none is listed; a sealed reply older than ``fresh_days`` gives no verdict;
    ``protected_slices`` are labels or groups, separated by commas, that must not get surely worse by twice the margin;
    ``latency_ceiling_ms`` is for 95 % of the served answers, 0 for none; after ``dev_lookups_most`` dev is worn. For
    texts: ``judge_model`` says which of two reads better, at ``judge_url`` ("": the feature's endpoint); one that holds
    one of ``banned_words`` (separated by commas) or more than ``words_most`` words (0: any) is invalid. Where a run
    wants self-consistency, each row is asked ``votes`` times at ``vote_temperature``.
    """

    dev_share: float = 0.15
    sealed_share: float = 0.20
    sealed_share_most: float = 0.40
    sealed_rows_least: int = 200
    train_rows_least: int = 300
    assumed_disagreement: float = 0.42
    parity_floor: float = 0.99
    parity_rows: int = 200
    prompted_valid_floor: float = 0.50
    cheaper_model: str = ""
    fresh_days: float = 7.0
    protected_slices: str = ""
    latency_ceiling_ms: float = 0.0
    dev_lookups_most: int = 120
    judge_model: str = ""
    judge_url: str = ""
    banned_words: str = ""
    words_most: int = 0
    votes: int = 5
    vote_temperature: float = 0.7

    @property
    def protected(self) -> tuple[str, ...]:
        """The names of the protected slices, in the order given."""
        return _listed(self.protected_slices)

    @property
    def banned(self) -> tuple[str, ...]:
        """The banned words and phrases, in the order given."""
        return _listed(self.banned_words)


@dataclass(frozen=True)
class RowPlan:
    """Sealed rows that prove the margin, the disagreement that was planned for, and the true difference assumed."""

    rows: int
    disagreement: float
    difference: float


def sealed_share(rows: int, margin: float, policy: EvalPolicy | None = None) -> float:
    """Give the share of a first label version to seal: the policy's, raised until the power plan fits.

    At most ``sealed_share_most``, never so much that train falls under ``train_rows_least`` while the least number of
    sealed rows is kept. ``rows`` counts the version; ``margin`` is a fraction above 0. Raises ValueError otherwise.
    """
    rules = policy or EvalPolicy()
    count = checks.count("rows", rows, 1)
    wanted = pairs_needed(rules.assumed_disagreement, checks.above("margin", margin), alpha=look_alpha(1))
    room = math.floor(count * (1.0 - rules.dev_share)) - rules.train_rows_least
    most = min(count * rules.sealed_share_most, max(room, rules.sealed_rows_least))
    chosen = min(max(wanted, count * rules.sealed_share, rules.sealed_rows_least), max(most, rules.sealed_rows_least))
    return min(rules.sealed_share_most, chosen / count)


def rows_planned(
    dev: Pairs, margin: float, look: int, policy: EvalPolicy | None = None, *, design_effect: float = 1.0
) -> RowPlan:
    """Plan the sealed rows from the paired dev counts (docs/rules.md 5): pd is its upper one-sided 80 % bound.

    The difference planned for is 0 while dev's 80 % bounds hold it; a candidate clearly ahead is planned at its lower
    bound, one clearly behind the margin at its upper bound, since fewer rows settle those. ``look`` is 1, 2 or 3;
    ``design_effect`` says how many times as many rows grouped rows need.
    Raises ValueError for a margin of 0 or below, another look, or a design effect below 1.
    """
    allowed = checks.above("margin", margin)
    disagreeing = (dev.candidate_only + dev.baseline_only) / dev.n
    z = normal_quantile(_ONE_SIDED_80)
    upper = min(1.0, disagreeing + z * math.sqrt(max(disagreeing * (1.0 - disagreeing), 1.0 / dev.n) / dev.n))
    spread = z * math.sqrt(max(disagreeing - dev.difference**2, 0.0) / dev.n)
    assumed = _assumed(dev.difference - spread, dev.difference + spread, allowed)
    effect = checks.number("design_effect", design_effect, 1.0)
    needed = _needed(max(upper - assumed**2, 0.0) * effect, assumed + allowed, look)
    return RowPlan(max(needed, (policy or EvalPolicy()).sealed_rows_least), upper, assumed)


def rows_planned_by_spread(
    dev: Paired, counted: Pairs, margin: float, look: int, policy: EvalPolicy | None = None
) -> RowPlan:
    """Plan the sealed rows of answers that may be partly right, from the variance of their paired difference on dev.

    As ``rows_planned``, with the upper one-sided 80 % bound of that variance; the disagreement told is that of rows
    right as a whole (``counted``). Raises ValueError for a margin of 0 or below, or another look.
    """
    allowed = checks.above("margin", margin)
    z = normal_quantile(_ONE_SIDED_80)
    upper = dev.row_variance * (1.0 + z * math.sqrt(2.0 / dev.rows)) * dev.design_effect
    spread = z * math.sqrt(dev.row_variance * dev.design_effect / dev.rows)
    lead = dev.interval.estimate
    assumed = _assumed(lead - spread, lead + spread, allowed)
    needed = _needed(upper, assumed + allowed, look)
    disagreeing = (counted.candidate_only + counted.baseline_only) / counted.n
    return RowPlan(max(needed, (policy or EvalPolicy()).sealed_rows_least), disagreeing, assumed)


def _needed(variance: float, distance: float, look: int) -> int:
    z_sum = normal_quantile(1.0 - look_alpha(look)) + normal_quantile(_POWER)
    return math.ceil(z_sum**2 * variance / distance**2)


def _listed(words: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(word.strip() for word in words.split(",") if word.strip()))


def _assumed(low: float, high: float, margin: float) -> float:
    if low > 0.0:
        return low
    return high if high < -margin else 0.0
