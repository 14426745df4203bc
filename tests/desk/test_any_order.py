"""Presses, retries, crashes and ticks in any order, over the real desk and database: no share that nobody approved.

Hypothesis draws the order and shrinks it where a promise breaks.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from engine.desk import Desk, approvals, open_desk, policies, rollouts
from engine.desk import roles as grants
from engine.errors import Refused
from engine.flows.advance_stage import Approved, advance_stage
from engine.flows.retire import retire_stage
from engine.flows.steps import requests
from engine.flows.steps import stage as stages
from engine.models.actor import Actor, Role
from engine.models.mail import Once
from engine.models.rollout import Approval, ApprovalState, RolloutStatus, Stage
from engine.rules.rollout import FINAL
from engine.services import Services
from engine.store import deeds
from engine.store import rollouts as rollout_rows
from engine.testing.clock import FixedClock
from engine.testing.servers import stand_in
from tests.builders import ANN, ASKER, BO, CY, SHELL, SLUG, Inline, a_feature, a_verdict, some_traffic
from tests.conftest import services_at
from tests.desk.climbing import everybody, recorded
from tests.killing import Killed, under
from tests.prepared import sqlite_in

settled: list[Stage | None] = []  # every stage that the machine went on to by itself
SETTLES = ((Stage.FULL_100, Stage.SOAKING), (Stage.SOAKING, Stage.LIVE))
UNITS = "shadow:20,canary_1:20,canary_5:20,canary_25:20"
PEOPLE = st.sampled_from([ASKER, ANN, BO, CY, Actor(id="U9")])


class AnyOrder(RuleBasedStateMachine):
    """One feature with a verdict that ships, three approvers, one outsider, and an engine that may die."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        home = Path(self.folder.name)
        self.clock = FixedClock()
        self.services: Services = services_at(sqlite_in(home), home, self.clock)
        self.desk: Desk = open_desk(self.services)
        self.share = 0.0
        self.raised = 0
        self.presses = 0
        self.last: tuple[Actor, str, Once] | None = None

    @initialize(at_the_top=st.booleans())
    def begin(self, at_the_top: bool) -> None:
        a_feature(self.desk)
        grants.name(self.desk, SHELL, SLUG, {Role.APPROVER: (ANN.id, BO.id, CY.id)})
        policies.change(self.desk, ASKER, SLUG, {"stage_units": UNITS})
        a_verdict(self.desk)
        if at_the_top:  # people took it to 100 % before
            self.go_on(1)
            everybody(self.desk)
            self.share = 1.0

    def teardown(self) -> None:
        with self.services.database.read() as tx:
            assert deeds.broken_at(tx) is None
        self.desk.close()
        self.folder.cleanup()

    @rule(who=PEOPLE)
    def ask(self, who: Actor) -> None:
        self._pressed(lambda once: rollouts.next_stage(self.desk, who, SLUG, once=once))

    @rule(who=PEOPLE, data=st.data())
    def approve(self, who: Actor, data: st.DataObject) -> None:
        known = self._approvals()
        if known:
            token = data.draw(st.sampled_from(known)).token
            self.last = who, token, self._once()
            self._vote(*self.last)

    @rule(votes=st.integers(1, 2))
    def go_on(self, votes: int) -> None:
        """What usually happens: days pass, somebody asks, others vote, the engine moves."""
        self.time_passes(2, 0)
        self.climb(votes)

    def climb(self, votes: int) -> None:
        """Somebody asks now, others vote, the engine moves."""
        self.ask(ASKER)
        for one in [one for one in self._approvals() if one.state is ApprovalState.PENDING][-1:]:
            for who in (ANN, BO)[:votes]:
                self._vote(who, one.token, self._once())
            self._served(one)
            advance_stage(Inline(self.services), Approved(approval_id=one.id or 0))

    @precondition(lambda self: self.last is not None)
    @rule()
    def deliver_again(self) -> None:
        """Slack sends the same press once more: nothing may follow from it."""
        assert self.last is not None
        before = self._everything()
        self._vote(*self.last)
        assert self._everything() == before

    @rule(who=PEOPLE, event=st.sampled_from(["pause", "resume", "rollback"]))
    def lower(self, who: Actor, event: str) -> None:
        self._pressed(lambda once: rollouts.lower(self.desk, who, SLUG, event, once=once))

    @rule()
    def new_evidence(self) -> None:
        self.presses += 1
        a_verdict(self.desk, run_id=f"inv-{self.presses}")

    @rule(odds=st.integers(15, 30))
    def new_policy(self, odds: int) -> None:
        self._pressed(lambda _once: policies.change(self.desk, ASKER, SLUG, {"stage_safe_odds": str(odds)}))

    @rule(days=st.integers(0, 4), errors=st.sampled_from([0, 0, 0, 25]))
    def time_passes(self, days: int, errors: int) -> None:
        self.clock.move(days=days, hours=1)
        at = self.clock.now() - timedelta(hours=1)
        some_traffic(self.desk, at, hours=1, an_hour=25, tuned=25, errors=errors)

    @precondition(lambda self: self._share() > 0.0)
    @rule(bad=st.sampled_from([0, 0, 0, 60]))
    def a_gateway_records(self, bad: int) -> None:
        """Calls of the stage, as many on each side as its share says."""
        share = self._share() * 0.99
        tuned = round(200 * share)
        recorded(self.desk, tuned=tuned, baseline=200 - tuned, bad=min(bad, tuned))

    @rule()
    def tick(self) -> None:
        before = self._standing()
        stages.tick(self.services)
        requests.sweep(self.services)
        after = self._standing()
        assert after[1] <= before[1], "the machine raised a share"
        if after[0] != before[0]:
            settled.append(after[0])
            assert (before[0], after[0]) in SETTLES, "the machine goes on by itself at 100 % alone"
            assert after[1] == before[1] == 1.0

    @rule(seed=st.integers(0, 10**6), dies=st.booleans(), data=st.data())
    def execute(self, seed: int, dies: bool, data: st.DataObject) -> None:
        """The engine works off a request, approved or not, once more or for the first time; it may die on the way."""
        known = self._approvals()
        if not known:
            return
        approval = data.draw(st.sampled_from(known))
        self._served(approval)
        services = under(self.services, seed, chance=0.5)[0] if dies else self.services
        flow = retire_stage if approval.retires else advance_stage
        try:
            flow(Inline(services), Approved(approval_id=approval.id or 0))
        except Killed:
            return

    @invariant()
    def no_share_rises_unapproved(self) -> None:
        share = self._share()
        done = [one for one in self._approvals() if one.state is ApprovalState.EXECUTED and not one.retires]
        if share > self.share:
            approval = max(done, key=lambda one: (one.decided_at, one.id))
            assert approval.to_share == share, "the newest executed request is for this share"
            self._was_allowed(approval)
        self.share = share
        for one in done:
            self._was_allowed(one)

    @invariant()
    def an_ended_rollout_serves_nobody(self) -> None:
        with self.services.database.read() as tx:
            for rollout in rollout_rows.of_feature(tx, 1):
                assert (rollout.status not in FINAL) or rollout.share == 0.0
            open_now = [one for one in rollout_rows.of_feature(tx, 1) if one.status is RolloutStatus.RUNNING]
        assert len(open_now) <= 1

    def _was_allowed(self, approval: Approval) -> None:
        with self.services.database.read() as tx:
            voters = {vote.person for vote in rollout_rows.votes(tx, approval.id or 0)}
        assert len(voters) >= approval.needed
        assert len(voters) >= (2 if approval.to_share >= 0.25 else 1)
        assert approval.requested_by not in voters
        assert voters <= {ANN.id, BO.id, CY.id}

    def _served(self, approval: Approval) -> None:
        """Its candidate answers and was checked: what is promised here does not hang on servers."""
        with self.services.database.read() as tx:
            rollout = rollout_rows.by_id(tx, approval.rollout_id)
        stand_in(self.services, rollout.feature_id, rollout.artifact)

    def _vote(self, who: Actor, token: str, once: Once) -> None:
        try:
            approvals.approve(self.desk, who, token, once=once)
        except Refused:
            return

    def _pressed(self, act: Callable[[Once], object]) -> None:
        try:
            act(self._once())
        except Refused:
            return

    def _once(self) -> Once:
        self.presses += 1
        return Once(team="T1", key=f"press/{self.presses}", kind="press")

    def _approvals(self) -> list[Approval]:
        with self.services.database.read() as tx:
            rows = [rollout_rows.approvals(tx, one.id or 0) for one in rollout_rows.of_feature(tx, 1)]
        return [approval for found in rows for approval in found]

    def _share(self) -> float:
        return self._standing()[1]

    def _standing(self) -> tuple[Stage | None, float]:
        """The stage of the open rollout and its share; of a rollout that ended no stage is told."""
        with self.services.database.read() as tx:
            found = rollout_rows.newest_of(tx, 1)
        return (found.stage, found.share) if found is not None else (None, 0.0)

    def _everything(self) -> list[tuple[str, ApprovalState, int]]:
        with self.services.database.read() as tx:
            return [
                (one.token, one.state, len(rollout_rows.votes(tx, one.id or 0)))
                for one in self._approvals()
            ]  # fmt: skip


def test_no_order_of_presses_retries_crashes_and_ticks_yields_a_share_nobody_approved() -> None:
    told = settings(
        max_examples=12,
        stateful_step_count=25,
        deadline=None,
        derandomize=True,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    run_state_machine_as_test(AnyOrder, settings=told)


def test_the_same_steps_in_a_good_order_climb_to_5_percent() -> None:
    machine = AnyOrder()
    machine.begin(at_the_top=False)
    machine.go_on(1)
    machine.go_on(1)
    machine.time_passes(2, 0)
    for _ in range(12):
        machine.a_gateway_records(0)
    machine.climb(1)
    machine.no_share_rises_unapproved()
    machine.teardown()
    assert machine.share == 0.05


def test_the_same_steps_in_a_good_order_settle_at_100_percent_and_go_live() -> None:
    settled.clear()
    machine = AnyOrder()
    machine.begin(at_the_top=True)
    for _ in range(3):
        machine.time_passes(4, 0)
        machine.a_gateway_records(0)
        machine.tick()
    machine.teardown()
    assert settled == [Stage.SOAKING, Stage.LIVE]
