"""Take a rollout up its stages as people and the engine would."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

from engine.desk import Desk, approvals, rollouts
from engine.flows.advance_stage import Approved, advance_stage
from engine.flows.steps import guardrails
from engine.flows.steps.stage import Advanced
from engine.models.rollout import Mode, Route, Stage
from engine.rules.evidence import Cell, Score, Shown
from engine.store import evidence
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


def everybody(desk: Desk) -> None:
    """The feature's open rollout stands at 100 %, as people would have taken it there."""
    with desk.services.database.write() as tx:
        now = desk.services.clock.now()
        rollout = rollout_rows.open_ones(tx)[0]
        rollout.stage, rollout.share, rollout.stage_since = Stage.FULL_100, 1.0, now
        rollout.sequence += 1
        rollout_rows.save(tx, rollout)
        way = rollout_rows.set_route(tx, rollout, mode=Mode.CANARY, share=0.99, at=now)
        guardrails.begin(tx, rollout, way, per_call=True, at=now)


def recorded(desk: Desk, *, tuned: int, baseline: int, bad: int = 0) -> None:
    """A gateway recorded so many units of the stage just now, ``bad`` of the tuned ones with an error."""
    with desk.services.database.write() as tx:
        now = desk.services.clock.now()
        rollout = rollout_rows.open_ones(tx)[0]
        root = evidence.starts(tx, rollout.id)[-1].root
        cells = {arm: Cell(root, arm, now.date()) for arm in ("tuned", "baseline")}
        units = {"tuned": tuned, "baseline": baseline}
        wrong = {"tuned": bad, "baseline": 0}
        scores = Counter[Score]()
        for arm, n in units.items():
            scores[Score(root, arm, "errors", now.date(), 1, 1)] += wrong[arm]
            scores[Score(root, arm, "errors", now.date(), 0, 1)] += n - wrong[arm]
            scores[Score(root, arm, "invalid", now.date(), 0, 1)] += n
        counts = {cells[arm]: {"n": n, "errors": wrong[arm]} for arm, n in units.items()}
        evidence.add(tx, Shown(counts, {}, dict.fromkeys(cells.values(), now), {}, scores))
