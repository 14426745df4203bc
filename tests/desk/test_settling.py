"""What everybody is served by settles by itself: 100 %, a soak of a week, live. The machine moves no share for it."""

from __future__ import annotations

import pytest

from engine.desk import Desk, approvals, policies, rollouts
from engine.desk import roles as grants
from engine.flows.steps import requests
from engine.flows.steps import stage as stages
from engine.models.actor import Role
from engine.models.rollout import ApprovalState, Mode, RolloutStatus, Stage
from engine.store import deeds, servings
from engine.testing.clock import FixedClock
from tests.builders import ANN, ASKER, BO, CY, SHELL, SLUG, a_feature, a_verdict, asked, the_rollout, waiting
from tests.desk.climbing import climb, everybody, let_a_day_pass, recorded, route


@pytest.fixture
def counter(desk: Desk, clock: FixedClock) -> Desk:
    """A model at 100 % whose gateway records."""
    a_feature(desk)
    grants.name(desk, SHELL, SLUG, {Role.APPROVER: (ANN.id, BO.id, CY.id)})
    a_verdict(desk)
    climb(desk, clock, Stage.CANARY_1)
    everybody(desk)
    recorded(desk, tuned=198, baseline=2)
    return desk


def ticked(desk: Desk) -> Stage:
    stages.tick(desk.services)
    requests.sweep(desk.services)
    return the_rollout(desk).stage


def test_100_percent_soaks_after_an_hour_and_is_live_after_a_week(counter: Desk, clock: FixedClock) -> None:
    clock.move(minutes=59)
    recorded(counter, tuned=198, baseline=2)
    assert ticked(counter) is Stage.FULL_100, "its hour is not over"
    clock.move(minutes=1)
    recorded(counter, tuned=198, baseline=2)
    assert stages.tick(counter.services) == [SLUG]
    assert (the_rollout(counter).stage, route(counter).mode, route(counter).share) == (Stage.SOAKING, Mode.CANARY, 0.99)
    assert ticked(counter) is Stage.SOAKING, "a second tick is of another stage"
    clock.move(hours=167)
    recorded(counter, tuned=198, baseline=2)
    assert ticked(counter) is Stage.SOAKING
    clock.move(hours=1)
    recorded(counter, tuned=198, baseline=2)
    assert ticked(counter) is Stage.LIVE
    assert (route(counter).mode, route(counter).share) == (Mode.TUNED, 0.99)
    assert ticked(counter) is Stage.LIVE
    told = [row.kind for row in waiting(counter) if row.entity == "machine"]
    assert len(told) == 2, "each step is told in a message of its own"
    with counter.services.database.read() as tx:
        assert deeds.broken_at(tx) is None
        by_machine = [one.after["stage"] for one in deeds.of_feature(tx, 1) if one.verb == "shift" and not one.actor]
    assert by_machine == ["live", "soaking"]


def test_an_edited_holdback_raises_no_share_until_a_person_presses(counter: Desk, clock: FixedClock) -> None:
    policies.change(counter, ASKER, "", {"stage_holdback": "0"})
    clock.move(hours=1)
    recorded(counter, tuned=198, baseline=2)
    assert ticked(counter) is Stage.SOAKING
    assert route(counter).share == 0.99, "the machine raises nothing"
    rollouts.lower(counter, ANN, SLUG, "pause")
    assert route(counter).share == 0.99
    rollouts.lower(counter, ANN, SLUG, "resume")
    assert route(counter).share == 1.0


def test_nothing_settles_that_is_paused_harmful_silent_or_not_served(counter: Desk, clock: FixedClock) -> None:
    clock.move(hours=2)
    rollouts.lower(counter, ANN, SLUG, "pause")
    recorded(counter, tuned=198, baseline=2)
    assert ticked(counter) is Stage.FULL_100
    rollouts.lower(counter, ANN, SLUG, "resume")
    with counter.services.database.write() as tx:
        row = servings.running(tx)[0]
        row.checked_at = None
        servings.save(tx, row)
    assert ticked(counter) is Stage.FULL_100, "its server is not what was judged"
    clock.move(minutes=10)
    assert ticked(counter) is Stage.FULL_100
    assert the_rollout(counter).status is RolloutStatus.PAUSED, "silence pauses, and settles nothing"
    rollouts.lower(counter, ANN, SLUG, "resume")
    recorded(counter, tuned=4_000, baseline=40, bad=2_000)
    assert ticked(counter) is Stage.FULL_100
    assert the_rollout(counter).status is RolloutStatus.ROLLED_BACK


def test_a_stage_that_no_gateway_records_waits_for_people(desk: Desk, clock: FixedClock) -> None:
    a_feature(desk)
    grants.name(desk, SHELL, SLUG, {Role.APPROVER: (ANN.id, BO.id)})
    a_verdict(desk)
    climb(desk, clock, Stage.CANARY_1)
    everybody(desk)
    let_a_day_pass(desk, clock)
    assert ticked(desk) is Stage.FULL_100


def test_a_canary_never_goes_on_by_itself(desk: Desk, clock: FixedClock) -> None:
    a_feature(desk)
    grants.name(desk, SHELL, SLUG, {Role.APPROVER: (ANN.id, BO.id)})
    a_verdict(desk)
    climb(desk, clock, Stage.CANARY_5)
    clock.move(hours=25)
    recorded(desk, tuned=600, baseline=11_400)
    assert rollouts.show(desk, SLUG).gate == "READY"
    assert ticked(desk) is Stage.CANARY_5, "people raise"


def test_a_request_for_what_settled_meanwhile_is_ended_and_moves_nothing(counter: Desk, clock: FixedClock) -> None:
    clock.move(hours=2)
    recorded(counter, tuned=198, baseline=2)
    token = asked(counter, by=ASKER)
    assert ticked(counter) is Stage.SOAKING
    ended = approvals.show(counter, token)
    assert (ended.state, ended.reason) == (ApprovalState.SUPERSEDED, "the rollout moved")
