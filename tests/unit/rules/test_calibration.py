"""Known answers are docs/rules.md 11's, summed by hand."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.rules.calibration import brier, cascade_threshold, expected_calibration_error
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
