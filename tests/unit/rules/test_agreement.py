"""Known answers are docs/rules.md 11's: kappa and AC1 by hand, alpha from the `krippendorff` package (0.8).

The 3 x 15 table is the one of K. Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.rules.agreement import cohen_kappa, gwet_ac1, krippendorff_alpha

N = None
KA = [
    [N, N, N, N, N, 3, 4, 1, 2, 1, 1, 3, 3, N, 3],
    [1, N, 2, 1, 3, 3, 4, 3, N, N, N, N, N, N, N],
    [N, N, 2, 1, 3, 4, 4, N, 2, 1, 1, 3, 3, N, 4],
]

KNOWN: list[tuple[Callable[[], object], object]] = [
    (lambda: cohen_kappa([[20, 5], [10, 15]]), 0.4),
    (lambda: cohen_kappa([[85, 5], [5, 5]]), 0.4444444),
    (lambda: cohen_kappa([[10, 0], [0, 0]]), None),
    (lambda: gwet_ac1([[85, 5], [5, 5]]), 0.8780488),
    (lambda: gwet_ac1([[10, 0], [0, 0]]), 1),
    (lambda: krippendorff_alpha(KA), 0.691358),
    (lambda: krippendorff_alpha(KA, "interval"), 0.8108449),
    (lambda: krippendorff_alpha([["a", "a"], ["a", "a"]]), None),
    (lambda: krippendorff_alpha([["a", "b"], ["a", "b"]]), 1),
    (lambda: cohen_kappa([[0, 5], [5, 0]]), -1),
]


@pytest.mark.parametrize(("call", "known"), KNOWN)
def test_known_answers_come_out(call: Callable[[], object], known: object, agrees: Callable[..., bool]) -> None:
    assert agrees(call(), known)


def test_a_common_category_lowers_kappa_and_not_ac1() -> None:
    rare = [[85, 5], [5, 5]]
    kappa = cohen_kappa(rare)
    assert kappa is not None
    assert kappa < 0.5 < gwet_ac1(rare)


tables = st.lists(st.lists(st.integers(0, 30), min_size=3, max_size=3), min_size=3, max_size=3).filter(
    lambda rows: any(map(any, rows))
)


@given(tables)
def test_agreement_does_not_ask_which_rater_came_first(table: list[list[int]]) -> None:
    turned = [list(column) for column in zip(*table, strict=True)]
    assert cohen_kappa(table) == cohen_kappa(turned)
    assert gwet_ac1(table) == pytest.approx(gwet_ac1(turned))


@given(tables)
def test_no_agreement_passes_one(table: list[list[int]]) -> None:
    kappa = cohen_kappa(table)
    assert kappa is None or kappa <= 1
    assert gwet_ac1(table) <= 1


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=2, max_size=30))
def test_alpha_of_two_full_raters_is_kappa_like_in_sign(pairs: list[tuple[int, int]]) -> None:
    alpha = krippendorff_alpha([[one for one, _ in pairs], [other for _, other in pairs]])
    if all(one == other for one, other in pairs):
        assert alpha is None or alpha == 1
    else:
        assert alpha is not None
        assert alpha < 1


REFUSED: list[tuple[str, Callable[[], object]]] = [
    ("square", lambda: gwet_ac1([[1, 2, 3]])),
    ("square", lambda: cohen_kappa([[1]])),
    ("square", lambda: cohen_kappa([[1, 2], [3]])),
    ("at least one rating", lambda: cohen_kappa([[0, 0], [0, 0]])),
    (r"table\[1\]\[0\]", lambda: cohen_kappa([[1, 0], [-1, 0]])),
    (r"table\[0\] is empty", lambda: gwet_ac1([[], []])),
    ("level", lambda: krippendorff_alpha(KA, "ordinal")),
    ("no item rated twice", lambda: krippendorff_alpha([[1, N], [N, 2]])),
    ("at least one rater", lambda: krippendorff_alpha([])),
    ("at least one rater", lambda: krippendorff_alpha([[]])),
    ("lengths must agree", lambda: krippendorff_alpha([[1, 2], [1]])),
    (r"ratings\[0\]\[0\]", lambda: krippendorff_alpha([[math.nan], [1.0]])),
    (r"ratings\[1\]\[0\]", lambda: krippendorff_alpha([[1], ["a"]], "interval")),
]


@pytest.mark.parametrize(("named", "call"), REFUSED)
def test_broken_ratings_are_refused_by_name(named: str, call: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match=named):
        call()
