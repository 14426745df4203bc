"""Tell a change in what comes in or goes out from chance.

Knows nothing of features or calls; it takes counts per bin and rows of numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.rules import checks
from engine.rules.checks import Vector
from engine.rules.distributions import chi_square_quantile

_ROUNDING = 1e-12  # share of the largest squared distance that is float noise
_TIE = 1e-12  # the same split of rows sums in another order; that must still count as a hit


@dataclass(frozen=True)
class MmdTest:
    """The unbiased squared maximum mean discrepancy and its permutation p value."""

    value: float
    p_value: float


def psi(reference: Sequence[int], current: Sequence[int]) -> float:
    """Give the population stability index of counts per bin; with any empty bin .5 is added to every bin of both.

    Raises ValueError for fewer than 2 bins, different lengths, broken counts or no count at all.
    """
    before, after = _bins("reference", reference), _bins("current", current)
    checks.same_length("reference", before, "current", after)
    if not (before.all() and after.all()):
        before, after = before + 0.5, after + 0.5
    p, q = before / before.sum(), after / after.sum()
    return float(((q - p) * np.log(q / p)).sum())


def psi_critical(reference_n: int, current_n: int, bins: int, alpha: float = 0.01) -> float:
    """Give the PSI that chance alone passes with probability `alpha`: χ²_{1-alpha, B-1} (1/n + 1/m).

    Raises ValueError for fewer than 2 bins, an n below 1 or an alpha outside (0, 1).
    """
    n, m = checks.count("reference_n", reference_n, 1), checks.count("current_n", current_n, 1)
    freedom = checks.count("bins", bins, 2) - 1
    return chi_square_quantile(1.0 - checks.open_share("alpha", alpha), freedom) * (1.0 / n + 1.0 / m)


def mmd2(x: Sequence[object], y: Sequence[object], gamma: float | None = None) -> float:
    """Give the unbiased squared MMD (Gretton et al. 2012) of two samples under the kernel exp(-gamma d²).

    Rows of numbers or vectors, 2 or more each; gamma defaults to 1 / median squared pairwise distance.
    Raises ValueError for fewer rows, other dimensions or a gamma of 0 or below.
    """
    kernel, n = _kernel(x, y, gamma)
    return float(_discrepancies(kernel, np.arange(len(kernel))[None, :] < n, n)[0])


def mmd_test(
    x: Sequence[object],
    y: Sequence[object],
    gamma: float | None = None,
    permutations: int = 199,
    seed: int = 0,
) -> MmdTest:
    """Test whether two samples come from one distribution, by seeded permutations of `mmd2`.

    p = (1 + hits) / (permutations + 1). Raises ValueError as `mmd2`, and for fewer than 1 permutation.
    """
    draws = checks.count("permutations", permutations, 1)
    generator = np.random.default_rng(checks.count("seed", seed))
    kernel, n = _kernel(x, y, gamma)
    ours = np.arange(len(kernel)) < n
    value = float(_discrepancies(kernel, ours[None, :], n)[0])
    permuted = generator.permuted(np.tile(ours, (draws, 1)), axis=1)
    hits = int((_discrepancies(kernel, permuted, n) >= value - _TIE).sum())
    return MmdTest(value, (1 + hits) / (draws + 1))


def _bins(name: str, counts: Sequence[int]) -> Vector:
    checked = checks.counts(name, counts)
    if len(checked) < 2:
        raise ValueError(f"{name} has {len(checked)} bin; at least 2 are needed")
    if not any(checked):
        raise ValueError(f"{name} is {checked!r}; at least one count must be above 0")
    return np.array(checked, dtype=np.float64)


def _kernel(x: Sequence[object], y: Sequence[object], gamma: float | None) -> tuple[Vector, int]:
    """Give the kernel of all rows, x first, with a zero diagonal, and the number of rows of x."""
    first, second = checks.matrix("x", x), checks.matrix("y", y)
    for name, rows in (("x", first), ("y", second)):
        if len(rows) < 2:
            raise ValueError(f"{name} has {len(rows)} row; at least 2 are needed")
    if first.shape[1] != second.shape[1]:
        raise ValueError(f"x has {first.shape[1]} numbers a row and y {second.shape[1]}; they must agree")
    squares = _squared_distances(np.concatenate([first, second]))
    if gamma is None:
        median = float(np.median(squares[np.triu_indices(len(squares), 1)]))
        scale = 1.0 / median if median > 0.0 else 1.0
    else:
        scale = checks.above("gamma", gamma)
    kernel = np.exp(-scale * squares)
    np.fill_diagonal(kernel, 0.0)
    return kernel, len(first)


def _squared_distances(rows: Vector) -> Vector:
    centred = rows - rows.mean(axis=0)
    norms = np.square(centred).sum(axis=1)
    squares = norms[:, None] + norms[None, :] - 2.0 * centred @ centred.T
    # Equal rows must be at distance 0 exactly: the median decides the kernel's width.
    squares[squares <= _ROUNDING * norms.max()] = 0.0
    return squares


def _discrepancies(kernel: Vector, ours: NDArray[np.bool_], n: int) -> Vector:
    """Give the unbiased MMD² for each row of `ours`, a mask of the n rows taken as x."""
    m = len(kernel) - n
    inside = ours.astype(np.float64)
    outside = 1.0 - inside
    towards = inside @ kernel
    same = (towards * inside).sum(axis=1) / (n * (n - 1))
    other = ((outside @ kernel) * outside).sum(axis=1) / (m * (m - 1))
    return same + other - 2.0 * (towards * outside).sum(axis=1) / (n * m)
