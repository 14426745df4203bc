"""People's fresh labels against the bar a live model must keep: valid at any peek, unknown where there are too few."""

from __future__ import annotations

import math

import numpy as np
import pytest

from engine.rules.audit import audited, texts_to_ask, texts_twice
from engine.rules.sequential import log_e_below
from engine.rules.watch import AuditPolicy


def test_the_evidence_is_the_mean_of_eight_bets() -> None:
    # By hand: bar .9, worst g = -.1, bets .5/.1 = 5 … (1/256)/.1; a wrong row gains .9, a right one loses .1.
    bets = [0.5**k / 0.1 for k in range(1, 9)]
    by_hand = math.log(sum((1 + 0.9 * bet) ** 3 * (1 - 0.1 * bet) ** 7 for bet in bets) / 8)
    assert log_e_below([0.0] * 3 + [1.0] * 7, 0.9)[-1] == pytest.approx(by_hand)
    assert log_e_below([], 0.9) == ()
    for scores, bar in (([1.5], 0.9), ([1.0], 0.0), ([1.0], 1.0), ([math.nan], 0.5)):
        with pytest.raises(ValueError, match=r"score|bar"):
            log_e_below(scores, bar)


def test_a_model_at_its_bar_is_seldom_called_broken_however_often_one_looks() -> None:
    draw = np.random.default_rng(11)
    broken = [audited([float(x) for x in draw.random(300) < 0.9], 0.9).is_broken for _ in range(200)]
    assert sum(map(bool, broken)) <= 0.05 * 200


def test_a_fall_of_ten_points_is_found_within_some_months_of_labels() -> None:
    draw = np.random.default_rng(12)
    found = [audited([float(x) for x in draw.random(400) < 0.8], 0.9).is_broken for _ in range(50)]
    assert sum(map(bool, found)) >= 45


def test_too_few_rows_are_unknown_unless_they_prove_it() -> None:
    few = audited([1.0] * 20, 0.9, AuditPolicy(rows_least=50))
    assert (few.rows, few.quality, few.is_broken) == (20, 1.0, None)
    assert audited([0.0] * 20, 0.9, AuditPolicy(rows_least=50)).is_broken is True
    assert audited([], 0.9).quality is None
    assert audited([1.0] * 50, 0.9).is_broken is False


def test_what_was_broken_once_stays_broken() -> None:
    assert audited([0.0] * 20 + [1.0] * 400, 0.9).is_broken is True


def test_people_are_asked_for_the_texts_that_will_be_sealed_too() -> None:
    assert texts_to_ask(100, 0.2) == 125
    assert texts_to_ask(0, 0.2) == 0
    assert texts_to_ask(3, 0.5) == 6


def test_a_share_of_the_texts_goes_to_two_people_and_ten_at_least() -> None:
    assert texts_twice(0.05, 400) == 20
    assert texts_twice(0.05, 125) == 10
    assert texts_twice(0.05, 7) == 7
    assert texts_twice(0.0, 125) == 0
    assert texts_twice(0.05, 0) == 0
