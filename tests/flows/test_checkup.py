"""A checkup's figures by hand: worked example A, live all January 2026 (930,000 calls of $0.0022)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.blockkit.render import render
from bot.messages.months import look
from bot.messages.watch import Stale, stale
from engine.desk import Desk, policies
from engine.desk.watch import Clock, StaleView
from engine.models.checkup import Advice
from engine.rules import histogram
from engine.store import checkups
from engine.store import features as feature_rows
from engine.testing.clock import FixedClock
from tests.builders import ASKER, SLUG
from tests.flows.live import START, a_live_model, a_month_of_traffic, a_price, looked

FEBRUARY = datetime(2026, 2, 2, 9, tzinfo=UTC)


def test_a_month_is_billed_by_component_and_held_against_prompting_alone(desk: Desk, clock: FixedClock) -> None:
    a_live_model(desk, clock)
    a_month_of_traffic(desk, START, 31)
    found = looked(desk, clock, "2026-01", FEBRUARY)
    facts = found.facts
    assert facts["bill"] == {
        "prompted_usd": 0.0, "escalated_usd": 0.0, "shadow_usd": 0.0, "tuned_usd": 0.0, "hosting_usd": 584.0,
        "retraining_usd": 300.0, "operations_usd": 200.0, "rebaseline_usd": 0.0, "total_usd": 1084.0, "unknown": [],
    }  # fmt: skip
    assert facts["counterfactual_usd"] == pytest.approx(2046.0)
    assert facts["saved_usd"] == pytest.approx(962.0)
    assert facts["month_saving_usd"] == 962.0, "the verdict's forecast"
    assert facts["keep_month_usd"] == pytest.approx(1084.0)
    assert facts["advantage"] == pytest.approx(1 - 1084 / 2046)
    assert (found.advice, facts["reasons"]) == (Advice.KEEP, ["still better than the best prompted option"])
    assert found.policy_hash
    assert facts["spent_usd"] == 6448.8


def test_a_checkup_is_stored_once_and_never_measured_again(desk: Desk, clock: FixedClock) -> None:
    a_live_model(desk, clock)
    a_month_of_traffic(desk, START, 31)
    first = looked(desk, clock, "2026-01", FEBRUARY)
    policies.change(desk, ASKER, "", {"cost_gpu_hour_usd": "8"})
    a_month_of_traffic(desk, START + timedelta(hours=1), 31)
    again = looked(desk, clock, "2026-01", FEBRUARY + timedelta(days=3))
    assert (again.id, again.facts, again.policy_hash) == (first.id, first.facts, first.policy_hash)


def test_a_price_cut_in_mid_month_splits_the_counterfactual_and_todays_price_decides(
    desk: Desk, clock: FixedClock
) -> None:
    a_live_model(desk, clock)
    a_price(desk, datetime(2026, 1, 16, tzinfo=UTC), fed_usd=1.25, said_usd=5.0)
    a_month_of_traffic(desk, START, 31)
    facts = looked(desk, clock, "2026-01", FEBRUARY).facts
    assert facts["counterfactual_usd"] == pytest.approx(15 * 66.0 + 16 * 33.0)
    assert facts["best_month_usd"] == pytest.approx(1023.0)
    assert facts["advantage"] == pytest.approx(1 - 1084 / 1023)


def test_a_month_gone_live_half_way_pays_fixed_costs_for_its_half(desk: Desk, clock: FixedClock) -> None:
    a_live_model(desk, clock, at=datetime(2026, 1, 16, 12, tzinfo=UTC))
    a_price(desk, START)
    a_month_of_traffic(desk, START, 15, side="baseline", call_usd=0.0022)
    a_month_of_traffic(desk, START + timedelta(days=15), 16)
    facts = looked(desk, clock, "2026-01", FEBRUARY).facts
    assert facts["bill"]["prompted_usd"] == pytest.approx(15 * 66.0)
    assert facts["bill"]["hosting_usd"] == pytest.approx(292.0)
    assert facts["saved_usd"] == pytest.approx(2046 - 990 - 542)
    assert facts["keep_month_usd"] == pytest.approx(1084.0), "from now on a whole month is paid"


def test_what_is_not_known_is_said_to_be_unknown_and_gives_no_advice(desk: Desk, clock: FixedClock) -> None:
    a_live_model(desk, clock)
    nothing = looked(desk, clock, "2026-01", FEBRUARY)
    assert (nothing.advice, nothing.facts["advantage"], nothing.facts["saved_usd"]) == (None, None, None)
    assert nothing.facts["calls"] is None
    a_month_of_traffic(desk, datetime(2026, 2, 1, tzinfo=UTC), 28)
    a_month_of_traffic(desk, datetime(2026, 2, 1, 1, tzinfo=UTC), 28, side="baseline", a_day=10, call_usd=None)
    facts = looked(desk, clock, "2026-02", datetime(2026, 3, 2, 9, tzinfo=UTC)).facts
    assert facts["bill"]["unknown"] == ["prompted_usd"]
    assert (facts["bill"]["total_usd"], facts["saved_usd"]) == (None, None)
    assert {(one["name"], one["psi"]) for one in facts["drift"]} == {("inputs", None), ("answers", None)}
    assert facts["idle"] is None


def test_idle_hosting_escalation_and_drift_are_measured(desk: Desk, clock: FixedClock) -> None:
    a_live_model(desk, clock)
    before = histogram.to_bytes(histogram.of([float(100 + n) for n in range(500)]))
    after = histogram.to_bytes(histogram.of([float(400 + n) for n in range(500)]))
    busy = histogram.to_bytes(histogram.of([100.0] * 24_000))  # 24,000 calls of 0.1 s: 40 minutes a day
    a_month_of_traffic(desk, START - timedelta(days=30), 30, side="baseline", a_day=500, sizes=before)
    a_month_of_traffic(desk, START, 31, latency=busy, sizes=after, a_day=24_000)
    a_month_of_traffic(desk, START + timedelta(hours=1), 31, role="escalated", a_day=6_000, call_usd=0.0022)
    facts = looked(desk, clock, "2026-01", FEBRUARY).facts
    assert facts["escalation"] == pytest.approx(0.2)
    assert facts["bill"]["escalated_usd"] == pytest.approx(31 * 6_000 * 0.0022)
    assert facts["idle"] == pytest.approx(1 - 40 / (24 * 60), abs=0.001)
    inputs = next(one for one in facts["drift"] if one["name"] == "inputs")
    assert inputs["alarm"] is True
    assert inputs["psi"] > inputs["critical"] > 0
    assert facts["keep_month_usd"] == pytest.approx(1084 + 0.2 * 24_000 * 31 * 0.0022)


def test_what_a_cascade_passed_on_is_billed_and_counted_once(desk: Desk, clock: FixedClock) -> None:
    a_live_model(desk, clock)
    with desk.services.database.write() as tx:  # what escalated calls cost beyond the baseline's is no meter
        verdict = _verdict(tx)
        plan = {**verdict.record["cost"]["plan"], "escalation": 0.2, "tuned_call_usd": 0.0001}
        verdict.record = {**verdict.record, "cost": {**verdict.record["cost"], "plan": plan}}
        tx.add(verdict)
    a_month_of_traffic(desk, START, 31, a_day=24_000, call_usd=None)  # as the gateway records them: a server of ours
    a_month_of_traffic(desk, START, 31, a_day=6_000, call_usd=None, role="escalated")
    a_month_of_traffic(desk, START, 31, a_day=6_000, call_usd=0.0022, served="baseline")
    facts = looked(desk, clock, "2026-01", FEBRUARY).facts
    assert facts["escalation"] == pytest.approx(6 / 30)
    assert (facts["bill"]["unknown"], facts["bill"]["tuned_usd"]) == ([], 0.0)
    assert facts["bill"]["escalated_usd"] == pytest.approx(31 * 6_000 * 0.0022)
    assert facts["saved_usd"] == pytest.approx(2046 - 1084 - 31 * 6_000 * 0.0022)


def test_the_same_traffic_month_after_month_is_no_drift(desk: Desk, clock: FixedClock) -> None:
    a_live_model(desk, clock)
    sizes = histogram.to_bytes(histogram.of([float(100 + n % 50) for n in range(500)]))
    a_month_of_traffic(desk, START - timedelta(days=30), 30, side="baseline", a_day=500, sizes=sizes)
    a_month_of_traffic(desk, START, 31, sizes=sizes)
    facts = looked(desk, clock, "2026-01", FEBRUARY).facts
    assert next(one for one in facts["drift"] if one["name"] == "inputs")["alarm"] is False


def test_money_already_spent_changes_nothing_but_its_own_line(desk: Desk, clock: FixedClock) -> None:
    a_live_model(desk, clock)
    a_month_of_traffic(desk, START, 31)
    cheap = looked(desk, clock, "2026-01", FEBRUARY)
    with desk.services.database.write() as tx:
        tx.delete(tx.get_one(type(cheap), cheap.id))
        verdict = _verdict(tx)
        plan = {**verdict.record["cost"]["plan"], "one_time_usd": 9_000_000.0}
        verdict.record = {
            **verdict.record,
            "cost": {**verdict.record["cost"], "plan": plan},
            "bill": {"nano_usd": 10**18},
        }
        tx.add(verdict)
    dear = looked(desk, clock, "2026-01", FEBRUARY)
    assert dear.facts["spent_usd"] == 9_000_000.0
    assert {**dear.facts, "spent_usd": None} == {**cheap.facts, "spent_usd": None}
    assert dear.advice == cheap.advice


def test_bad_months_lead_to_watch_and_then_to_retire_and_the_advice_does_not_flap(
    desk: Desk, clock: FixedClock
) -> None:
    a_live_model(desk, clock)
    said: list[str] = []
    for month in range(1, 9):
        if month == 5:
            a_price(desk, datetime(2026, 5, 1, tzinfo=UTC), fed_usd=1.0, said_usd=4.0)  # 0.00088 a call: under keeping
        start = datetime(2026, month, 1, tzinfo=UTC)
        a_month_of_traffic(desk, start, 28)
        found = looked(desk, clock, f"2026-{month:02d}", datetime(2026, month + 1, 3, 9, tzinfo=UTC))
        said.append(str(found.advice))
    # 840,000 calls: 1 - 1084/1848 = .4134, then 1 - 1084/739.2 = -.4664; such a fall is noise above .05, which asks for
    # three bad months in a row.
    assert said == ["KEEP"] * 4 + ["WATCH", "WATCH", "RETIRE", "RETIRE"]
    with desk.services.database.read() as tx:
        months = checkups.of_feature(tx, feature_rows.by_slug(tx, SLUG).id or 0)
    assert [look.facts["bad_months"] for look in months[4:]] == [1, 2, 3, 4]
    assert months[4].facts["advantage"] == pytest.approx(1 - 1084 / 739.2)


def test_a_price_announced_for_the_months_to_come_is_watched_from_three_months_before(
    desk: Desk, clock: FixedClock
) -> None:
    a_live_model(desk, clock)
    a_price(desk, datetime(2026, 5, 1, tzinfo=UTC), fed_usd=1.0, said_usd=4.0)
    a_month_of_traffic(desk, START, 28)
    first = looked(desk, clock, "2026-01", FEBRUARY)
    a_month_of_traffic(desk, datetime(2026, 2, 1, tzinfo=UTC), 28)
    second = looked(desk, clock, "2026-02", datetime(2026, 3, 2, 9, tzinfo=UTC))
    assert (first.advice, first.facts["scheduled_months"]) == (Advice.KEEP, 4)
    assert (second.advice, second.facts["scheduled_months"]) == (Advice.WATCH, 3)
    assert second.facts["reasons"] == ["the baseline will soon be as cheap"]


def test_dev_that_was_too_kind_is_told_and_likeness_is_never_held_against_a_win_rate(
    desk: Desk, clock: FixedClock
) -> None:
    a_live_model(desk, clock)
    with desk.services.database.write() as tx:
        verdict = _verdict(tx)
        verdict.record = {**verdict.record, "candidate": {**verdict.record["candidate"], "dev_score": 0.99}}
        tx.add(verdict)
    wear = looked(desk, clock, "2026-01", FEBRUARY).facts["wear"]
    assert wear["overfitted"] is True  # .99 and .917, .017 the error of their difference
    assert "dev overfitted: at the verdict it did 8 points better there" in render(stale_of(wear)).said
    with desk.services.database.write() as tx:
        verdict = _verdict(tx)
        verdict.record = {**verdict.record, "quality": {**verdict.record["quality"], "metric": "win_rate"}}
        tx.add(verdict)
    wear = looked(desk, clock, "2026-02", FEBRUARY + timedelta(days=28)).facts["wear"]
    assert (wear["gap"], wear["overfitted"]) == (None, None)


def stale_of(wear: dict[str, Any]) -> Stale:
    return stale(StaleView(clocks=(Clock(facts=look(wear=wear), advantages=()),)))


def test_a_prompted_model_that_costs_nothing_leaves_the_advantage_unknown_and_tells_what_is_due(
    desk: Desk, clock: FixedClock
) -> None:
    a_live_model(desk, clock)
    policies.change(desk, ASKER, "", {"cost_retrain_months": "0.5"})
    a_price(desk, datetime(2026, 1, 2, tzinfo=UTC), fed_usd=0.0, said_usd=0.0)
    a_month_of_traffic(desk, START, 31)
    found = looked(desk, clock, "2026-01", FEBRUARY)
    assert (found.advice, found.facts["best_month_usd"], found.facts["advantage"]) == (None, 0.0, None)
    assert found.facts["reasons"] == found.facts["retrain_due"] == ["31 days since it was trained, 15 planned"]


def _verdict(tx):  # type: ignore[no-untyped-def]
    from engine.store import verdicts

    found = verdicts.newest_of(tx, feature_rows.by_slug(tx, SLUG).id or 0)
    assert found is not None
    return found
