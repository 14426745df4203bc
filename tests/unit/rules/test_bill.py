"""A month's bill against what prompting alone would have cost, by hand (docs/rules.md 6 and 8)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.rules.bill import (
    Bill,
    Running,
    alternative_month_usd,
    counterfactual_usd,
    idle_share,
    keep_month_usd,
    ratios,
    scheduled_crossover,
)
from engine.rules.staleness import advantage

OCTOBER = Bill(22.0, 0.0, 0.0, 0.0, 584.0, 100.0, 200.0, 3.5)


def test_a_bill_is_the_sum_of_its_parts_and_unknown_while_one_of_them_is() -> None:
    assert OCTOBER.total_usd == pytest.approx(909.5)
    assert OCTOBER.unknown == ()
    torn = replace(OCTOBER, tuned_usd=None, shadow_usd=None)
    assert torn.total_usd is None
    assert torn.unknown == ("shadow_usd", "tuned_usd")


def test_a_price_change_in_mid_month_splits_the_counterfactual() -> None:
    assert counterfactual_usd([(15_000, 0.0022), (15_000, 0.0011)]) == pytest.approx(33.0 + 16.5)
    assert counterfactual_usd([(0, None), (10, 0.5)]) == 5.0
    assert counterfactual_usd([(10, 0.5), (1, None)]) is None
    assert counterfactual_usd([]) is None
    assert counterfactual_usd([(0, 0.1)]) is None
    with pytest.raises(ValueError, match="call_usd"):
        counterfactual_usd([(1, -0.1)])


def test_idle_is_what_no_call_used_and_never_below_nothing() -> None:
    assert idle_share(73 * 3600.0, 730.0) == pytest.approx(0.9)
    assert idle_share(73 * 3600.0, 730.0, servers=2) == pytest.approx(0.95)
    assert idle_share(10_000 * 3600.0, 730.0) == 0.0
    with pytest.raises(ValueError, match="hours"):
        idle_share(1.0, 0.0)


def test_keeping_costs_what_is_still_to_be_paid_worked_example_a() -> None:
    live = Running(fixed_month_usd=1084.0, tuned_call_usd=0.0, escalation=0.0, holdback=0.0)
    keep = keep_month_usd(1_000_000, 0.0022, live)
    assert keep == 1084.0
    assert advantage(keep, [alternative_month_usd(1_000_000, 0.0022)]) == pytest.approx(1 - 1084 / 2200)
    held = replace(live, holdback=0.01, escalation=0.15, tuned_call_usd=0.0001)
    assert keep_month_usd(1_000_000, 0.0022, held) == pytest.approx(1084 + 100 + 0.16 * 2200)
    assert alternative_month_usd(1_000_000, 0.0018, 1_200.0) == pytest.approx(1_900.0)
    with pytest.raises(ValueError, match="escalation"):
        keep_month_usd(1, 1, replace(live, escalation=1.5))


def test_a_month_without_an_alternative_ends_the_series_of_ratios() -> None:
    assert ratios([0.5, 0.2]) == (2.0, 1.25)
    assert ratios([0.5, 1.0, 0.2]) == (1.25,)
    assert ratios([0.5, None]) == ()
    assert ratios([-0.25]) == (0.8,)


def test_a_price_that_is_announced_gives_the_month_in_which_prompting_is_cheaper() -> None:
    assert scheduled_crossover(1084.0, [2200.0, None, 1000.0, 900.0]) == 3
    assert scheduled_crossover(1084.0, [2200.0, 1084.0]) is None
    assert scheduled_crossover(1084.0, []) is None
