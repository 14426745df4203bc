"""Known answers are docs/rules.md 5 and 11's."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.rules.compare import pairs_needed, pairs_needed_to_win, scores_needed

NAN, INF = math.nan, math.inf

KNOWN: list[tuple[Callable[[], int], int]] = [
    (lambda: pairs_needed(0.1, 0.02), 1963),
    (lambda: pairs_needed(0.1, 0.03), 873),
    (lambda: pairs_needed(0.04, 0.01), 3140),
    (lambda: pairs_needed(0.15, 0.02), 2944),
    (lambda: pairs_needed(0.1, 0.02, alpha=0.02), 2096),
    (lambda: pairs_needed(0.04, 0.02), 785),
    (lambda: pairs_needed(0.04, 0.03), 349),
    (lambda: pairs_needed(0.04, 0.05), 126),
    (lambda: pairs_needed(0.1, 0.01), 7849),
    (lambda: pairs_needed(0.1, 0.05), 314),
    (lambda: pairs_needed(0.2, 0.01), 15698),
    (lambda: pairs_needed(0.2, 0.02), 3925),
    (lambda: pairs_needed(0.2, 0.03), 1745),
    (lambda: pairs_needed(0.2, 0.05), 628),
    (lambda: pairs_needed(0.1, 0.02, design_effect=2), 3925),
    (lambda: pairs_needed(1.0, 0.02, 1.0), 1),  # surely apart, surely ahead: one pair shows it
    (lambda: pairs_needed_to_win(0.06, 0.03), 783),
    (lambda: pairs_needed_to_win(0.1, 0.05, power=0.9), 627),
    (lambda: scores_needed(0.3, 0.03), 787),
    (lambda: scores_needed(1, 0.5), 34),
    (lambda: scores_needed(1, 0.5, design_effect=1.5), 51),
    (lambda: scores_needed(0.001, 1), 2),
]


@pytest.mark.parametrize(("call", "known"), KNOWN)
def test_known_numbers_of_rows_come_out(call: Callable[[], int], known: int) -> None:
    answer = call()
    assert (answer, type(answer)) == (known, int)


@given(st.floats(0.02, 0.5), st.floats(0.01, 0.2), st.floats(0.01, 0.2))
def test_a_wider_margin_never_needs_more_rows(disagreement: float, one: float, other: float) -> None:
    narrow, wide = sorted((one, other))
    assert pairs_needed(disagreement, wide) <= pairs_needed(disagreement, narrow)


REFUSED: list[tuple[str, Callable[[], object]]] = [
    ("difference", lambda: pairs_needed(0.1, 0.02, -0.02)),
    ("difference", lambda: pairs_needed(0.1, 0.02, 0.2)),
    ("difference", lambda: pairs_needed(0.1, 0.02, NAN)),
    ("disagreement", lambda: pairs_needed(0, 0.02)),
    ("disagreement", lambda: pairs_needed(1.1, 0.02)),
    ("margin", lambda: pairs_needed(0.1, 0)),
    ("margin", lambda: pairs_needed(0.1, 1)),
    ("alpha", lambda: pairs_needed(0.1, 0.02, alpha=0)),
    ("power", lambda: pairs_needed(0.1, 0.02, power=1)),
    ("design_effect", lambda: pairs_needed(0.1, 0.02, design_effect=0)),
    ("design_effect", lambda: pairs_needed(0.1, 0.02, design_effect=INF)),
    ("no lead", lambda: pairs_needed_to_win(0.03, 0.03)),
    ("candidate_only", lambda: pairs_needed_to_win(1.3, 0.03)),
    ("baseline_only", lambda: pairs_needed_to_win(0.3, -0.03)),
    ("cannot exceed 1", lambda: pairs_needed_to_win(0.7, 0.4)),
    ("sd", lambda: scores_needed(0, 0.03)),
    ("gap", lambda: scores_needed(0.3, 0)),
    ("gap", lambda: scores_needed(0.3, INF)),
    ("alpha", lambda: scores_needed(0.3, 0.03, alpha=1)),
    ("power", lambda: scores_needed(0.3, 0.03, power=NAN)),
    ("design_effect", lambda: scores_needed(0.3, 0.03, design_effect=-1)),
]


@pytest.mark.parametrize(("named", "call"), REFUSED)
def test_broken_arguments_are_refused_by_name(named: str, call: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match=named):
        call()
