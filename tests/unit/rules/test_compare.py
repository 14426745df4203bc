"""Known answers are docs/rules.md 11's, made with statsmodels (wilson, newcombe, mcnemar, holm) and scipy."""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import mean

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.rules.compare import (
    Interval,
    Pairs,
    bootstrap_difference,
    clopper_pearson_upper,
    cluster_standard_error,
    holm,
    mcnemar_midp,
    mean_difference,
    newcombe_paired,
    tango_interval,
    tango_test,
    wilson,
)

X = [1, 1, 1, 0, 0, 0, 1, 1, 0, 1, 1, 1]
G = [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3]
D = [0.12, 0.05, -0.03, 0.2, 0, 0.07, 0.11, -0.08, 0.15, 0.02, 0.04, 0.09, -0.01, 0.06, 0.3, 0.03, 0, 0.08, -0.02, 0.1]
C60 = [0.4 + 0.02 * (i % 7) for i in range(60)]
B60 = [0.38 + 0.015 * (i % 5) for i in range(60)]
NAN, INF = math.nan, math.inf

KNOWN: list[tuple[Callable[[], object], object]] = [
    (lambda: wilson(0, 20), (0, 0, 0.1611252)),
    (lambda: wilson(9, 10), (0.9, 0.59585, 0.9821238)),
    (lambda: wilson(95, 100), (0.95, 0.8882495, 0.9784563)),
    (lambda: clopper_pearson_upper(0, 100), 0.02951305),
    (lambda: clopper_pearson_upper(3, 200), 0.03830971),
    (lambda: clopper_pearson_upper(0, 59), 0.04950761),
    (lambda: newcombe_paired(Pairs(36, 12, 2, 0)), (0.2, 0.05692958, 0.3404276)),
    (lambda: newcombe_paired(Pairs(430, 22, 8, 40)), (0.028, 0.006199888, 0.05099202)),
    (lambda: newcombe_paired(Pairs(50, 0, 0, 50)), (0, -0.01923369, 0.01923369)),
    (lambda: tango_interval(Pairs(36, 12, 2, 0)), (0.2, 0.06111241, 0.3447087)),
    (lambda: tango_interval(Pairs(430, 22, 8, 40)), (0.028, 0.006972491, 0.05165657)),
    (lambda: tango_interval(Pairs(50, 0, 0, 50)), (0, -0.0369935, 0.0369935)),
    (lambda: tango_interval(Pairs(0, 0, 10, 0)), (-1, -1, -0.4449344)),
    (lambda: tango_test(Pairs(43, 0, 1, 0), 0.1), (1.708564, 0.04376584)),
    (lambda: tango_test(Pairs(900, 40, 25, 35), 0.02), (4.084451, 2.20906e-05)),
    (lambda: tango_test(Pairs(50, 0, 0, 50), 0.02), (1.428571, 0.07656373)),
    (lambda: mcnemar_midp(40, 25), 0.0640175),
    (lambda: mcnemar_midp(0, 0), 1),
    (lambda: mcnemar_midp(5, 5), 0.8769531),
    (lambda: mcnemar_midp(0, 6), 2**-6),  # all one way: twice half of the only point
    (lambda: cluster_standard_error(X, G), (0.2357023, 4, 3)),
    (lambda: cluster_standard_error(X, range(12)), (0.1421338, 12, 11)),
    (lambda: mean_difference(D), (0.064, 0.02335799, 0.104642)),
    (lambda: mean_difference(X, G), (0.6666667, -0.08344312, 1.416776)),
    (lambda: mean_difference([0.1, 0.1, 0.1]), (0.1, 0.1, 0.1)),
    (lambda: mean_difference([0.1, 0.1], ["a", "b"]), (0.1, 0.1, 0.1)),
    (lambda: holm([0.001, 0.01, 0.03, 0.04, 0.2]), (0.005, 0.04, 0.09, 0.09, 0.2)),
    (lambda: holm([0.9, 0.9]), (1, 1)),
    (lambda: bootstrap_difference(mean, [0.5] * 30, [0.4] * 30), (0.1, 0.1, 0.1)),
]


@pytest.mark.parametrize(("call", "known"), KNOWN)
def test_known_answers_come_out(call: Callable[[], object], known: object, agrees: Callable[..., bool]) -> None:
    assert agrees(call(), known)


def test_no_p_value_gives_none_back() -> None:
    assert holm([]) == ()


def test_wilson_touches_both_ends_exactly() -> None:
    assert wilson(0, 7).low == 0.0
    assert wilson(7, 7).high == 1.0


