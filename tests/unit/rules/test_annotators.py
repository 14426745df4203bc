"""Agreement of people who label twice, and of a teacher with them, against independent computations."""

from __future__ import annotations

import numpy as np
import pytest

from engine.rules.agreement import cohen_kappa
from engine.rules.annotators import (
    Again,
    Agreement,
    Flip,
    again,
    agreement,
    doubles,
    is_surely_below,
    is_too_low,
    kappa_interval,
)

TABLE = [[20, 5], [10, 15]]


def pairs_of(table) -> list[tuple[str, str]]:
    return [
        (str(i), str(j)) for i, row in enumerate(table) for j, count in enumerate(row) for _ in range(count)
    ]  # fmt: skip


def test_kappas_interval_is_that_of_a_bootstrap() -> None:
    draw = np.random.default_rng(1)
    shares = np.array(TABLE).ravel() / 50
    kappas = [cohen_kappa(draw.multinomial(50, shares).reshape(2, 2).tolist()) for _ in range(4_000)]
    low, high = kappa_interval(TABLE)
    assert low is not None
    assert high is not None
    assert (high - low) / (2 * 1.959964) == pytest.approx(float(np.std(kappas)), rel=0.06)
    assert (low + high) / 2 == pytest.approx(0.4)


def test_kappas_interval_covers_the_truth_as_often_as_it_says() -> None:
    draw = np.random.default_rng(2)
    shares = np.array([0.35, 0.08, 0.05, 0.3, 0.04, 0.18])
    table = np.array([[0.35, 0.05, 0.0], [0.05, 0.3, 0.02], [0.0, 0.05, 0.18]])
    truth = cohen_kappa((table * 10_000).round().astype(int).tolist())
    assert shares.sum() == pytest.approx(1.0)
    held = 0
    for _ in range(500):
        low, high = kappa_interval(draw.multinomial(150, table.ravel()).reshape(3, 3).tolist())
        held += low is not None and high is not None and low <= (truth or 0) <= high
    assert held / 500 == pytest.approx(0.95, abs=0.03)


def test_pairs_are_counted_into_one_table() -> None:
    found = agreement(pairs_of(TABLE))
    assert (found.rows, found.agreed, found.kappa) == (50, 0.7, pytest.approx(0.4))
    assert found.alpha is None


def test_nothing_and_one_label_alone_are_undefined() -> None:
    assert agreement([]) == Agreement(0)
    assert agreement([("a", "a")] * 5) == Agreement(5, 1.0)
    assert doubles([]) == Agreement(0)


def test_rows_that_one_person_judged_do_not_count_and_alpha_takes_all_judges() -> None:
    judged = [{"U1": "a", "U2": "a", "U3": "b"}, {"U1": "b", "U3": "b"}, {"U2": "a"}, {"U2": "b", "U3": "a"}]
    found = doubles(judged)
    assert (found.rows, found.agreed) == (3, pytest.approx(2 / 3))
    assert found.alpha is not None
    assert -1 <= found.alpha <= 1


def test_a_broken_confidence_is_refused() -> None:
    with pytest.raises(ValueError, match="confidence"):
        kappa_interval(TABLE, 1.5)


def test_where_everybody_says_the_same_kappa_and_its_interval_are_undefined() -> None:
    assert kappa_interval([[10, 0], [0, 0]]) == (None, None)


def test_old_labels_are_held_against_blind_answers_and_flips_are_what_a_third_settled() -> None:
    held = again([("a", "a", "a")] * 24 + [("a", "b", "b")] * 3 + [("b", "a", "a")] + [("a", "b", "a")] * 2)
    assert (held.rows, held.agreed) == (30, 0.8)
    assert held.flips == (Flip("a", "b", 3), Flip("b", "a", 1)), "a slip that a third person puts right is no flip"
    assert (held.low, held.high) == (
        pytest.approx(0.6269, abs=1e-3),
        pytest.approx(0.9049, abs=1e-3),
    )  # Wilson 24 of 30
    assert is_surely_below(held, 0.9) is False
    assert is_surely_below(again([("a", "b", "a")] * 10 + [("a", "a", "a")] * 20), 0.9) is True
    assert is_surely_below(again([]), 0.9) is None
    unsettled = again([("a", "a", "a")] * 8 + [("a", "b", ""), ("a", "", "")])
    assert (unsettled.rows, unsettled.agreed, unsettled.flips) == (10, 0.8, ()), "who differs counts, settled or not"
    assert again([]) == Again(0)


def test_kappa_is_an_alarm_by_its_lower_bound_and_never_on_few_rows() -> None:
    alike = agreement([("a", "a"), ("b", "b")] * 20)
    mixed = agreement([("a", "a"), ("b", "b"), ("a", "b"), ("b", "b")] * 10)
    assert (is_too_low(alike), is_too_low(mixed)) == (False, True)
    assert (mixed.kappa or 0) < 0.6
    assert is_too_low(agreement([("a", "b"), ("b", "a")] * 10)) is None
    assert is_too_low(agreement([("a", "a")] * 40)) is None, "of one label in use kappa says nothing"
