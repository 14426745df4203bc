"""Known answers are docs/rules.md 11's, summed by hand."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.rules.calibration import (
    brier,
    cascade_threshold,
    expected_calibration_error,
    scaled,
    temperature,
)
from engine.rules.compare import clopper_pearson_upper

C = [0.95, 0.92, 0.85, 0.83, 0.65, 0.62, 0.55, 0.97, 0.99, 0.71]
R = [1, 1, 1, 0, 1, 0, 0, 1, 1, 1]
CONF = [1 - i / 400 for i in range(400)]
RIGHT = [0 if i % 9 == 4 and i > 60 else 1 for i in range(400)]
NAN = math.nan

KNOWN: list[tuple[Callable[[], object], object]] = [
    (lambda: expected_calibration_error(C, R), 0.196),
    (lambda: expected_calibration_error([1], [True]), 0),
    (lambda: expected_calibration_error([0.7], [1], 10), 0.3),
    (lambda: brier(C, R), 0.16148),
    (lambda: cascade_threshold(CONF, RIGHT, 0.12), (0.3, 0.7025, 0.08540925, 0.1180125)),
    (lambda: cascade_threshold(CONF, [0] * 400, 0.05), None),
    (lambda: cascade_threshold([0.5] * 29, [1] * 29, 0.5), None),  # fewer than 30 rows are never enough
    (lambda: cascade_threshold([0.5] * 29, [1] * 29, 0.5, minimum=29), (0.01, 1, 0)),
]


@pytest.mark.parametrize(("call", "known"), KNOWN)
def test_known_answers_come_out(call: Callable[[], object], known: object, agrees: Callable[..., bool]) -> None:
    assert agrees(call(), known)


def test_an_error_surely_at_the_target_is_accepted() -> None:
    bound = clopper_pearson_upper(0, 30)
    assert cascade_threshold([0.5] * 30, [1] * 30, bound) is not None
    assert cascade_threshold([0.5] * 30, [1] * 30, bound - 1e-9) is None


rows = st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=60)


@given(rows, st.integers(1, 20))
def test_calibration_errors_lie_between_nought_and_one(pairs: list[tuple[float, bool]], bins: int) -> None:
    sure, right = [one for one, _ in pairs], [int(other) for _, other in pairs]
    assert 0 <= expected_calibration_error(sure, right, bins) <= 1
    assert 0 <= brier(sure, right) <= 1


@given(rows, st.floats(0.01, 0.99))
def test_a_threshold_keeps_its_promise_on_the_rows_it_was_set_on(
    pairs: list[tuple[float, bool]], target: float
) -> None:
    found = cascade_threshold([one for one, _ in pairs], [int(other) for _, other in pairs], target, minimum=5)
    if found is not None:
        kept = [right for sure, right in pairs if sure >= found.threshold]
        assert found.error <= found.error_upper <= target
        assert found.kept_share == len(kept) / len(pairs)


REFUSED: list[tuple[str, Callable[[], object]]] = [
    ("lengths", lambda: expected_calibration_error([0.5], [1, 0])),
    ("confidence", lambda: brier([NAN], [1])),
    ("confidence", lambda: brier([1.2], [1])),
    ("correct", lambda: brier([0.2], [0.5])),
    ("confidence is empty", lambda: brier([], [])),
    ("bins", lambda: expected_calibration_error([0.5], [1], 0)),
    ("target_error", lambda: cascade_threshold([0.5], [1], 0)),
    ("level", lambda: cascade_threshold([0.5], [1], 0.1, level=1)),
    ("minimum", lambda: cascade_threshold([0.5], [1], 0.1, minimum=0)),
]


@pytest.mark.parametrize(("named", "call"), REFUSED)
def test_broken_arguments_are_refused_by_name(named: str, call: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match=named):
        call()


def test_temperature_finds_how_much_too_sure_a_model_is() -> None:
    random = np.random.default_rng(5)
    odds = random.normal(1.5, 1.0, 4_000)
    right = (random.random(4_000) < 1 / (1 + np.exp(-odds))).astype(int).tolist()
    too_sure = (1 / (1 + np.exp(-2.5 * odds))).tolist()
    found = temperature(too_sure, right)
    assert found == pytest.approx(2.5, rel=0.1)
    after = scaled(too_sure, found)
    assert after == pytest.approx((1 / (1 + np.exp(-odds * 2.5 / found))).tolist(), abs=1e-4)
    assert expected_calibration_error(after, right) < 0.02 < expected_calibration_error(too_sure, right)
    assert brier(after, right) < brier(too_sure, right)


def test_temperature_by_hand() -> None:
    # Two kinds of rows: odds ln 9 (.9), right 3 of 4 times: the best single share is .75, ln 3; T = ln 9 / ln 3 = 2
    assert temperature([0.9] * 4, [1, 1, 1, 0]) == pytest.approx(2.0, rel=1e-6)
    assert scaled([0.9, 0.5, 0.1], 2.0) == pytest.approx((0.75, 0.5, 0.25))


def test_where_nothing_can_be_fitted_the_temperature_is_one_and_its_range_ends() -> None:
    assert temperature([0.9, 0.8], [1, 1]) == temperature([0.9, 0.8], [0, 0]) == 1.0
    assert temperature([0.99, 0.99], [1, 0]) == pytest.approx(20.0)
    assert scaled([1.0, 0.0], 1.0) == pytest.approx((1.0, 0.0), abs=1e-5)


@pytest.mark.parametrize(
    "broken", [lambda: temperature([], []), lambda: temperature([0.5], [1, 0]), lambda: scaled([0.5], 0.0)]
)
def test_a_temperature_of_broken_rows_is_refused(broken: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match=r"empty|agree|above"):
        broken()