def test_only_events_bound_a_rate_by_one() -> None:
    assert clopper_pearson_upper(5, 5) == 1.0


def test_newcombe_copes_with_an_empty_margin() -> None:
    # phi is 0 there; -1 and 1 are the ends of the scale.
    assert newcombe_paired(Pairs(0, 0, 10, 0)).low == pytest.approx(-1.0)
    assert newcombe_paired(Pairs(10, 0, 0, 0)).low > -0.4


def test_newcombe_keeps_a_negative_association() -> None:
    apart = newcombe_paired(Pairs(1, 30, 25, 1))
    together = newcombe_paired(Pairs(28, 3, 0, 26))
    assert apart.high - apart.low > together.high - together.low


def test_tango_meets_its_own_bound() -> None:
    pairs = Pairs(430, 22, 8, 40)
    low = tango_interval(pairs).low
    assert tango_test(pairs, -low if low < 0 else 0.0).p_value < 0.025
    at_bound = tango_interval(Pairs(800, 30, 32, 138), 0.95)
    assert tango_test(Pairs(800, 30, 32, 138), -at_bound.low).p_value == pytest.approx(0.025, abs=1e-6)


def test_superiority_without_a_discordant_pair_is_undecided() -> None:
    test = tango_test(Pairs(50, 0, 0, 50), 0)
    assert (test.z, test.p_value) == (0.0, 0.5)


def test_all_wins_reach_one() -> None:
    assert tango_interval(Pairs(0, 10, 0, 0)).high == 1.0


def test_pairs_know_their_number_and_difference() -> None:
    pairs = Pairs(36, 12, 2, 0)
    assert (pairs.n, pairs.difference) == (50, 0.2)


def test_the_bootstrap_falls_where_the_note_drew_it() -> None:
    interval = bootstrap_difference(mean, C60, B60)
    assert interval.estimate == pytest.approx(0.048)
    assert 0.035 <= interval.low <= 0.0405
    assert 0.0555 <= interval.high <= 0.061


