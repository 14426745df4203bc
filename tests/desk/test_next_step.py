"""What is told as the next step of a feature follows where its model stands: rolled out, live, advised on, let go."""

from __future__ import annotations

import pytest

from engine.desk import Desk, approvals, features, retirements, rollouts, watch
from engine.desk import roles as grants
from engine.flows.advance_stage import Approved
from engine.flows.retire import retire_stage
from engine.models.actor import Role
from engine.models.checkup import Advice, Checkup
from engine.models.rollout import Stage
from engine.store import checkups
from engine.store import rollouts as rollout_rows
from engine.testing.clock import FixedClock
from tests.builders import ANN, ASKER, BO, CY, SHELL, SLUG, Inline, a_feature, a_verdict, asked, some_labels
from tests.desk.climbing import climb


@pytest.fixture
def counter(desk: Desk) -> Desk:
    """A feature with enough labels and a verdict that ships."""
    a_feature(desk)
    some_labels(desk, 2_000)
    grants.name(desk, SHELL, SLUG, {Role.APPROVER: (ANN.id, BO.id, CY.id)})
    a_verdict(desk)
    return desk


def step(desk: Desk) -> str:
    return features.show(desk, SLUG).next_step


def live(desk: Desk, *, advice: Advice | None = None) -> None:
    """Everybody is served by the tuned model, and a month's checkup advised so."""
    with desk.services.database.write() as tx:
        rollout = rollout_rows.open_ones(tx)[0]
        rollout.stage, rollout.share = Stage.LIVE, 1.0
        tx.add(rollout)
        if advice is not None:
            period = f"2026-{10 + len(checkups.of_feature(tx, rollout.feature_id))}"
            checkups.add(
                tx, Checkup(feature_id=rollout.feature_id, period=period, advice=advice, at=desk.services.clock.now())
            )


def test_a_rollout_is_the_next_step_until_its_request_waits_for_votes(counter: Desk) -> None:
    assert step(counter) == f"/assay rollout {SLUG}"
    asked(counter)
    assert step(counter) == "/assay approvals"


def test_a_live_model_is_watched_and_follows_its_advice_while_nobody_snoozed_it(
    counter: Desk, clock: FixedClock
) -> None:
    climb(counter, clock, Stage.CANARY_1)
    assert step(counter) == f"/assay rollout {SLUG}"
    live(counter)
    assert step(counter) == "/assay stale"
    live(counter, advice=Advice.RETIRE)
    assert step(counter) == f"/assay retire {SLUG}"
    watch.snooze(counter, ASKER, SLUG, days=7, reason="the contract ends anyway")
    assert step(counter) == "/assay stale"
    clock.move(days=8)
    live(counter, advice=Advice.RETRAIN)
    assert step(counter) == f"/assay investigate {SLUG}"
    rollouts.lower(counter, ANN, SLUG, "rollback")
    assert step(counter) == f"/assay rollout {SLUG}"


def test_a_model_on_its_way_out_is_taken_back_further_and_then_its_feature_is_read_anew(
    counter: Desk, clock: FixedClock
) -> None:
    climb(counter, clock, Stage.CANARY_1)
    live(counter)
    for after in (f"/assay retire {SLUG}", f"/assay ready {SLUG}"):
        made = retirements.retire(counter, ASKER, SLUG)
        assert step(counter) == "/assay approvals"
        taken_back(counter, made.token)
        assert step(counter) == after


def taken_back(desk: Desk, token: str) -> None:
    approvals.approve(desk, ANN, token)
    with desk.services.database.read() as tx:
        approval_id = rollout_rows.approval_by_token(tx, token).id or 0
    retire_stage(Inline(desk.services), Approved(approval_id=approval_id))
