"""A rollout goes up by votes on evidence, one stage at a time, and down at once by one person."""

from __future__ import annotations

from datetime import timedelta

import pytest

from engine.desk import Desk, approvals, rollouts
from engine.desk import roles as grants
from engine.errors import Conflict, Invalid, NotAllowed, NotFound, NotReady, Repeated
from engine.flows.steps.stage import Advanced
from engine.models.actor import Actor, Role
from engine.models.mail import Once
from engine.models.rollout import ApprovalState, Mode, RolloutStatus, Stage
from engine.models.verdict import Outcome
from engine.store import deeds
from engine.testing.clock import FixedClock
from tests.builders import (
    ANN,
    ASKER,
    BO,
    CY,
    SHELL,
    SLUG,
    a_feature,
    a_verdict,
    asked,
    some_traffic,
    the_rollout,
    waiting,
)
from tests.desk.climbing import climb, execute, let_a_day_pass, route, the_stage

UP = (Stage.SHADOW, Stage.CANARY_1, Stage.CANARY_5, Stage.CANARY_25)


@pytest.fixture
def counter(desk: Desk) -> Desk:
    """A feature with a verdict that ships, and three approvers."""
    a_feature(desk)
    grants.name(desk, SHELL, SLUG, {Role.APPROVER: (ANN.id, BO.id, CY.id)})
    a_verdict(desk)
    return desk


def test_nothing_is_rolled_out_without_a_verdict_that_ships(desk: Desk) -> None:
    a_feature(desk)
    with pytest.raises(NotReady, match="no verdict yet"):
        asked(desk)
    with pytest.raises(NotFound):
        asked(desk, slug="nowhere")
    a_verdict(desk, outcome=Outcome.INCONCLUSIVE)
    with pytest.raises(NotReady, match="INCONCLUSIVE"):
        asked(desk)
    with pytest.raises(NotReady, match="no open rollout"):
        rollouts.lower(desk, ASKER, SLUG, "rollback")


def test_draft_goes_to_shadow_to_one_percent_on_evidence(counter: Desk, clock: FixedClock) -> None:
    token = asked(counter)
    assert asked(counter) == token, "a request that waits is given back"
    assert approvals.approve(counter, ANN, token).state is ApprovalState.APPROVED
    assert the_rollout(counter).stage is Stage.DRAFT, "the desk moves nothing; the engine does"
    assert execute(counter, token) == Advanced(approval_id=1, stage="shadow", share=0.0)
    assert (route(counter).mode, route(counter).share) == (Mode.SHADOW, 0.0)
    assert execute(counter, token).stage == "shadow", "executed twice is executed once"
    assert approvals.show(counter, token).state is ApprovalState.EXECUTED

    with pytest.raises(NotReady, match="cannot leave shadow yet: no call of it was recorded lately"):
        asked(counter)
    start = clock.now()
    clock.move(hours=23)
    some_traffic(counter, start, hours=23, an_hour=30, tuned=30)
    with pytest.raises(NotReady, match="too few hours"):
        asked(counter)
    clock.move(hours=1)
    with pytest.raises(NotReady, match="no call of it was recorded lately"):
        asked(counter)
    some_traffic(counter, start + timedelta(hours=23), hours=1, an_hour=100, tuned=100)
    second = asked(counter)
    approvals.approve(counter, BO, second)
    assert execute(counter, second).stage == "canary_1"
    assert route(counter).mode is Mode.CANARY
    assert route(counter).share == pytest.approx(0.01 * 0.99), "one in a hundred of the tuned share is held back"
    assert route(counter).version == 2
    with counter.services.database.read() as tx:
        assert deeds.broken_at(tx) is None
        verbs = [deed.verb for deed in deeds.of_feature(tx, 1)]
    assert verbs[:6] == ["shift", "approve", "ask", "shift", "approve", "ask"]


def test_a_stage_whose_tuned_side_fails_more_is_not_left(counter: Desk, clock: FixedClock) -> None:
    climb(counter, clock, Stage.SHADOW)
    let_a_day_pass(counter, clock, errors=60)
    with pytest.raises(NotReady, match="harm: errors"):
        asked(counter)


def test_who_asked_cannot_approve_whatever_roles_they_have(counter: Desk) -> None:
    grants.name(counter, SHELL, SLUG, {Role.APPROVER: (ASKER.id, ANN.id)})
    token = asked(counter)
    for actor in (ASKER, ASKER.model_copy(update={"role": Role.OPERATOR})):
        with pytest.raises(NotAllowed, match="You asked for this") as refused:
            approvals.approve(counter, actor, token)
        assert refused.value.people == (ANN.id,)
    assert approvals.show(counter, token).voters == ()


