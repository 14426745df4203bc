"""Sizes of calls held against a reference month: chance is no drift, a shift is, and too few say nothing."""

from __future__ import annotations

import numpy as np
import pytest

from engine.rules import histogram
from engine.rules.drift import psi_critical
from engine.rules.sizes import shift
from engine.rules.watch import DriftPolicy


def drawn(seed: int, n: int, middle: float = 6.0) -> histogram.Histogram:
    return histogram.of(np.random.default_rng(seed).lognormal(middle, 0.5, n))


def test_too_few_values_on_either_side_say_nothing() -> None:
    assert shift(drawn(1, 99), drawn(2, 500)) is None
    assert shift(drawn(1, 500), drawn(2, 99)) is None


def test_chance_alone_alarms_about_once_in_a_hundred() -> None:
    alarms = 0
    for seed in range(300):
        found = shift(drawn(seed, 400), drawn(10_000 + seed, 400))
        assert found is not None
        alarms += found.is_alarm
    assert alarms <= 12  # 3 expected; more than 12 of 300 has a chance under one in ten thousand


def test_a_shift_is_an_alarm_and_the_critical_value_is_that_of_the_rows_counted() -> None:
    found = shift(drawn(1, 5_000), drawn(2, 5_000, 6.5))
    assert found is not None
    assert found.is_alarm
    assert found.reference_rows == pytest.approx(1_000, abs=5)
    assert found.critical == pytest.approx(psi_critical(found.reference_rows, found.rows, 10))


def test_an_idle_difference_among_millions_is_no_drift() -> None:
    before = histogram.merge([drawn(seed, 200_000) for seed in range(5)])
    after = histogram.merge([drawn(seed, 200_000, 6.01) for seed in range(5, 10)])
    found = shift(before, after)
    assert found is not None
    assert not found.is_alarm
    every = shift(before, after, DriftPolicy(calls=10_000_000))
    assert every is not None
    assert every.is_alarm, "with every call counted even a hundredth of a log unit is beyond chance"


def test_one_size_alone_has_no_bins_to_compare() -> None:
    found = shift(histogram.of([5.0] * 200), histogram.of([5.0] * 200))
    assert found is not None
    assert (found.psi, found.is_alarm) == (0.0, False)


def test_the_sum_of_a_histogram_is_right_within_a_hundredth() -> None:
    assert histogram.amount(histogram.of([100.0] * 50 + [0.0] * 3)) == pytest.approx(5_000, rel=0.01)
    assert histogram.amount(histogram.of([])) == 0.0


def test_in_a_single_bin_nothing_shifts() -> None:
    found = shift(drawn(1, 500), drawn(2, 500, middle=9.0), DriftPolicy(bins=1))
    assert found is not None
    assert (found.psi, found.is_alarm, found.rows) == (0.0, False, 500)
