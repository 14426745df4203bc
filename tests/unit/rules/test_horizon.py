"""What a stage still lacks, and the days until a rollout is decided; the days are counted by hand."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from engine.rules.horizon import Need, Pace, days_until_decision, needs
from engine.rules.rollout import StageEvidence, StagePolicy
from engine.rules.sequential import StageCounts, log_e_safe

MONDAY = datetime(2026, 11, 2, 9, tzinfo=UTC)
BUSY = Pace(1_000_000.0, (0.01,), 0.01)


def test_a_stage_names_what_it_has_and_what_it_needs() -> None:
    seen = StageEvidence(hours=14, units=120)
    assert needs("canary_5", seen) == (Need("hours", 14, 24.0), Need("units", 120.0, 500.0))
    half = needs("canary_50", StageEvidence(hours=80, units=6_000, log_e_safe=1.5, full_week=True))
    assert [(one.name, one.is_met) for one in half] == [
        ("hours", True), ("units", True), ("week", True), ("safe", False),
    ]  # fmt: skip
    assert half[3].need == pytest.approx(math.log(20))
    assert needs("live", seen) == ()
    with pytest.raises(ValueError, match="stage"):
        needs("moon", seen)


def test_much_traffic_waits_for_hours_and_the_weekend_alone() -> None:
    # Monday 9:00: a day each in shadow, at 1 and 5 %, two at 25 %, then half from Saturday: 3 days, and it is Tuesday.
    assert days_until_decision(MONDAY, "draft", BUSY) == pytest.approx(8.0)
    # Already at half, on a Monday morning: the next Saturday is 5 days away.
    assert days_until_decision(MONDAY, "canary_50", BUSY) == pytest.approx(5.0)
    assert days_until_decision(MONDAY, "canary_50", BUSY, since=MONDAY - timedelta(days=4), seen=5_000, both=10**5) == 0
    assert days_until_decision(MONDAY, "full_100", BUSY) == 0.0


def test_little_traffic_waits_for_units() -> None:
    slow = replace(BUSY, units_a_day=1_000.0)
    # 1 %: 100 units at 990 ten-thousandths of 1,000 a day, 10.1 days; shadow 1 day; 5 %: 10.1; 25 %: 8.1; then half.
    tail = days_until_decision(MONDAY, "canary_50", slow)
    units = 100 / (0.0099 * 1_000) + 500 / (0.0495 * 1_000) + 2_000 / (0.2475 * 1_000)
    assert days_until_decision(MONDAY, "shadow", slow) == pytest.approx(1 + units + tail, abs=1.01)
    assert tail > 5_000 / 500 - 1e-9, "5,000 tuned units at half of a thousand a day"
    assert days_until_decision(MONDAY, "canary_1", slow, seen=100, since=MONDAY - timedelta(days=2)) < (
        days_until_decision(MONDAY, "canary_1", slow)
    )


def test_a_baseline_that_never_fails_is_not_proven_safe_at_once() -> None:
    policy = StagePolicy(hours={}, units={}, holdback=0.0)
    saturday = MONDAY + timedelta(days=5)
    found = days_until_decision(
        saturday, "canary_50", Pace(1_000.0, (0.0,), 0.01), since=MONDAY, policy=policy
    )  # fmt: skip
    said = math.ceil(found * 1_000 / 2)
    assert log_e_safe([StageCounts(0.5, 0.0, 0, said, 0, said)], 0.01) >= math.log(20) - 1.0
    assert log_e_safe([StageCounts(0.5, 0.0, 0, said // 4, 0, said // 4)], 0.01) < math.log(20)


def test_no_traffic_has_no_days() -> None:
    with pytest.raises(ValueError, match="units_a_day"):
        days_until_decision(MONDAY, "draft", Pace(0.0, (0.01,), 0.01))