def test_a_stranger_a_guest_and_everybody_while_nobody_is_named_are_refused(counter: Desk) -> None:
    token = asked(counter)
    stranger = Actor(id="U9")
    with pytest.raises(NotAllowed, match="needs the role approver") as refused:
        approvals.approve(counter, stranger, token)
    assert refused.value.people == (ANN.id, BO.id, CY.id)
    with pytest.raises(NotAllowed, match="do not vote"):
        approvals.approve(counter, ANN.model_copy(update={"role": Role.GUEST}), token)
    with pytest.raises(NotAllowed):
        approvals.reject(counter, stranger, token, "not convinced of it")
    grants.name(counter, SHELL, SLUG, {Role.APPROVER: ()})
    with pytest.raises(NotAllowed, match="No approvers are named"):
        approvals.approve(counter, ANN, token)


def test_a_decided_request_says_who_decided_and_when(counter: Desk, clock: FixedClock) -> None:
    token = asked(counter)
    clock.move(minutes=30)
    approvals.approve(counter, ANN, token)
    for act in (
        lambda: approvals.approve(counter, BO, token),
        lambda: approvals.approve(counter, ANN, token),
        lambda: approvals.reject(counter, BO, token, "too late to say no"),
    ):
        with pytest.raises(Conflict, match="Already approved by <@U2> at 12:30 UTC") as refused:
            act()
        assert refused.value.people == ("U2",)
    execute(counter, token)
    with pytest.raises(Conflict, match="Already approved by <@U2> at 12:30 UTC"):
        approvals.approve(counter, BO, token)


def test_one_no_ends_a_request_and_who_asked_may_withdraw(counter: Desk) -> None:
    first = asked(counter)
    with pytest.raises(Invalid, match="has 4 characters; 10 to 500"):
        approvals.reject(counter, ANN, first, "  no   ok ".replace("ok", "").strip() + "pe")
    seen = approvals.reject(counter, ANN, first, "quality on refunds\nis not proven")
    assert (seen.state, seen.reason) == (ApprovalState.REJECTED, "quality on refunds is not proven")
    with pytest.raises(Conflict, match="Already rejected by <@U2>"):
        approvals.approve(counter, BO, first)
    second = asked(counter)
    assert second != first
    assert approvals.reject(counter, ASKER, second, "asked too early").state is ApprovalState.REJECTED
    assert execute(counter, second).stage == "draft"
    assert [one.token for one in approvals.pending(counter)] == []


def test_a_button_of_an_earlier_state_is_refused(counter: Desk) -> None:
    token = asked(counter)
    with pytest.raises(Conflict, match="earlier state"):
        approvals.approve(counter, ANN, token, version=2)
    assert approvals.show(counter, token).voters == ()
    with pytest.raises(NotFound):
        approvals.approve(counter, ANN, "forged", version=1)
    once = Once(team="T", key="p", kind="press")
    approvals.approve(counter, ANN, token, version=1, once=once)
    with pytest.raises(Repeated):
        approvals.approve(counter, ANN, token, version=1, once=once)


def test_new_evidence_supersedes_a_waiting_and_an_approved_request(counter: Desk) -> None:
    first = asked(counter)
    a_verdict(counter, run_id="inv-two")
    second = asked(counter)
    assert second != first
    assert approvals.show(counter, first).state is ApprovalState.SUPERSEDED
    with pytest.raises(Conflict, match="evidence changed") as refused:
        approvals.approve(counter, ANN, first)
    assert refused.value.hint == f"Ask again: /assay rollout {SLUG} next"
    approvals.approve(counter, ANN, second)
    a_verdict(counter, run_id="inv-three")
    done = execute(counter, second)
    assert (done.stage, done.refused) == ("draft", "the evidence changed after the vote")
    assert approvals.show(counter, second).state is ApprovalState.SUPERSEDED
    assert the_stage(counter) is Stage.DRAFT


