from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.rules.pairs import Interval
from engine.rules.release import Released, bits_released, on_grid, released, rows_released, score_released
from engine.rules.seal import next_alpha, release_step, released_difference
from engine.rules.verdict import Evidence, VerdictPolicy, decide

MARGIN = 0.02
SMALL = st.floats(-0.3, 0.3)


def one(estimate: float = 0.0137, low: float = -0.006, high: float = 0.0334, **changes: float) -> Released:
    said = {"prompted": 0.9137, "margin": MARGIN, "sd": 0.3, "rows": 1000, **changes}
    rows = int(said.pop("rows"))
    return released(Interval(estimate, low, high), rows=rows, **said)


def test_the_released_difference_is_the_one_of_the_rules_to_a_tenth_of_a_point() -> None:
    assert released_difference(0.0137, 0.3, 1000) == pytest.approx(0.009486833)
    found = one()
    assert (found.difference, found.low, found.high, found.step) == (0.009, -0.009, 0.038, 0.009)
    assert (found.prompted, found.candidate) == (0.911, 0.92)


def test_the_step_is_half_a_point_where_the_error_is_smaller() -> None:
    assert release_step(0.05, 1000) == 0.005
    assert one(0.013, 0.01, 0.016, sd=0.05).difference == 0.015


@pytest.mark.parametrize(
    ("low", "high", "shown"),
    [
        (-0.0199, 0.04, (-0.0, 0.03)),  # nearest -.03 would read as "may be worse"
        (-0.021, 0.06, (-0.03, 0.06)),
        (-0.09, -0.021, (-0.09, -0.03)),
        (-0.09, -0.019, (-0.09, 0.0)),  # nearest -.03 would read as "surely worse"
        (0.001, 0.09, (0.03, 0.09)),
    ],
)
def test_an_end_stays_on_its_side_of_the_margin(low: float, high: float, shown: tuple[float, float]) -> None:
    found = one((low + high) / 2, low, high, sd=0.3, rows=100)
    assert (found.low, found.high) == shown


@given(SMALL, st.floats(0, 0.2), st.floats(0, 0.2), st.floats(0, 1), st.integers(1, 20_000))
def test_no_reader_sees_another_finding_than_was_decided(
    estimate: float, below: float, above: float, sd: float, rows: int
) -> None:
    found = one(estimate, estimate - below, estimate + above, sd=sd, rows=rows)
    assert found.low <= found.difference <= found.high
    assert found.low > -MARGIN or estimate - below <= -MARGIN or found.difference <= -MARGIN
    assert found.low <= 0 or estimate - below > 0
    assert found.high < -MARGIN or estimate + above >= -MARGIN or found.difference >= -MARGIN


@given(SMALL, SMALL, st.floats(0.01, 1), st.integers(1, 20_000))
def test_differences_that_round_alike_cannot_be_told_apart(one_: float, two: float, sd: float, rows: int) -> None:
    step = release_step(sd, rows)
    if round(one_ / step) == round(two / step):
        assert one(one_, one_, one_, sd=sd, rows=rows).difference == one(two, two, two, sd=sd, rows=rows).difference


def test_two_scores_tell_no_more_than_their_released_difference() -> None:
    for prompted in (0.0, 0.4, 0.5077, 0.999, 1.0):
        found = one(prompted=prompted)
        assert found.prompted == score_released(prompted, 0.3, 1000)
        assert found.candidate == pytest.approx(min(found.prompted + found.difference, 1.0), abs=1e-9)


def test_the_bits_grow_with_a_finer_grid() -> None:
    assert bits_released(0.005) == pytest.approx(2 + 3 * math.log2(401) + math.log2(201))
    assert bits_released(0.05) < bits_released(0.005)
    assert one().bits == pytest.approx(bits_released(0.009))


def inconclusive(estimate: float, **changes: float | int) -> Evidence:
    said = {"rows": 2000, "planned_rows": 1963, "row_variance": 0.09, **changes}
    interval = Interval(estimate, estimate - 0.03, estimate + 0.03)
    return Evidence(interval, MARGIN, saving_low=0.5, payback_probability=0.9, npv_usd=5000.0, **said)  # pyright: ignore[reportArgumentType]


def test_the_rows_that_settle_it_are_told_from_the_released_difference_alone() -> None:
    told: set[int | None] = set()
    for estimate in (-0.0061, -0.0055, -0.0048):  # one step of the grid, sqrt(.09/2000) = .0067
        evidence = inconclusive(estimate)
        found = one(estimate, estimate - 0.03, estimate + 0.03, sd=0.3, rows=2000)
        assert found.difference == -0.007
        ruling = decide(evidence)
        assert ruling.rows_needed is not None
        told.add(rows_released(ruling, evidence, found))
    assert told == {math.ceil((1.959964 + 0.841621) ** 2 * 0.09 / 0.013**2 - 2000)}


def test_rows_are_counted_for_the_look_they_are_for_which_is_harder_to_pass() -> None:
    evidence = inconclusive(-0.0061)
    found = one(-0.0061, -0.036, 0.024, sd=0.3, rows=2000)
    told = rows_released(decide(evidence), evidence, found, alpha=next_alpha(1))
    assert told == math.ceil((2.652070 + 0.841621) ** 2 * 0.09 / 0.013**2 - 2000)
    lenient = rows_released(decide(evidence), evidence, found, alpha=0.5)
    assert lenient == rows_released(decide(evidence), evidence, found), "never easier than the policy"


def test_a_difference_rounded_onto_the_margin_counts_as_half_a_step_from_it() -> None:
    evidence = inconclusive(-0.0195, planned_rows=0, rows=2000)
    found = one(-0.0195, -0.05, 0.01, sd=0.3, rows=2000)
    assert found.difference == -0.02
    exact = decide(evidence, VerdictPolicy(rows_cap=4_000_000))
    told = rows_released(exact, evidence, found, VerdictPolicy(rows_cap=4_000_000))
    assert told == math.ceil((1.959964 + 0.841621) ** 2 * 0.09 / 0.0035**2 - 2000)
    assert rows_released(exact, evidence, found, VerdictPolicy(rows_cap=3_000)) == 1_000


def test_rows_a_plan_lacks_are_told_as_they_are_and_none_stays_none() -> None:
    evidence = inconclusive(-0.005, rows=1900)
    assert rows_released(decide(evidence), evidence, one()) == 63
    ships = inconclusive(0.05)
    assert rows_released(decide(ships), ships, one()) is None


def test_a_figure_is_put_on_a_grid_and_none_stays_none() -> None:
    assert on_grid(0.0337, 0.02) == 0.04
    assert on_grid(-0.009, 0.02) == 0.0
    assert on_grid(None, 0.02) is None


def test_nonsense_is_refused() -> None:
    with pytest.raises(ValueError, match="estimate must lie"):
        one(0.2, 0.3, 0.4)
    with pytest.raises(ValueError, match="score is"):
        one(prompted=1.2)
    with pytest.raises(ValueError, match="margin is"):
        one(margin=-0.1)
    with pytest.raises(ValueError, match="sd is"):
        one(sd=-1.0)
    with pytest.raises(ValueError, match="step is"):
        bits_released(0.0)
