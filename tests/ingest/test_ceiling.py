"""A candidate that costs more a call than its plan, for a day, is paused; people say what then."""

from __future__ import annotations

from dataclasses import asdict

import pytest

from engine.desk import Desk, rollouts
from engine.flows.steps import stage as stages
from engine.models.rollout import RolloutStatus, Stage
from engine.rules.plan import Plan
from engine.store import verdicts
from engine.testing.clock import FixedClock
from tests.builders import SLUG
from tests.ingest.test_stage import at_stage, calls, counter, recorded

__all__ = ["counter"]

CALL_USD = 0.00208  # a call of 1,000 and 10 tokens at the prices of these tests


@pytest.mark.parametrize(("planned", "pauses"), [(CALL_USD / 1.3, True), (CALL_USD / 1.2, False), (0.0, False)])
def test_a_day_over_the_ceiling_pauses(counter: Desk, clock: FixedClock, planned: float, *, pauses: bool) -> None:
    said = asdict(Plan(1e5, 0.01, planned, fixed_month_usd=0.0, one_time_usd=10.0)) | {"halving_months": None}
    with counter.services.database.write() as tx:
        verdict = verdicts.newest_of(tx, 1)
        assert verdict is not None
        verdict.record = {**verdict.record, "cost": {**verdict.record["cost"], "plan": said}}
        tx.add(verdict)
    key = at_stage(counter, clock, Stage.CANARY_25)
    clock.move(hours=20)
    recorded(counter, key, calls(clock, key, Stage.CANARY_25, units=800, each=1))
    clock.move(hours=1)
    recorded(counter, key, calls(clock, key, Stage.CANARY_25, units=5), "host-1-1764066600001-1")
    assert stages.tick(counter.services) == [], "the stage is not a day old"
    clock.move(hours=5)
    recorded(counter, key, calls(clock, key, Stage.CANARY_25, units=5, seed=2), "host-1-1764066600002-1")
    assert stages.tick(counter.services) == ([SLUG] if pauses else [])
    said = rollouts.show(counter, SLUG)
    assert (said.status is RolloutStatus.PAUSED) == pauses
    assert (said.reason == "a call costs more than planned") == pauses
    assert said.share == 0.25, "a pause keeps the split"