def test_a_request_runs_out_after_three_working_days_and_can_be_asked_again(counter: Desk, clock: FixedClock) -> None:
    assert clock.now().strftime("%a") == "Wed"
    token = asked(counter)
    assert approvals.show(counter, token).expires_at.startswith("2026-11-30T12:00"), "Thursday, Friday, Monday"
    clock.move(days=5, seconds=-1)
    assert [one.token for one in approvals.pending(counter)] == [token]
    clock.move(seconds=1)
    assert approvals.pending(counter) == []
    assert approvals.show(counter, token).state is ApprovalState.EXPIRED
    with pytest.raises(Conflict, match="ran out on 30 Nov") as refused:
        approvals.approve(counter, ANN, token)
    assert refused.value.hint == f"Ask again: /assay rollout {SLUG} next"
    again = asked(counter)
    assert again != token
    approvals.approve(counter, ANN, again)
    assert execute(counter, again).stage == "shadow"


def test_from_a_quarter_of_the_traffic_on_two_people_are_needed(counter: Desk, clock: FixedClock) -> None:
    climb(counter, clock, Stage.CANARY_5)
    let_a_day_pass(counter, clock)
    token = asked(counter)
    assert approvals.show(counter, token).needed == 2
    first = approvals.approve(counter, ANN, token)
    assert (first.state, first.voters) == (ApprovalState.PENDING, ("U2",))
    assert execute(counter, token).stage == "canary_5"
    with pytest.raises(Conflict, match="You approved this at"):
        approvals.approve(counter, ANN, token)
    assert approvals.approve(counter, BO, token).state is ApprovalState.APPROVED
    assert execute(counter, token).stage == "canary_25"
    assert route(counter).share == pytest.approx(0.25 * 0.99)


def test_a_vote_of_somebody_who_lost_the_role_does_not_count(counter: Desk, clock: FixedClock) -> None:
    climb(counter, clock, Stage.CANARY_5)
    let_a_day_pass(counter, clock)
    token = asked(counter)
    approvals.approve(counter, ANN, token)
    grants.name(counter, SHELL, SLUG, {Role.APPROVER: (BO.id, CY.id)})
    assert approvals.show(counter, token).voters == ()
    assert approvals.approve(counter, BO, token).state is ApprovalState.PENDING
    assert approvals.approve(counter, CY, token).state is ApprovalState.APPROVED


def test_one_person_rolls_back_at_once_and_what_waited_goes(counter: Desk, clock: FixedClock) -> None:
    climb(counter, clock, Stage.CANARY_1)
    let_a_day_pass(counter, clock)
    token = asked(counter)
    before = route(counter)
    seen = rollouts.lower(counter, ANN, SLUG, "rollback", reason="complaints")
    assert (seen.status, seen.share) == (RolloutStatus.ROLLED_BACK, 0.0)
    after = route(counter)
    assert (after.mode, after.share, after.artifact) == (Mode.OBSERVE, 0.0, "")
    assert after.version == before.version + 1
    assert approvals.show(counter, token).state is ApprovalState.SUPERSEDED
    with pytest.raises(NotReady):
        rollouts.lower(counter, ANN, SLUG, "rollback")
    assert {"rollout", "approval"} <= {row.entity for row in waiting(counter)}
    again = asked(counter)
    assert the_rollout(counter).salt != before.salt, "another rollout is another split"
    assert approvals.show(counter, again).to_stage == "shadow"


def test_a_vote_that_was_executed_after_a_rollback_moves_nothing(counter: Desk, clock: FixedClock) -> None:
    climb(counter, clock, Stage.SHADOW)
    let_a_day_pass(counter, clock)
    token = asked(counter)
    approvals.approve(counter, ANN, token)
    rollouts.lower(counter, BO, SLUG, "rollback")
    done = execute(counter, token)
    assert done.refused
    assert route(counter).mode is Mode.OBSERVE
    assert approvals.show(counter, token).state is ApprovalState.SUPERSEDED


def test_a_paused_rollout_asks_for_nothing_until_it_resumes(counter: Desk, clock: FixedClock) -> None:
    climb(counter, clock, Stage.SHADOW)
    let_a_day_pass(counter, clock)
    assert rollouts.lower(counter, BO, SLUG, "pause").status is RolloutStatus.PAUSED
    with pytest.raises(NotReady, match="is paused") as refused:
        asked(counter)
    assert refused.value.hint == f"Go on with: /assay rollout {SLUG} resume"
    with pytest.raises(NotReady) as refused:
        rollouts.lower(counter, BO, SLUG, "pause")
    assert refused.value.message == "Nothing was changed: pause needs a running rollout, and this one is paused."
    assert rollouts.lower(counter, ASKER, SLUG, "resume").status is RolloutStatus.RUNNING
    assert rollouts.show(counter, SLUG).next_stage is Stage.CANARY_1
    asked(counter)