def test_the_bootstrap_resamples_whole_groups() -> None:
    groups = [i // 20 for i in range(60)]
    grouped = bootstrap_difference(mean, X * 5, [0] * 60, groups, resamples=300)
    # Every group of 20 rows has its own mean, so only their 3 means can be mixed.
    assert grouped == bootstrap_difference(mean, X * 5, [0] * 60, groups, resamples=300)
    assert grouped != bootstrap_difference(mean, X * 5, [0] * 60, groups, resamples=300, seed=1) or grouped.low >= 0
    assert grouped.high - grouped.low < 0.25


def test_the_bootstrap_holds_an_estimate_its_resamples_never_reach() -> None:
    # A metric that counts distinct rows is largest on the rows themselves.
    interval = bootstrap_difference(lambda rows: float(len(set(rows))), list(range(30)), [0] * 30, resamples=200)
    assert interval.estimate == interval.high == 29.0


counts = st.integers(0, 60)
tables = st.builds(Pairs, st.integers(1, 60), counts, counts, counts)


@given(tables, st.floats(0.5, 0.999))
def test_intervals_hold_their_estimate(pairs: Pairs, confidence: float) -> None:
    right = pairs.both + pairs.candidate_only
    for interval in (
        tango_interval(pairs, confidence),
        newcombe_paired(pairs, confidence),
        wilson(right, pairs.n, confidence),
    ):
        assert interval.low <= interval.estimate <= interval.high
    assert clopper_pearson_upper(right, pairs.n, confidence) >= right / pairs.n - 1e-12


@given(tables)
def test_swapping_the_sides_mirrors_tango(pairs: Pairs) -> None:
    ours = tango_interval(pairs)
    theirs = tango_interval(Pairs(pairs.both, pairs.baseline_only, pairs.candidate_only, pairs.neither))
    assert (ours.low, ours.high) == pytest.approx((-theirs.high, -theirs.low), abs=1e-9)


@given(tables, st.floats(0, 0.5), st.floats(0, 0.5))
def test_a_wider_margin_is_easier_to_keep(pairs: Pairs, one: float, other: float) -> None:
    narrow, wide = sorted((one, other))
    assert tango_test(pairs, wide).p_value <= tango_test(pairs, narrow).p_value + 1e-12


@settings(max_examples=30)
@given(st.lists(st.floats(-1, 1), min_size=3, max_size=12))
def test_the_t_interval_changes_sign_with_the_differences(differences: list[float]) -> None:
    ours, theirs = mean_difference(differences), mean_difference([-value for value in differences])
    assert (ours.low, ours.high) == pytest.approx((-theirs.high, -theirs.low), abs=1e-9)


@given(st.lists(st.floats(0, 1), max_size=12))
def test_holm_keeps_order_and_never_lowers(p_values: list[float]) -> None:
    adjusted = holm(p_values)
    assert all(raised >= raw and raised <= 1.0 for raised, raw in zip(adjusted, p_values, strict=True))
    by_raw = [raised for _, raised in sorted(zip(p_values, adjusted, strict=True))]
    assert by_raw == sorted(by_raw)


REFUSED: list[tuple[str, Callable[[], object]]] = [
    ("successes", lambda: wilson(3, 2)),
    ("successes", lambda: wilson(-1, 2)),
    ("n is 0", lambda: wilson(0, 0)),
    ("n is nan", lambda: wilson(0, NAN)),
    ("successes", lambda: wilson(0.5, 2)),
    ("successes", lambda: wilson(True, 2)),
    ("successes", lambda: wilson("1", 2)),
    ("confidence", lambda: wilson(1, 2, 1.0)),
    ("confidence", lambda: wilson(1, 2, 0.0)),
    ("events", lambda: clopper_pearson_upper(5, 4)),
    ("confidence", lambda: clopper_pearson_upper(0, 4, NAN)),
    ("at least one pair", lambda: Pairs(0, 0, 0, 0)),
    ("baseline_only", lambda: Pairs(1, 0, -1, 0)),
    ("confidence", lambda: newcombe_paired(Pairs(1, 0, 0, 0), INF)),
    ("confidence", lambda: tango_interval(Pairs(1, 0, 0, 0), -0.5)),
    ("margin", lambda: tango_test(Pairs(10, 5, 5, 0), NAN)),
    ("margin", lambda: tango_test(Pairs(10, 5, 5, 0), 1.0)),
    ("margin", lambda: tango_test(Pairs(10, 5, 5, 0), -0.01)),
    ("candidate_only", lambda: mcnemar_midp(-1, 2)),
    ("baseline_only", lambda: mcnemar_midp(1, 2.5)),
    ("groups", lambda: cluster_standard_error([1, 0], [7, 7])),
    ("groups", lambda: cluster_standard_error([1, 0], [7])),
    ("values is empty", lambda: cluster_standard_error([], [])),
    (r"values\[1\]", lambda: cluster_standard_error([1, NAN], [7, 8])),
    ("differences", lambda: mean_difference([0.1])),
    ("differences is empty", lambda: mean_difference([])),
    (r"differences\[0\]", lambda: mean_difference([INF, 0.1])),
    ("only numbers", lambda: mean_difference([None, 0.1])),
    ("only numbers", lambda: mean_difference(["a", "b"])),
    ("flat list", lambda: mean_difference([[0.1], [0.2]])),
    ("different lengths", lambda: mean_difference([[0.1], [0.2, 0.3]])),
    ("groups", lambda: mean_difference([0.1, 0.1], [1, 1])),
    ("confidence", lambda: mean_difference([0.1, 0.2], confidence=1.2)),
    (r"p_values\[0\]", lambda: holm([1.2])),
    (r"p_values\[1\]", lambda: holm([0.5, NAN])),
    ("candidate", lambda: bootstrap_difference(mean, [0.5], [0.4])),
    ("lengths", lambda: bootstrap_difference(mean, [0.5, 0.5], [0.4])),
    ("groups", lambda: bootstrap_difference(mean, [0.5, 0.5], [0.4, 0.4], [1])),
    ("groups", lambda: bootstrap_difference(mean, [0.5, 0.5], [0.4, 0.4], [1, 1])),
    ("resamples", lambda: bootstrap_difference(mean, [0.5, 0.5], [0.4, 0.4], resamples=0)),
    ("seed", lambda: bootstrap_difference(mean, [0.5, 0.5], [0.4, 0.4], seed=-1)),
    ("confidence", lambda: bootstrap_difference(mean, [0.5, 0.5], [0.4, 0.4], confidence=2)),
    ("metric", lambda: bootstrap_difference(lambda _: NAN, [0.5, 0.5], [0.4, 0.4])),
]


@pytest.mark.parametrize(("named", "call"), REFUSED)
def test_broken_arguments_are_refused_by_name(named: str, call: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match=named):
        call()


def test_a_value_is_frozen() -> None:
    with pytest.raises(AttributeError):
        Interval(0.0, 0.0, 0.0).low = 1.0  # type: ignore[misc] # that it cannot be set is the claim
