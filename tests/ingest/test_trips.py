"""What a gateway's breaker shut is taken back for good, unless somebody decided of that stage meanwhile."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from engine.desk import Desk, rollouts
from engine.flows import ingest
from engine.flows.steps import stage as stages
from engine.models.rollout import RolloutStatus, Stage
from engine.store import deeds, features
from engine.store.database import Database
from engine.testing.clock import FixedClock
from tests.builders import ANN, SLUG, a_feature, waiting
from tests.ingest.spooled import segment
from tests.ingest.test_stage import at_stage, calls, counter, recorded
from tests.ingest.totals import BOTH
from tests.meddling import meddling

__all__ = ["counter"]


def trip(desk: Desk, key: str, **told: Any) -> None:
    with segment(desk.services.settings.spool_folder, f"host-9-{random.randrange(10**13)}-1") as writer:
        writer.event(kind="trip", feature=SLUG, stage=key, mode="canary", n=43, bad=14, window_s=60, **told)
    ingest.once(desk.services)


def test_a_trip_of_the_gateway_is_recorded_and_told_once(counter: Desk, clock: FixedClock) -> None:
    key = at_stage(counter, clock, Stage.CANARY_5)
    trip(counter, key, latched=False)
    assert rollouts.show(counter, SLUG).status is RolloutStatus.RUNNING
    trip(counter, "rollout-1/1", latched=True)
    assert rollouts.show(counter, SLUG).status is RolloutStatus.RUNNING, "that stage is over: somebody pressed since"
    trip(counter, key, latched=True)
    back = rollouts.show(counter, SLUG)
    assert (back.status, back.share) == (RolloutStatus.ROLLED_BACK, 0.0)
    assert back.reason == "14 of 43 calls failed in 60 s"
    trip(counter, key, latched=True)
    assert [row.entity for row in waiting(counter)].count("machine") == 1
    assert Path(counter.services.settings.home / "gateway" / "routes.json").read_text().count('"observe"') == 1


def test_a_trip_that_is_read_late_is_not_lost_by_the_pause_that_came_first(counter: Desk, clock: FixedClock) -> None:
    key = at_stage(counter, clock, Stage.CANARY_5)
    recorded(counter, key, calls(clock, key, Stage.CANARY_5, units=50))
    clock.move(minutes=10)  # no engine for a while, in which the gateway's breaker trips
    assert stages.tick(counter.services) == [SLUG], "nothing was recorded lately"
    trip(counter, key, latched=True)
    assert rollouts.show(counter, SLUG).status is RolloutStatus.ROLLED_BACK


def test_a_trip_of_before_somebody_resumed_is_theirs_to_judge(counter: Desk, clock: FixedClock) -> None:
    key = at_stage(counter, clock, Stage.CANARY_5)
    rollouts.lower(counter, ANN, SLUG, "pause")
    rollouts.lower(counter, ANN, SLUG, "resume")
    trip(counter, key, latched=True)
    assert rollouts.show(counter, SLUG).status is RolloutStatus.RUNNING


@BOTH
def test_a_trip_never_waits_for_a_person_who_waits_for_it(counter: Desk, clock: FixedClock) -> None:
    key = at_stage(counter, clock, Stage.CANARY_5)
    a_feature(counter, slug="second")
    held: list[str] = []

    def press(other: Database) -> None:
        with other.write() as tx:
            features.alone(tx, 2)
            held.append("the feature")
            deeds.record(tx, clock, ANN, "pause", entity="rollout", entity_id="2", feature_id=2)
            held.append("the chain")

    with segment(counter.services.settings.spool_folder, "host-8-1-1") as writer:
        writer.event(kind="trip", feature=SLUG, stage=key, mode="canary", n=43, bad=14, window_s=60, latched=True)
        writer.event(kind="body", id="0" * 32, feature="second", stratum="random", messages=[], output="bug")
    with meddling(counter.services.database, None, press):
        ingest.once(counter.services)
    assert rollouts.show(counter, SLUG).status is RolloutStatus.ROLLED_BACK
    assert held == ["the feature", "the chain"] * (len(held) // 2)
