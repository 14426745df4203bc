"""Known answers are docs/rules.md 11's; PPI++ after Angelopoulos, Duchi and Zrnic (2023), computed with numpy."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.rules.judges import ppi_mean, rogan_gladen, swap_win_rate

Y = [1, 0, 1, 1, 0, 1, 1, 0, 1, 1]
F = [1, 0, 1, 0, 0, 1, 1, 1, 1, 1]
U = [1] * 66 + [0] * 34

KNOWN: list[tuple[Callable[[], object], object]] = [
    (lambda: ppi_mean(Y, F, U, weight=1), (0.66, 0.1564893, 0.3532867, 0.9667133, 1)),
    (lambda: ppi_mean(Y, F, U), (0.6802707, 0.1323044, 0.4209588, 0.9395826, 0.493233)),
    (lambda: ppi_mean(Y, [1] * 10, [1] * 5).weight, 0),
    (lambda: ppi_mean(Y, [1 - value for value in Y], U).weight, 0),  # a judge that says the opposite is not trusted
    (lambda: swap_win_rate(40, 25, 20, 5, 10), (0.575, 0.4959536, 0.6499562, 0.15, 0.75, 0.0640175)),
    (lambda: rogan_gladen(0.8, 0.9, 0.8), 0.8571429),
    (lambda: rogan_gladen(0.1, 0.9, 0.8), 0),
    (lambda: rogan_gladen(0.99, 0.9, 0.8), 1),
]


@pytest.mark.parametrize(("call", "known"), KNOWN)
def test_known_answers_come_out(call: Callable[[], object], known: object, agrees: Callable[..., bool]) -> None:
    assert agrees(call(), known)


def test_without_a_judge_it_is_the_mean_of_the_labels() -> None:
    alone = ppi_mean(Y, F, U, weight=0)
    assert alone.estimate == pytest.approx(0.7)
    assert alone.standard_error == pytest.approx(float(np.std(Y, ddof=1)) / math.sqrt(10))


counts = st.integers(0, 40)


@given(st.integers(1, 40), counts, counts, counts, counts)
def test_swapping_the_sides_mirrors_the_win_rate(a: int, b: int, first: int, second: int, ties: int) -> None:
    ours, theirs = swap_win_rate(a, b, first, second, ties), swap_win_rate(b, a, first, second, ties)
    assert ours.win_rate == pytest.approx(1 - theirs.win_rate)
    assert (ours.low, ours.high) == pytest.approx((1 - theirs.high, 1 - theirs.low), abs=1e-9)
    assert ours.low <= ours.win_rate <= ours.high


REFUSED: list[tuple[str, Callable[[], object]]] = [
    ("lengths", lambda: ppi_mean([1, 0], [1], [1, 0])),
    ("labels has 1 row", lambda: ppi_mean([1], [1], [1, 0])),
    ("judged_only has 1 row", lambda: ppi_mean([1, 0], [1, 0], [1])),
    ("labels is empty", lambda: ppi_mean([], [], [1, 0])),
    ("weight", lambda: ppi_mean(Y, F, U, weight=1.5)),
    ("confidence", lambda: ppi_mean(Y, F, U, confidence=1)),
    ("at least one judged pair", lambda: swap_win_rate(0, 0, 0, 0, 0)),
    ("ties", lambda: swap_win_rate(1, 0, 0, 0, -1)),
    ("confidence", lambda: swap_win_rate(1, 0, 0, 0, 0, 0)),
    ("sum must pass 1", lambda: rogan_gladen(0.8, 0.5, 0.5)),
    ("observed", lambda: rogan_gladen(1.8, 0.9, 0.9)),
]


@pytest.mark.parametrize(("named", "call"), REFUSED)
def test_broken_arguments_are_refused_by_name(named: str, call: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match=named):
        call()
