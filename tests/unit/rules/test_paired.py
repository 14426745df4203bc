"""The interval that fits the rows, and several options against one live model."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.rules.compare import mean_difference, tango_interval, unequal_groups_error
from engine.rules.paired import FEW_GROUPS, GROUPS_LEAST, NO_INTERVAL, TANGO, compared, design_effect, not_worse
from engine.rules.pairs import Interval, Pairs, tango_test
from engine.rules.rebaseline import rebaseline
from tests.unit.rules.conftest import Agrees

PAIRS = Pairs(43, 5, 2, 10)
OURS = [1] * 43 + [1] * 5 + [0] * 2 + [0] * 10
THEIRS = [1] * 43 + [0] * 5 + [1] * 2 + [0] * 10
BIT = st.integers(0, 1)


def test_right_and_wrong_answers_get_tangos_interval_and_test() -> None:
    found = compared(OURS, THEIRS, level=0.96)
    assert found.interval == tango_interval(PAIRS, 0.96)
    assert (found.method, found.rows, found.groups, found.design_effect) == (TANGO, 60, 60, 1.0)
    assert found.row_variance == pytest.approx(7 / 60 - 0.05**2)
    assert not_worse(OURS, THEIRS, None, 0.02) == tango_test(PAIRS, 0.02).p_value


def test_scores_between_get_a_paired_t(agrees: Agrees) -> None:
    ours, theirs = [0.5, 0.9, 0.7, 1.0, 0.6], [0.4, 0.8, 0.9, 0.7, 0.5]
    found = compared(ours, theirs)
    # d = .1 .1 -.2 .3 .1: mean .08, sd .1788854, t(.975, 4) = 2.776445 (t table), by hand
    assert agrees(found.interval, (0.08, -0.1421156, 0.3021156))
    assert found.method == "paired t over 5 rows"
    # t = (.08 + .05) / .08 = 1.625, P(T4 >= 1.625) by the closed form of 4 degrees of freedom
    sine = 1.625 / (4 + 1.625**2) ** 0.5
    assert not_worse(ours, theirs, None, 0.05) == pytest.approx(0.5 - sine * (3 - sine**2) / 4)


def test_grouped_rows_get_the_cluster_interval_and_a_design_effect() -> None:
    groups = [place // 3 for place in range(90)]
    ours = [float(place // 3 % 4 > 0) for place in range(90)]
    theirs = [float(place // 3 % 3 > 0) for place in range(90)]
    found = compared(ours, theirs, groups, level=0.96)
    steps = [one - other for one, other in zip(ours, theirs, strict=True)]
    assert found.interval == mean_difference(steps, groups, 0.96)
    assert found.method == "cluster-robust t over 30 groups"
    assert found.design_effect == pytest.approx(
        3 * 30 / 29
    )  # rows of a group are the same: ICC 1, m = 3, times G/(G-1)
    assert 0.0 < not_worse(ours, theirs, groups, 0.02) < 0.6


def test_groups_of_unlike_size_get_the_jackknifes_error_and_fewer_degrees_of_freedom() -> None:
    values, groups = [0.0, 0.0, 0.0, 1.0, 1.0, 1.0], ["a", "b", "b", "c", "c", "c"]
    found = unequal_groups_error(values, groups)
    # means without a, b, c: 3/5, 3/4, 0; about their own 1/2, times 2/3, by hand
    by_hand = (2 / 3 * ((3 / 5 - 1 / 2) ** 2 + (3 / 4 - 1 / 2) ** 2 + (0 - 1 / 2) ** 2)) ** 0.5
    assert found.standard_error == pytest.approx(by_hand)
    assert found.degrees_of_freedom == pytest.approx(36 / 14 - 1)  # 1, 2 and 3 rows
    assert found.groups == 3


def test_a_few_large_groups_do_not_make_a_worse_candidate_pass() -> None:
    random = np.random.default_rng(5)
    sizes = np.array([4] * 15 + [20, 30, 40, 60, 100])
    groups = np.repeat(np.arange(20), sizes).tolist()
    passed = ignoring_sizes = 0
    for _ in range(1000):  # truly at the margin of 2 points, in each group 5 points more or less
        lead = np.repeat(random.normal(-0.02, 0.05, 20), sizes)
        drawn = random.random(len(groups))
        wins, losses = drawn < 0.2 + lead / 2, drawn > 0.8 + lead / 2
        steps = wins.astype(float) - losses
        passed += compared(wins.astype(float), losses.astype(float), groups, level=0.96).interval.low > -0.02
        ignoring_sizes += mean_difference(steps, groups, 0.96).low > -0.02
    assert passed / 1000 <= 0.025
    assert ignoring_sizes / 1000 >= 0.035


def test_groups_that_all_agree_say_as_much_as_so_many_rows() -> None:
    groups = [place // 5 for place in range(200)]
    found = compared([1.0] * 200, [1.0] * 200, groups, level=0.96).interval
    assert (found.low, found.high) == pytest.approx((-found.high, 4.2179 / 44.2179), rel=1e-4)  # k = 2.05375
    assert not_worse([1.0] * 200, [1.0] * 200, groups, found.high) == pytest.approx(0.02)
    assert not_worse([0.0] * 200, [1.0] * 200, groups, 0.9) == 1.0


def test_too_few_groups_prove_nothing() -> None:
    groups = [place % (GROUPS_LEAST - 1) for place in range(60)]
    found = compared(OURS, THEIRS, groups)
    assert found.interval == Interval(0.05, -1.0, 1.0)
    assert found.method == NO_INTERVAL
    assert not_worse(OURS, THEIRS, groups, 0.5) == 1.0
    assert FEW_GROUPS.startswith("fewer than 20")


def test_differences_that_are_all_equal_are_a_point() -> None:
    assert not_worse([0.5, 0.5], [0.4, 0.4], None, 0.0) == 0.0
    assert not_worse([0.4, 0.4], [0.5, 0.5], None, 0.05) == 1.0
    assert compared([0.5, 0.5], [0.5, 0.5]).design_effect == 1.0
    assert design_effect(Interval(0.1, 0.1, 0.1), 0.95, rows=9, groups=3, row_variance=0.0) == 1.0


@pytest.mark.parametrize(
    "broken",
    [
        lambda: compared([], []),
        lambda: compared([1], [1, 0]),
        lambda: compared([2], [1]),
        lambda: compared([1, 0], [1, 0], ["a"]),
        lambda: not_worse([1, 0], [1, 0], None, 1.0),
        lambda: rebaseline([1, 0], {"a": [1]}, 0.02),
        lambda: rebaseline([1, 0], {"a": [1, 0]}, 0.02, alpha=0.0),
    ],
)
def test_broken_input_is_refused(broken: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match=r"must|needed|agree"):
        broken()


@given(st.lists(st.tuples(BIT, BIT), min_size=2, max_size=60))
def test_swapping_the_sides_mirrors_the_interval(rows: list[tuple[int, int]]) -> None:
    ours, theirs = [one for one, _ in rows], [other for _, other in rows]
    there, back = compared(ours, theirs).interval, compared(theirs, ours).interval
    assert (there.low, there.high) == pytest.approx((-back.high, -back.low))


def live_and(**shares: float) -> tuple[list[int], dict[str, list[int]]]:
    """A live model right on 900 of 1,000 rows, and options that differ from it on some."""
    live = [1] * 900 + [0] * 100
    options: dict[str, list[int]] = {}
    for name, lead in shares.items():
        option = list(live)
        wins, losses = round(50 + lead * 500), round(50 - lead * 500)
        option[900 : 900 + wins] = [1] * wins
        option[:losses] = [0] * losses
        options[name] = option
    return live, options


def test_one_option_is_judged_by_its_own_test_and_several_by_holm() -> None:
    live, options = live_and(same=0.0)
    alone = rebaseline(live, options, 0.03)
    (same,) = alone.standings
    assert same.p_value == same.adjusted == tango_test(Pairs(850, 50, 50, 50), 0.03).p_value
    assert same.difference == tango_interval(Pairs(850, 50, 50, 50), 0.95)
    assert alone.qualified == ("same",)
    live, options = live_and(same=0.0, worse=-0.02, better=0.06)
    three = rebaseline(live, options, 0.03)
    by_name = {one.name: one for one in three.standings}
    assert by_name["same"].adjusted == pytest.approx(2 * by_name["same"].p_value)  # the second smallest of three
    assert by_name["better"].adjusted == pytest.approx(3 * by_name["better"].p_value)
    assert three.qualified == ("same", "better")
    assert not by_name["worse"].is_qualified


def test_a_live_model_that_is_surely_beaten_by_more_than_the_margin_is_broken() -> None:
    live, options = live_and(better=0.06)
    assert rebaseline(live, options, 0.02).is_broken
    assert not rebaseline(live, options, 0.06).is_broken
    assert not rebaseline(live, {}, 0.02).is_broken
    assert rebaseline(live, {}, 0.02).qualified == ()


def test_options_at_the_margin_pass_together_no_more_often_than_alpha() -> None:
    random = np.random.default_rng(7)
    passed = 0
    for _ in range(300):
        live = (random.random(400) < 0.85).astype(float)
        flips = {}
        for name in ("a", "b", "c"):
            option = live.copy()
            moved = random.random(400)
            option[(live == 1.0) & (moved < 0.10 / 0.85)] = 0.0  # loses 10 points …
            option[(live == 0.0) & (moved < 0.05 / 0.15)] = 1.0  # … and wins 5: at a margin of 5
            flips[name] = option.tolist()
        passed += bool(rebaseline(live.tolist(), flips, 0.05).qualified)
    assert passed / 300 <= 0.05
