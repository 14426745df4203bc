"""Take a rollout up its stages as people and the engine would."""

from __future__ import annotations

from datetime import timedelta

from engine.desk import Desk, approvals, rollouts
from engine.flows.advance_stage import Approved, advance_stage
from engine.flows.steps.stage import Advanced
from engine.models.rollout import Route, Stage
from engine.store import features as feature_rows
from engine.store import rollouts as rollout_rows
from engine.testing.clock import FixedClock
from engine.testing.servers import stand_in
from tests.builders import ANN, BO, SLUG, Inline, asked, some_traffic

UP = (Stage.SHADOW, Stage.CANARY_1, Stage.CANARY_5, Stage.CANARY_25)


def execute(desk: Desk, token: str) -> Advanced:
    """What the engine does with an approved request."""
    with desk.services.database.read() as tx:
        approval = rollout_rows.approval_by_token(tx, token)
        approval_id = approval.id or 0
        rollout = rollout_rows.by_id(tx, approval.rollout_id)
    stand_in(desk.services, rollout.feature_id, rollout.artifact)
    return advance_stage(Inline(desk.services), Approved(approval_id=approval_id))


def route(desk: Desk) -> Route:
    with desk.services.database.read() as tx:
        found = rollout_rows.route(tx, feature_rows.by_slug(tx, SLUG).id or 0)
    assert found is not None
    return found


def let_a_day_pass(desk: Desk, clock: FixedClock, *, hours: int = 24, errors: int = 0) -> None:
    """Enough hours and calls to leave any stage up to 5 %, seen until now."""
    clock.move(hours=hours)
    some_traffic(desk, clock.now() - timedelta(hours=1), hours=1, an_hour=510, tuned=510, errors=errors)


def climb(desk: Desk, clock: FixedClock, to: Stage) -> None:
    """Approve every stage up to one, with as many votes as it needs."""
    for stage in UP[: UP.index(to) + 1]:
        if the_stage(desk) is not Stage.DRAFT:
            let_a_day_pass(desk, clock)
        token = asked(desk)
        for voter in (ANN, BO)[: approvals.show(desk, token).needed]:
            approvals.approve(desk, voter, token)
        assert execute(desk, token).stage == stage


def the_stage(desk: Desk) -> Stage:
    return rollouts.show(desk, SLUG).stage
