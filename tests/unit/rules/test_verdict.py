"""Known answers are docs/rules.md 4 and 11's, one for every row of the table."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.rules.verdict import Evidence, Interval, Outcome, Ruling, VerdictPolicy, decide

NAN = math.nan


def evidence(estimate: float, low: float, high: float, **changes: Any) -> Evidence:
    """E(est [low, high]) of docs/rules.md 11."""
    known: dict[str, Any] = {
        "margin": 0.02,
        "rows": 2000,
        "planned_rows": 1963,
        "row_variance": 0.1,
        "saving_low": 0.5,
        "payback_probability": 0.9,
        "npv_usd": 5000.0,
    }
    return Evidence(Interval(estimate, low, high), **{**known, **changes})


BETTER = (0.02, 0.005, 0.035)
EQUAL = (0.0, -0.014, 0.014)
WIDE = (0.0, -0.025, 0.025)

KNOWN: list[tuple[Evidence, str, int | None]] = [
    (evidence(*BETTER), "SHIP_BETTER", None),
    (evidence(*EQUAL), "SHIP_CHEAPER", None),
    (evidence(-0.05, -0.07, -0.03), "NO_GO", None),
    (evidence(*WIDE, rows=800, planned_rows=785), "INCONCLUSIVE", 1163),
    (evidence(*EQUAL, saving_low=0.1), "NO_GO", None),
    (evidence(*EQUAL, saving_low=None), "INCONCLUSIVE", None),
    (evidence(*EQUAL, payback_probability=None), "INCONCLUSIVE", None),
    (evidence(*EQUAL, npv_usd=None), "INCONCLUSIVE", None),
    (evidence(*BETTER, saving_low=0, npv_usd=-100), "NO_GO", None),
    (evidence(*BETTER, saving_low=0, npv_usd=-100, quality_worth_usd=500), "SHIP_BETTER", None),
    (evidence(*BETTER, invalid=("leak",)), "INCONCLUSIVE", None),
    (evidence(*BETTER, broken=("slice refunds",)), "NO_GO", None),
    (evidence(*BETTER, invalid=("leak",), broken=("slice refunds",)), "INCONCLUSIVE", None),
    (evidence(*BETTER, rows=1900), "INCONCLUSIVE", 63),
    (evidence(*EQUAL, payback_probability=0.79), "NO_GO", None),
    (evidence(-0.015, -0.03, 0.0, saving_low=0.1), "NO_GO", None),  # row 9: cannot be better, is not cheaper
    (evidence(-0.015, -0.03, 0.0), "INCONCLUSIVE", 29396),
    (evidence(-0.02, -0.03, -0.01), "INCONCLUSIVE", None),  # at the margin no number of rows helps
    (evidence(-0.0199, -0.03, -0.01), "INCONCLUSIVE", None),  # more than 50,000 rows
    (evidence(*WIDE, rows=5000), "INCONCLUSIVE", 1),
    (evidence(*WIDE, rows=800, planned_rows=785, design_effect=2.0), "INCONCLUSIVE", 3125),
]


@pytest.mark.parametrize(("judged", "outcome", "rows"), KNOWN)
def test_the_first_matching_row_wins(judged: Evidence, outcome: str, rows: int | None) -> None:
    ruling = decide(judged)
    assert (ruling.outcome, ruling.rows_needed) == (outcome, rows)
    assert ruling.reasons


STRICT: list[tuple[Evidence, str]] = [
    (evidence(0.0, -0.02, 0.02), "INCONCLUSIVE"),  # low = -margin is not a pass
    (evidence(-0.03, -0.04, -0.02), "INCONCLUSIVE"),  # high = -margin is no NO_GO
    (evidence(0.01, 0.0, 0.02), "SHIP_CHEAPER"),  # low = 0 is not better
    (evidence(*BETTER, npv_usd=0.0), "SHIP_BETTER"),
    (evidence(*EQUAL, saving_low=0.3, payback_probability=0.8), "SHIP_CHEAPER"),
]


@pytest.mark.parametrize(("judged", "outcome"), STRICT)
def test_signs_are_strict_as_written(judged: Evidence, outcome: str) -> None:
    assert decide(judged).outcome == outcome


def test_reasons_of_a_blocker_or_a_broken_gate_are_passed_on() -> None:
    assert decide(evidence(*BETTER, invalid=("leak", "looks spent"))).reasons == ("leak", "looks spent")
    assert decide(evidence(*BETTER, broken=("latency",))) == Ruling(Outcome.NO_GO, ("latency",))


def test_a_team_may_ask_for_less_saving() -> None:
    thin = evidence(*EQUAL, saving_low=0.1)
    assert decide(thin, VerdictPolicy(saving_floor=0.05)).outcome == Outcome.SHIP_CHEAPER


def test_money_already_spent_has_no_place_in_the_evidence() -> None:
    assert not [name for name in Evidence.__dataclass_fields__ if "spent" in name or "sunk" in name]


maybe = st.one_of(st.none(), st.floats(-1, 1))


@st.composite
def anything(draw: st.DrawFn) -> Evidence:
    low, estimate, high = sorted(draw(st.lists(st.floats(-0.2, 0.2), min_size=3, max_size=3)))
    return evidence(
        estimate,
        low,
        high,
        margin=draw(st.floats(0, 0.1)),
        rows=draw(st.integers(0, 3000)),
        saving_low=draw(maybe),
        payback_probability=draw(st.one_of(st.none(), st.floats(0, 1))),
        npv_usd=draw(st.one_of(st.none(), st.floats(-1e4, 1e4))),
        invalid=draw(st.sampled_from([(), ("leak",)])),
        broken=draw(st.sampled_from([(), ("slice",)])),
    )


@given(anything())
def test_nothing_ships_that_may_be_worse_by_the_margin_or_is_doubted(judged: Evidence) -> None:
    ruling = decide(judged)
    if ruling.outcome in (Outcome.SHIP_BETTER, Outcome.SHIP_CHEAPER):
        assert judged.difference.low > -judged.margin
        assert not judged.invalid
        assert not judged.broken
        assert judged.rows >= judged.planned_rows
        assert None not in (judged.saving_low, judged.payback_probability, judged.npv_usd)
    if judged.invalid:
        assert ruling.outcome is Outcome.INCONCLUSIVE
    if ruling.rows_needed is not None:
        assert ruling.outcome is Outcome.INCONCLUSIVE
        assert ruling.rows_needed >= 1


REFUSED: list[tuple[str, Callable[[], object]]] = [
    ("between low and high", lambda: decide(evidence(0.02, 0.03, 0.035))),
    ("difference.low", lambda: decide(evidence(0.02, NAN, 0.035))),
    ("margin", lambda: decide(evidence(*EQUAL, margin=1))),
    ("rows", lambda: decide(evidence(*EQUAL, rows=-1))),
    ("planned_rows", lambda: decide(evidence(*EQUAL, planned_rows=0.5))),
    ("row_variance", lambda: decide(evidence(*EQUAL, row_variance=-0.1))),
    ("saving_low", lambda: decide(evidence(*EQUAL, saving_low=NAN))),
    ("payback_probability", lambda: decide(evidence(*EQUAL, payback_probability=1.1))),
    ("npv_usd", lambda: decide(evidence(*EQUAL, npv_usd=math.inf))),
    ("quality_worth_usd", lambda: decide(evidence(*EQUAL, quality_worth_usd=-1))),
    ("design_effect", lambda: decide(evidence(*EQUAL, design_effect=0.5))),
    ("policy.alpha", lambda: decide(evidence(*EQUAL), VerdictPolicy(alpha=0))),
    ("policy.rows_cap", lambda: decide(evidence(*EQUAL), VerdictPolicy(rows_cap=-1))),
]


@pytest.mark.parametrize(("named", "call"), REFUSED)
def test_broken_evidence_is_refused_by_name(named: str, call: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match=named):
        call()
