"""How much to seal and how many rows settle it: the power plan of docs/rules.md 5, table and formula."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.rules.pairs import Pairs
from engine.rules.planner import pairs_needed
from engine.rules.power import EvalPolicy, rows_planned, sealed_share

EVEN = Pairs(900, 50, 50, 0)


def test_protected_slices_are_named_once_each_in_the_order_given() -> None:
    assert EvalPolicy(protected_slices=" fraud, refunds,,fraud ").protected == ("fraud", "refunds")
    assert EvalPolicy().protected == ()


def test_rows_are_planned_on_the_upper_bound_of_the_disagreement() -> None:
    plan = rows_planned(EVEN, 0.02, 1)
    # .1 + .8416 sqrt(.1 * .9 / 1000), by hand
    assert plan.disagreement == pytest.approx(0.107984, abs=1e-5)
    assert plan.difference == 0.0
    assert plan.rows == pairs_needed(plan.disagreement, 0.02, alpha=0.02)


def test_a_later_look_needs_more_rows() -> None:
    rows = [rows_planned(EVEN, 0.02, look).rows for look in (1, 2, 3)]
    assert rows == sorted(rows)
    assert len(set(rows)) == 3


def test_a_clear_lead_needs_fewer_rows_and_so_does_a_clear_loss() -> None:
    even = rows_planned(EVEN, 0.02, 1)
    ahead = rows_planned(Pairs(800, 150, 50, 0), 0.02, 1)
    behind = rows_planned(Pairs(800, 20, 180, 0), 0.02, 1)
    assert ahead.difference > 0.0
    assert behind.difference < -0.02
    assert ahead.rows < even.rows
    assert behind.rows < even.rows


def test_a_little_behind_is_planned_as_equal() -> None:
    assert rows_planned(Pairs(900, 45, 55, 0), 0.02, 1).difference == 0.0


def test_no_disagreement_on_dev_is_not_taken_at_its_word() -> None:
    plan = rows_planned(Pairs(100, 0, 0, 0), 0.02, 1)
    assert plan.disagreement > 0.0
    assert plan.rows >= EvalPolicy().sealed_rows_least


SHARES = [
    # rows wanted at disagreement .42, alpha .02, margin .05: 1409 of 10,000; the policy's .20 is more
    (10_000, 0.05, 0.2),
    (4_000, 0.05, 1409 / 4_000),
    (2_000, 0.02, 0.4),  # far more would be wanted: the most is sealed
    (800, 0.02, 320 / 800),
    (600, 0.02, 210 / 600),  # train keeps its 300 rows
    (400, 0.02, 0.4),  # too small for all: never more than the most
]


@pytest.mark.parametrize(("rows", "margin", "share"), SHARES)
def test_the_sealed_share_is_raised_until_the_plan_fits(rows: int, margin: float, share: float) -> None:
    assert sealed_share(rows, margin) == pytest.approx(share, abs=1e-3)


@given(st.integers(1, 100_000), st.floats(0.001, 0.5))
def test_the_sealed_share_keeps_its_bounds(rows: int, margin: float) -> None:
    policy = EvalPolicy()
    share = sealed_share(rows, margin)
    assert 0.0 < share <= policy.sealed_share_most
    if rows >= 2_000:
        assert share >= policy.sealed_share - 1e-9
        assert rows * (1 - share - policy.dev_share) >= policy.train_rows_least - 1


pairs = st.builds(Pairs, st.integers(1, 500), *[st.integers(0, 100)] * 3)


@given(pairs, st.floats(0.005, 0.2), st.integers(1, 3))
def test_a_plan_is_never_below_the_least_rows(dev: Pairs, margin: float, look: int) -> None:
    plan = rows_planned(dev, margin, look)
    assert plan.rows >= EvalPolicy().sealed_rows_least
    assert 0.0 < plan.disagreement <= 1.0


REFUSED: list[tuple[str, Callable[[], object]]] = [
    ("rows", lambda: sealed_share(0, 0.02)),
    ("margin", lambda: sealed_share(100, 0.0)),
    ("margin", lambda: rows_planned(EVEN, 0.0, 1)),
    ("margin", lambda: rows_planned(EVEN, math.nan, 1)),
    ("look", lambda: rows_planned(EVEN, 0.02, 4)),
]


@pytest.mark.parametrize(("named", "call"), REFUSED)
def test_broken_arguments_are_refused_by_name(named: str, call: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match=named):
        call()
