"""Known answers are docs/rules.md 11's: PSI by hand, its critical value from scipy's chi2, MMD by a double sum."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.rules.drift import mmd2, mmd_test, psi, psi_critical

NAN = math.nan


def halton(start: int) -> list[list[float]]:
    """L(s) of docs/rules.md 11: 40 rows spread over a square."""
    return [[((37 * i + start) % 101) / 101, ((53 * i + start) % 97) / 97] for i in range(40)]


FAR = [[value + 0.6 for value in row] for row in halton(11)]

KNOWN: list[tuple[Callable[[], object], object]] = [
    (lambda: psi([10] * 10, [5, 5, 10, 10, 10, 10, 10, 10, 15, 15]), 0.1098612),
    (lambda: psi([50, 30, 20], [40, 35, 25]), 0.04117907),
    (lambda: psi([10, 0], [5, 5]), 1.383874),
    (lambda: psi_critical(100, 100, 10), 0.4333199),
    (lambda: psi_critical(5000, 300, 10), 0.07655318),
    (lambda: mmd2([0, 1], [2, 3], 0.5), 0.7689062),
    (lambda: mmd2([[0, 0], [1, 1]], [[0, 0], [1, 1]], 0.5), -0.6321206),
    (lambda: mmd_test(halton(0), FAR), 0.6277178),
]


@pytest.mark.parametrize(("call", "known"), KNOWN)
def test_known_answers_come_out(call: Callable[[], object], known: object, agrees: Callable[..., bool]) -> None:
    assert agrees(call(), known)


def test_a_far_sample_has_the_least_p_the_permutations_can_give() -> None:
    assert 0.004 <= mmd_test(halton(0), FAR).p_value <= 0.0101


def test_equal_samples_are_not_told_apart() -> None:
    assert mmd_test(halton(0), halton(0)).p_value == 1.0
    assert mmd_test([5, 5], [5, 5]).p_value == 1.0  # every distance 0: the kernel's width is 1


def test_the_same_seed_gives_the_same_p() -> None:
    assert mmd_test(halton(0), halton(7), seed=3) == mmd_test(halton(0), halton(7), seed=3)


def slow_mmd2(x: Sequence[float], y: Sequence[float], gamma: float) -> float:
    """The double sum of Gretton et al. (2012), equation 3."""

    def mean(one: Sequence[float], other: Sequence[float], *, is_same: bool) -> float:
        pairs = [(a, b) for i, a in enumerate(one) for j, b in enumerate(other) if not (is_same and i == j)]
        return math.fsum(math.exp(-gamma * (a - b) ** 2) for a, b in pairs) / len(pairs)

    return mean(x, x, is_same=True) + mean(y, y, is_same=True) - 2 * mean(x, y, is_same=False)


numbers = st.lists(st.floats(-3, 3), min_size=2, max_size=8)


@settings(max_examples=50)
@given(numbers, numbers)
def test_the_fast_mmd_is_the_double_sum(x: list[float], y: list[float]) -> None:
    assert mmd2(x, y, 0.7) == pytest.approx(slow_mmd2(x, y, 0.7), abs=1e-9)


bins = st.lists(st.integers(1, 500), min_size=3, max_size=3)


@given(bins, bins)
def test_psi_is_symmetric_and_never_negative(one: list[int], other: list[int]) -> None:
    assert psi(one, other) >= 0
    assert psi(one, other) == pytest.approx(psi(other, one))
    assert psi(one, one) == 0


def test_psi_at_its_critical_value_alarms_in_one_of_a_hundred() -> None:
    """docs/rules.md 8: about 1 % with the critical value, where a fixed .1 alarms in 81 %."""
    generator = np.random.default_rng(1)
    limit = psi_critical(1000, 1000, 10)
    draws = generator.multinomial(1000, [0.1] * 10, size=(4000, 2))
    alarms = [psi(one.tolist(), other.tolist()) > limit for one, other in draws]
    assert 0.005 <= sum(alarms) / len(alarms) <= 0.015
    small = generator.multinomial(100, [0.1] * 10, size=(500, 2))
    assert sum(psi(one.tolist(), other.tolist()) > 0.1 for one, other in small) / 500 > 0.7


REFUSED: list[tuple[str, Callable[[], object]]] = [
    ("lengths", lambda: psi([1, 2], [1, 2, 3])),
    ("reference has 1 bin", lambda: psi([1], [1])),
    ("current", lambda: psi([1, 2], [0, 0])),
    (r"reference\[0\]", lambda: psi([-1, 2], [1, 2])),
    ("reference is empty", lambda: psi([], [])),
    ("bins", lambda: psi_critical(100, 100, 1)),
    ("reference_n", lambda: psi_critical(0, 100, 5)),
    ("alpha", lambda: psi_critical(100, 100, 5, 0)),
    ("x has 1 row", lambda: mmd2([1], [2, 3])),
    ("y has 1 row", lambda: mmd2([1, 2], [3])),
    ("must agree", lambda: mmd2([1, 2], [[1, 2], [3, 4]])),
    ("gamma", lambda: mmd2([1, 2], [1, 2], 0)),
    ("x is empty", lambda: mmd2([], [1, 2])),
    (r"x\[1\]", lambda: mmd2([1, NAN], [1, 2])),
    ("shape", lambda: mmd2([[[1]], [[2]]], [1, 2])),
    ("permutations", lambda: mmd_test([1, 2], [1, 2], permutations=0)),
    ("seed", lambda: mmd_test([1, 2], [1, 2], seed=-1)),
]


@pytest.mark.parametrize(("named", "call"), REFUSED)
def test_broken_arguments_are_refused_by_name(named: str, call: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match=named):
        call()
