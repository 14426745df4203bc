"""Successive halving as a rule: who goes on, and that the work stays bounded."""

from __future__ import annotations

import pytest

from engine.rules.halving import Round, best, rounds, work


def test_each_round_keeps_a_third_and_reaches_three_times_as_far() -> None:
    assert rounds(1) == []
    assert rounds(3) == [Round(pytest.approx(1 / 6), 1)]
    assert rounds(8) == [Round(pytest.approx(1 / 18), 3), Round(pytest.approx(1 / 6), 1)]


def test_the_work_of_all_is_bounded() -> None:
    assert work(1) == 1.0
    assert work(3) == pytest.approx(3 / 6 + 5 / 6)
    assert work(8) == pytest.approx(8 / 18 + 3 * 2 / 18 + 15 / 18)
    assert all(work(count) < 2.0 for count in range(1, 10))


def test_the_lowest_losses_go_on_and_the_earlier_of_equals() -> None:
    assert best([0.5, 0.2, 0.9, 0.3], 2) == [1, 3]
    assert best([0.5, 0.5, 0.5], 1) == [0]
    assert best([None, 0.7, None], 1) == [1]
    assert best([None, None], 1) == [0]
