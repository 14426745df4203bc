"""Known answers are docs/rules.md 2 and 11's; W is a feature that passes every condition."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.rules.condition import said
from engine.rules.readiness import Facts, Override, ReadinessPolicy, Reading, Status, read

PROBES = dict.fromkeys(("evals_green", "capture_on", "flag_evaluated", "rollback_drilled", "on_call"), True)
ORDER = [
    "narrow",
    "volume",
    "data",
    "stable",
    "wall",
    "broad",
    "low_volume",
    "subjective",
    "evolving",
    "operations",
    "tenure",
    "saving",
    "worth",
]
WHY = "regulated launch date, reviewed"


def w(**changes: Any) -> Facts:
    known: dict[str, Any] = {
        "approach": "classify",
        "top_template_share": 0.97,
        "valid_output_share": 0.99,
        "sampled_calls": 900,
        "sampled_days": 30,
        "calls_per_month_low": 900_000,
        "traffic_days": 60,
        "break_even_calls": 737_000,
        "month_spend_usd": 2200,
        "month_effort_usd": 200,
        "label_rows": 4000,
        "smallest_class_rows": 80,
        "audited_rows": 150,
        "audit_kappa": 0.8,
        "material_changes_90d": 0,
        "drift_alarms_3m": 0,
        "relabel_agreement": 0.95,
        "prompts_tried": 4,
        "models_tried": 2,
        "prompted_quality_high": 0.88,
        "quality_bar": 0.92,
        "month_budget_usd": 3000,
        "annotated_twice_rows": 120,
        "annotator_alpha": 0.8,
        "attested_stable_days": 120,
        "probes": PROBES,
        "days_live": 200,
        "traffic_days_of_90": 90,
        "saving_low": 0.72,
        "saving_median": 0.78,
        "npv_usd": 6274,
    }
    return Facts(**{**known, **changes})


def odd(reading: Reading) -> dict[str, str]:
    """What does not pass."""
    return {found.name: str(found.status) for found in reading.conditions if found.status is not Status.PASS}


def test_the_conditions_come_in_their_order() -> None:
    assert [found.name for found in read(w()).conditions] == ORDER


def test_a_feature_that_passes_everything_is_worth_an_investigation() -> None:
    assert (read(w()).outcome, odd(read(w()))) == ("INVESTIGATE", {})


def test_nothing_known_is_never_a_pass() -> None:
    reading = read(Facts())
    assert reading.outcome == "NEED_EVIDENCE"
    assert odd(reading) == dict.fromkeys(ORDER, "unknown")
    assert reading.next_measurement == "evolving"


KNOWN: list[tuple[dict[str, Any], str, dict[str, str]]] = [
    ({"calls_per_month_low": 1000}, "STAY", {"volume": "fail", "low_volume": "fail"}),
    ({"traffic_days": 20}, "NEED_EVIDENCE", {"volume": "unknown", "low_volume": "unknown"}),
    ({"top_template_share": 0.5}, "STAY", {"narrow": "fail", "broad": "fail"}),
    ({"annotator_alpha": 0.5}, "NEED_EVIDENCE", {"subjective": "unknown"}),
    ({"days_live": 60}, "STAY", {"tenure": "fail"}),
    ({"saving_low": 0.6}, "NEED_EVIDENCE", {"saving": "unknown"}),
    ({"material_changes_90d": 4}, "STAY", {"stable": "fail", "evolving": "fail"}),
    ({"npv_usd": -86}, "STAY", {"worth": "fail"}),
    ({"probes": {**PROBES, "on_call": False}}, "STAY", {"operations": "fail"}),
    # The table of section 2, row by row.
    ({"valid_output_share": 0.9}, "STAY", {"narrow": "fail", "broad": "fail"}),
    ({"valid_output_share": None}, "NEED_EVIDENCE", {"narrow": "unknown", "broad": "unknown"}),
    ({"sampled_calls": 499}, "NEED_EVIDENCE", {"narrow": "unknown", "broad": "unknown"}),
    ({"sampled_days": None}, "NEED_EVIDENCE", {"narrow": "unknown", "broad": "unknown"}),
    ({"top_template_share": 0.5, "sampled_calls": 10}, "NEED_EVIDENCE", {"narrow": "unknown", "broad": "unknown"}),
    ({"top_template_share": None}, "NEED_EVIDENCE", {"narrow": "unknown", "broad": "unknown"}),
    ({"approach": "voice", "valid_output_share": None}, "INVESTIGATE", {}),
    ({"approach": "reason", "valid_output_share": 0.5}, "INVESTIGATE", {}),
    ({"calls_per_month_low": 700_000}, "STAY", {"volume": "fail"}),
    ({"calls_per_month_low": None}, "NEED_EVIDENCE", {"volume": "unknown", "low_volume": "unknown"}),
    ({"break_even_calls": None}, "NEED_EVIDENCE", {"volume": "unknown"}),
    ({"break_even_calls": math.inf}, "STAY", {"volume": "fail"}),
    ({"calls_per_month_low": 50_000, "break_even_calls": 40_000}, "INVESTIGATE", {}),
    (
        {"calls_per_month_low": 50_000, "break_even_calls": 40_000, "npv_usd": None},
        "NEED_EVIDENCE",
        {"volume": "unknown", "worth": "unknown"},
    ),
    ({"calls_per_month_low": 200_000, "break_even_calls": 1e5, "npv_usd": None}, "NEED_EVIDENCE", {"worth": "unknown"}),
    ({"label_rows": 999}, "STAY", {"data": "fail"}),
    ({"smallest_class_rows": 49}, "STAY", {"data": "fail"}),
    ({"label_rows": None, "smallest_class_rows": 49}, "STAY", {"data": "fail"}),
    ({"smallest_class_rows": None}, "NEED_EVIDENCE", {"data": "unknown"}),
    ({"smallest_class_rows": None, "approach": "extract"}, "INVESTIGATE", {}),
    ({"audited_rows": 99}, "NEED_EVIDENCE", {"data": "unknown"}),
    ({"audited_rows": 99, "audit_kappa": 0.1}, "NEED_EVIDENCE", {"data": "unknown"}),
    ({"audit_kappa": 0.59}, "STAY", {"data": "fail"}),
    ({"audit_kappa": None}, "NEED_EVIDENCE", {"data": "unknown"}),
    ({"material_changes_90d": 1, "drift_alarms_3m": 1, "relabel_agreement": 0.9}, "INVESTIGATE", {}),
    ({"drift_alarms_3m": 2, "relabel_agreement": None}, "STAY", {"stable": "fail", "evolving": "fail"}),
    ({"relabel_agreement": None}, "NEED_EVIDENCE", {"stable": "unknown"}),
    ({"prompts_tried": 2}, "NEED_EVIDENCE", {"wall": "unknown"}),
    ({"prompted_quality_high": 0.95}, "STAY", {"wall": "fail"}),
    ({"prompted_quality_high": 0.95, "month_budget_usd": 2000}, "INVESTIGATE", {}),
    ({"prompted_quality_high": 0.95, "month_budget_usd": None}, "NEED_EVIDENCE", {"wall": "unknown"}),
    ({"prompted_quality_high": None}, "NEED_EVIDENCE", {"wall": "unknown"}),
    ({"month_spend_usd": 100}, "STAY", {"low_volume": "fail"}),
    ({"month_effort_usd": None}, "NEED_EVIDENCE", {"low_volume": "unknown"}),
    ({"annotator_alpha": 0.39}, "STAY", {"subjective": "fail"}),
    ({"annotated_twice_rows": 99}, "NEED_EVIDENCE", {"subjective": "unknown"}),
    ({"attested_stable_days": 89}, "STAY", {"evolving": "fail"}),
    ({"attested_stable_days": None}, "NEED_EVIDENCE", {"evolving": "unknown"}),
    ({"probes": {**PROBES, "on_call": None}}, "NEED_EVIDENCE", {"operations": "unknown"}),
    ({"probes": {"on_call": False}}, "STAY", {"operations": "fail"}),
    ({"days_live": None, "traffic_days_of_90": 10}, "NEED_EVIDENCE", {"tenure": "unknown"}),
    ({"traffic_days_of_90": None}, "NEED_EVIDENCE", {"tenure": "unknown"}),
    ({"traffic_days_of_90": 74}, "STAY", {"tenure": "fail"}),
    ({"saving_low": 0.6, "saving_median": 0.69}, "STAY", {"saving": "fail"}),
    ({"saving_low": 0.71, "saving_median": None}, "NEED_EVIDENCE", {"low_volume": "unknown"}),
    ({"saving_low": None, "saving_median": 0.5}, "NEED_EVIDENCE", {"saving": "unknown"}),
]


@pytest.mark.parametrize(("changes", "outcome", "statuses"), KNOWN)
def test_each_fact_is_read_as_the_table_says(changes: dict[str, Any], outcome: str, statuses: dict[str, str]) -> None:
    reading = read(w(**changes))
    assert (str(reading.outcome), odd(reading)) == (outcome, statuses)
    assert all(found.how_to_fix for found in reading.conditions if found.status is not Status.PASS)


def test_a_small_feature_is_told_what_the_baseline_costs() -> None:
    volume = read(w(calls_per_month_low=1000, month_spend_usd=2.2)).conditions[1]
    assert "the baseline costs $2.20 a month" in volume.how_to_fix
    assert read(w(calls_per_month_low=1000, month_spend_usd=None)).conditions[1].how_to_fix == "Stay with prompting."


def override(**changes: Any) -> Override:
    known: dict[str, Any] = {
        "condition": "tenure",
        "requested_by": "U1",
        "approved_by": "U2",
        "reason": WHY,
        "days_left": 60,
    }
    return Override(**{**known, **changes})


def test_an_override_by_two_people_lets_a_failed_condition_through() -> None:
    reading = read(w(days_live=60), overrides=[override()])
    assert (reading.outcome, odd(reading)) == ("INVESTIGATE", {"tenure": "overridden"})


def test_a_pass_stays_a_pass_under_an_override() -> None:
    assert odd(read(w(), overrides=[override()])) == {}


def test_an_unknown_can_be_overridden_too() -> None:
    assert odd(read(w(traffic_days_of_90=None), overrides=[override()])) == {"tenure": "overridden"}


@given(st.sets(st.sampled_from(sorted(Facts.__dataclass_fields__)), max_size=31))
def test_forgetting_a_fact_never_turns_into_a_pass(forgotten: set[str]) -> None:
    before = {found.name for found in read(w()).conditions if found.status is Status.PASS}
    reading = read(w(**dict.fromkeys(forgotten)))
    assert {found.name for found in reading.conditions if found.status is Status.PASS} <= before
    assert Status.FAIL not in {found.status for found in reading.conditions} or reading.outcome == "STAY"
    if reading.outcome == "INVESTIGATE":
        assert odd(reading) == {}


REFUSED: list[tuple[str, Callable[[], object]]] = [
    ("approved_by", lambda: read(w(), overrides=[override(approved_by="U1")])),
    ("approved_by", lambda: read(w(), overrides=[override(approved_by="")])),
    ("approved_by", lambda: read(w(), overrides=[override(requested_by="")])),
    ("never be overridden", lambda: read(w(npv_usd=-86), overrides=[override(condition="worth")])),
    ("condition", lambda: read(w(), overrides=[override(condition="leak")])),
    ("reason", lambda: read(w(), overrides=[override(reason="   because   ")])),
    ("days_left", lambda: read(w(), overrides=[override(days_left=0)])),
    ("days_left", lambda: read(w(), overrides=[override(days_left=91)])),
    ("top_template_share", lambda: read(w(top_template_share=1.1))),
    ("sampled_calls", lambda: read(w(sampled_calls=1.5))),
    ("month_spend_usd", lambda: read(w(month_spend_usd=-1))),
    ("audit_kappa", lambda: read(w(audit_kappa=1.1))),
    ("npv_usd", lambda: read(w(npv_usd=math.nan))),
    ("break_even_calls", lambda: read(w(break_even_calls=-1))),
    ("probes", lambda: read(w(probes={"tea_made": True}))),
    ("on_call", lambda: read(w(probes={"on_call": "yes"}))),
]


@pytest.mark.parametrize(("named", "call"), REFUSED)
def test_broken_facts_and_overrides_are_refused_by_name(named: str, call: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match=named):
        call()


def test_a_team_may_set_its_own_limits() -> None:
    assert odd(read(w(days_live=60), ReadinessPolicy(days_live=30))) == {}


def test_facts_are_told_with_their_units() -> None:
    money = said(spend_usd=2001.4, effort_usd=300, net_usd=-86)
    shares = said(saving_share=0.7251, bar_share=0.9, kappa=0.6, alpha=None)
    counts = said(calls_a_month=900_000, break_even=64.37, month=math.inf)

    assert money == "spend $2,001.40, effort $300, net -$86"
    assert shares == "saving 72.5 %, bar 90 %, kappa 0.60, alpha not known"
    assert counts == "calls a month 900,000, break even 64, month never"
