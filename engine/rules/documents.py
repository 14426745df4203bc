"""Compare two contenders on documents: micro F1 over fields, with whole groups of documents resampled.

Knows nothing of schemas or replies; it is given documents and the rule of each field.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.rules import checks
from engine.rules.compare import bootstrap_difference
from engine.rules.metrics import Extraction, FieldRule, extraction
from engine.rules.paired import GROUPED_SHARE, GROUPS_LEAST, NO_INTERVAL, Paired, design_effect, over_groups
from engine.rules.pairs import Interval

Document = Mapping[str, Any]
RESAMPLES = 2_000
BOOTSTRAP = "percentile bootstrap of micro F1 over "


@dataclass(frozen=True)
class Extracted:
    """Documents as a contender answered them: the whole, each field by itself, and the share that was valid."""

    whole: Extraction
    fields: Mapping[str, Extraction]
    valid_share: float


def extracted(
    expected: Sequence[Document], found: Sequence[Document | None], fields: Mapping[str, FieldRule]
) -> Extracted:
    """Score documents and every field; found None is an invalid answer, of which nothing counts as found.

    Raises ValueError as ``extraction`` does.
    """
    whole = extraction(expected, found, fields)
    alone = {name: extraction(expected, found, {name: rule}) for name, rule in fields.items()}
    return Extracted(whole, alone, sum(one is not None for one in found) / len(found))


def f1_difference(
    expected: Sequence[Document],
    candidate: Sequence[Document | None],
    baseline: Sequence[Document | None],
    fields: Mapping[str, FieldRule],
    *,
    groups: Sequence[Hashable] | None = None,
    level: float = 0.95,
    seed: int = 0,
) -> Interval:
    """Give the percentile bootstrap interval of the difference of micro F1, resampling whole groups (else documents).

    Raises ValueError for fewer than 2 documents or groups, lengths that differ, or a level outside (0, 1).
    """
    checks.same_length("expected", expected, "candidate", candidate)
    checks.same_length("expected", expected, "baseline", baseline)
    ours, theirs = (_counts(expected, side, fields) for side in (candidate, baseline))
    return bootstrap_difference(_f1, ours, theirs, groups, confidence=level, resamples=RESAMPLES, seed=seed)


def compared(
    expected: Sequence[Document],
    candidate: Sequence[Document | None],
    baseline: Sequence[Document | None],
    fields: Mapping[str, FieldRule],
    *,
    groups: Sequence[Hashable],
    level: float = 0.95,
) -> Paired:
    """Give the difference of micro F1 as ``paired.compared`` gives that of scores: interval, method, variance, effect.

    The variance is that of each document's share in the difference (its linear part), by which rows are planned. Where
    documents are grouped the interval is no narrower than that part's over groups: few groups resample too alike.
    Fewer than 20 groups where rows are grouped: all that is possible, -1 to 1. Raises as ``f1_difference`` does.
    """
    ours, theirs = (_counts(expected, side, fields) for side in (candidate, baseline))
    steps = [one - other for one, other in zip(_shares(ours), _shares(theirs), strict=True)]
    variance, distinct = float(np.var(steps)), len(set(groups))
    if distinct < GROUPS_LEAST and distinct < GROUPED_SHARE * len(steps):
        return Paired(Interval(_f1(ours) - _f1(theirs), -1.0, 1.0), NO_INTERVAL, len(steps), distinct, variance, 1.0)
    interval = f1_difference(expected, candidate, baseline, fields, groups=groups, level=level)
    effect = 1.0
    if distinct < GROUPED_SHARE * len(steps):
        linear = over_groups(np.array(steps), groups, level)
        interval = _wider(interval, (linear.high - linear.low) / 2.0)
        effect = design_effect(linear, level, rows=len(steps), groups=distinct, row_variance=variance)
    return Paired(interval, f"{BOOTSTRAP}{distinct} groups", len(steps), distinct, variance, effect)


def _wider(interval: Interval, half: float) -> Interval:
    middle = interval.estimate
    return Interval(middle, min(interval.low, middle - half), max(interval.high, middle + half))


def _shares(counts: list[tuple[int, int]]) -> list[float]:
    """Of each document its part in micro F1, in first order: their mean is 0."""
    said, overall = sum(count for _, count in counts) / len(counts), _f1(counts)
    return [(right - overall * count) / said if said else 0.0 for right, count in counts]


def _counts(
    expected: Sequence[Document], found: Sequence[Document | None], fields: Mapping[str, FieldRule]
) -> list[tuple[int, int]]:
    """Of each document twice its right fields, and all fields said or expected."""
    scored = [extraction([want], [got], fields) for want, got in zip(expected, found, strict=True)]
    return [(2 * one.true_positive, 2 * one.true_positive + one.false_positive + one.false_negative) for one in scored]


def _f1(rows: list[tuple[int, int]]) -> float:
    said = sum(count for _, count in rows)
    return sum(right for right, _ in rows) / said if said else 1.0
