"""The judge's guardrail: harm is caught, equal sides are left alone at every look, a strict judge is allowed for."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.rules.sequential import harm_bound, log_e_paired
from engine.rules.stagejudge import PairCounts, log_e_judged, tolerance

AGREED = ((45, 5, 0), (5, 45, 0), (0, 0, 0))  # judge and people: neither side is liked better by either
ALPHA = 0.025


def alarmed(won: float, lost: float, *, runs: int, pairs: int, allowed: float) -> float:
    """The share of simulated rollouts that a look after every tenth pair takes back, of five guardrails."""
    draw, limit = np.random.default_rng(5), harm_bound(5, ALPHA)
    hits = 0
    for _ in range(runs):
        said = draw.choice(3, size=pairs, p=[won, lost, 1.0 - won - lost])
        for end in range(10, pairs + 1, 10):
            here = np.bincount(said[:end], minlength=3).tolist()
            if log_e_judged(PairCounts(*here), allowed) >= limit:
                hits += 1
                break
    return hits / runs


def test_a_side_at_the_margin_is_seldom_taken_back_however_often_one_looks() -> None:
    at_the_margin = tolerance(0.05, AGREED, differing=1.0)
    assert at_the_margin == pytest.approx(0.1)
    assert alarmed(0.35, 0.45, runs=400, pairs=300, allowed=at_the_margin) <= ALPHA
    assert alarmed(0.40, 0.40, runs=200, pairs=300, allowed=at_the_margin) == 0.0


def test_texts_that_lose_four_pairs_in_five_are_taken_back_within_the_pairs_of_a_stage() -> None:
    assert alarmed(0.1, 0.8, runs=100, pairs=120, allowed=0.1) > 0.95


def test_what_people_liked_and_the_judge_did_not_is_allowed_and_the_other_way_round_is_not() -> None:
    strict = ((40, 0, 0), (20, 40, 0), (0, 0, 0))  # the judge: 40 to 60; people: 60 to 40
    fond = ((40, 20, 0), (0, 40, 0), (0, 0, 0))
    assert tolerance(0.05, strict, differing=1.0) == pytest.approx(0.1 + 0.4)
    assert tolerance(0.05, fond, differing=1.0) == pytest.approx(0.1)
    assert tolerance(0.05, AGREED, differing=0.5) == pytest.approx(0.2), "same texts are not among shadow pairs"
    assert tolerance(0.9, AGREED, differing=0.1) == 0.99


@given(*(st.integers(0, 200) for _ in range(3)), st.floats(0.0, 0.9))
def test_the_evidence_is_that_of_a_paired_test_and_one_more_loss_never_lowers_it(
    tuned: int, prompted: int, even: int, allowed: float
) -> None:
    found = log_e_judged(PairCounts(tuned, prompted, even), allowed)
    assert found == log_e_paired(tuned, prompted, even, allowed, "worse")
    assert log_e_judged(PairCounts(tuned, prompted + 1, even), allowed) >= found
    assert log_e_judged(PairCounts(tuned + 1, prompted, even), allowed) <= found
    assert math.isfinite(found)


def test_nothing_judged_is_evidence_of_nothing() -> None:
    assert log_e_judged(PairCounts(), 0.1) == 0.0


BROKEN: list[tuple[str, Callable[[], object]]] = [
    ("candidate_only", lambda: log_e_judged(PairCounts(tuned=-1), 0.1)),
    ("margin", lambda: log_e_judged(PairCounts(), 1.0)),
    ("margin", lambda: tolerance(math.nan, AGREED, differing=1.0)),
    ("differing", lambda: tolerance(0.05, AGREED, differing=0.0)),
    ("table", lambda: tolerance(0.05, ((0, 0, 0), (0, 0, 0), (0, 0, 0)), differing=1.0)),
]


@pytest.mark.parametrize(("named", "call"), BROKEN)
def test_broken_values_are_refused(named: str, call: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match=named):
        call()
