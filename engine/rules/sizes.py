"""Hold the sizes of a month's calls against those of the month a verdict was made of (docs/rules.md 8).

Knows nothing of features or months; it takes two histograms.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.rules.drift import psi, psi_critical
from engine.rules.histogram import Histogram
from engine.rules.watch import DriftPolicy

LEAST = 100  # fewer values on a side tell nothing of its spread


@dataclass(frozen=True)
class Shift:
    """The PSI between two months and the one chance alone passes with the policy's alpha; ``rows`` counted of each."""

    psi: float
    critical: float
    reference_rows: int
    rows: int

    @property
    def is_alarm(self) -> bool:
        """Whether chance does not explain it."""
        return self.psi > self.critical


def shift(reference: Histogram, current: Histogram, policy: DriftPolicy | None = None) -> Shift | None:
    """Compare two histograms in bins that hold equal shares of the first; None where one has too few values.

    At most ``policy.calls`` of each count: the counts are scaled down, shares kept.
    """
    rules = policy or DriftPolicy()
    if reference.total < LEAST or current.total < LEAST:
        return None
    bins = _bins(reference, current, rules.bins)
    before, after = (_scaled(counts, rules.calls) for counts in bins)
    if len(before) < 2:
        return Shift(0.0, 0.0, int(before.sum()), int(after.sum()))
    rows, others = int(before.sum()), int(after.sum())
    found = psi([int(n) for n in before], [int(n) for n in after])
    return Shift(found, psi_critical(rows, others, len(before), rules.alpha), rows, others)


def _bins(reference: Histogram, current: Histogram, most: int) -> tuple[np.ndarray, np.ndarray]:
    places = np.unique(np.concatenate([reference.buckets, current.buckets]))
    before, after = _dense(reference, places), _dense(current, places)
    share = np.cumsum(before) / before.sum()
    # The middle of a bucket's share decides its bin, so that one common value does not swallow its neighbours' bins.
    middle = np.clip(share - before / before.sum() / 2.0, 0.0, 1.0 - 1e-12)
    of_bin = np.floor(middle * most).astype(np.int64)
    kept = np.unique(of_bin)
    both = [np.array([counts[of_bin == one].sum() for one in kept]) for counts in (before, after)]
    return both[0], both[1]


def _dense(histogram: Histogram, places: np.ndarray) -> np.ndarray:
    dense = np.zeros(len(places) + 1, dtype=np.int64)
    dense[0] = histogram.zeros
    dense[1 + np.searchsorted(places, histogram.buckets)] = histogram.counts
    return dense


def _scaled(counts: np.ndarray, most: int) -> np.ndarray:
    total = counts.sum()
    return counts if total <= most else np.rint(counts * (most / total)).astype(np.int64)
