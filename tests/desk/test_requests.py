"""A request that waits: ended when it ran out or its evidence changed, whoever presses what; recalled once half way."""

from __future__ import annotations

import pytest

from engine import worker
from engine.desk import Desk, approvals, policies, rollouts
from engine.desk import roles as grants
from engine.errors import Conflict
from engine.flows.steps import requests
from engine.models.actor import Actor, Role
from engine.models.rollout import ApprovalState, Stage
from engine.testing.clock import FixedClock
from tests.builders import ANN, ASKER, BO, CY, SHELL, SLUG, a_feature, a_verdict, asked, the_rollout, waiting
from tests.desk.climbing import climb, execute, let_a_day_pass


@pytest.fixture
def counter(desk: Desk) -> Desk:
    """A feature with a verdict that ships, and three approvers."""
    a_feature(desk)
    grants.name(desk, SHELL, SLUG, {Role.APPROVER: (ANN.id, BO.id, CY.id)})
    a_verdict(desk)
    return desk


def told(desk: Desk, entity: str) -> int:
    return [row.entity for row in waiting(desk)].count(entity)


def test_a_request_runs_out_by_itself_after_three_working_days(counter: Desk, clock: FixedClock) -> None:
    token = asked(counter)  # on a Wednesday
    clock.move(days=4, hours=23)
    assert requests.sweep(counter.services) == 0, "Saturday and Sunday are no working days"
    clock.move(hours=1)
    assert requests.sweep(counter.services) == 1
    assert approvals.show(counter, token).state is ApprovalState.EXPIRED
    assert requests.sweep(counter.services) == 0
    with pytest.raises(Conflict, match="ran out on 30 Nov"):
        approvals.approve(counter, ANN, token)


def test_a_request_is_recalled_once_half_way(counter: Desk, clock: FixedClock) -> None:
    asked(counter)
    requests.sweep(counter.services)
    assert told(counter, "recall") == 0
    clock.move(days=2, hours=13)
    for _ in range(3):
        requests.sweep(counter.services)
    assert told(counter, "recall") == 1


def test_a_press_on_superseded_evidence_is_refused_and_the_message_says_so(counter: Desk, clock: FixedClock) -> None:
    climb(counter, clock, Stage.CANARY_5)
    let_a_day_pass(counter, clock)
    token = asked(counter)
    approvals.approve(counter, ANN, token)
    policies.change(counter, ASKER, SLUG, {"stage_safe_odds": "30"})
    with pytest.raises(Conflict, match=r"The evidence changed \(a new policy\)") as refused:
        approvals.approve(counter, BO, token)
    assert refused.value.hint == f"Ask again: /assay rollout {SLUG} next"
    seen = approvals.show(counter, token)
    assert (seen.state, seen.reason, seen.voters) == (ApprovalState.SUPERSEDED, "a new policy", (ANN.id,))
    assert any(row.entity_id == token for row in waiting(counter)), "the message loses its buttons"
    assert the_rollout(counter).stage is Stage.CANARY_5
    with pytest.raises(Conflict, match="The evidence changed at"):
        approvals.approve(counter, BO, token)
    assert asked(counter) != token


def test_changed_evidence_ends_a_request_before_anybody_presses(counter: Desk) -> None:
    token = asked(counter)
    a_verdict(counter, run_id="inv-two")
    assert requests.sweep(counter.services) == 1
    assert approvals.show(counter, token).reason == "a new comparison"


def test_an_approved_request_whose_flow_is_gone_is_given_up_and_can_be_asked_for_again(counter: Desk) -> None:
    token = asked(counter)
    approvals.approve(counter, Actor(id="bo", role=Role.OPERATOR), token)
    worker.close_lost(counter.services)
    assert approvals.show(counter, token).state is ApprovalState.APPROVED, "its flow still waits its turn"
    counter.durable.cancel("advance-1")
    worker.close_lost(counter.services)
    assert approvals.show(counter, token).state is ApprovalState.SUPERSEDED
    again = asked(counter)
    approvals.approve(counter, ANN, again)
    assert execute(counter, again).stage == "shadow"
    counter.durable.cancel("advance-2")
    worker.close_lost(counter.services)
    assert approvals.show(counter, again).state is ApprovalState.EXECUTED, "what is done stays done"


def test_a_rollback_ends_the_request_to_rise(counter: Desk, clock: FixedClock) -> None:
    climb(counter, clock, Stage.CANARY_1)
    let_a_day_pass(counter, clock)
    token = asked(counter)
    rollouts.lower(counter, BO, SLUG, "rollback")
    clock.move(hours=1)
    assert requests.sweep(counter.services) == 0
    with pytest.raises(Conflict):
        approvals.approve(counter, ANN, token)
    assert the_rollout(counter).share == 0.0
