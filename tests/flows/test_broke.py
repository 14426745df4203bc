"""What nobody foresaw in a flow: told to whom it concerns, and tried again where trying again can help."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from engine import worker
from engine.desk import Desk, approvals, digests, health
from engine.flows.digest import Month, digest
from engine.flows.durable import Stepper
from engine.flows.table import Flow
from engine.models.actor import Actor, Role
from engine.models.rollout import ApprovalState
from engine.testing.clock import FixedClock
from tests.builders import a_feature, a_verdict, asked
from tests.flows.test_durable import engine, wait

pytestmark = [pytest.mark.processes, pytest.mark.xdist_group("processes")]

AT_NINE = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)


def breaks(_run: Stepper, _month: Month) -> Month:
    """A digest with a fault nobody foresaw."""
    raise RuntimeError("no such figure")


def state(desk: Desk, run_id: str) -> str:
    return next((run.state for run in desk.durable.runs() if run.run_id == run_id), "none")


def test_a_digest_that_broke_is_tried_again_five_times_in_all_and_then_named_by_doctor(
    desk: Desk, clock: FixedClock
) -> None:
    a_feature(desk)
    assert digests.fall_due(desk, AT_NINE) == ["digest-2026-11"]
    with engine(desk.services, {"digest": Flow(breaks, Month)}):
        wait(lambda: state(desk, "digest-2026-11") == "failed")
        for number in range(2, 6):
            assert digests.fall_due(desk, AT_NINE) == [f"digest-2026-11-{number}"]
            wait(lambda number=number: state(desk, f"digest-2026-11-{number}") == "failed")
    assert digests.fall_due(desk, AT_NINE) == ["digest-2026-11-5"]
    clock.moment = AT_NINE.replace(hour=11)
    assert "late work" in [one.name for one in health.findings(desk) if one.state == health.BAD]


def test_a_digest_that_broke_once_comes_out_once(desk: Desk) -> None:
    a_feature(desk)
    digests.fall_due(desk, AT_NINE)
    with engine(desk.services, {"digest": Flow(breaks, Month)}):
        wait(lambda: state(desk, "digest-2026-11") == "failed")
    digests.fall_due(desk, AT_NINE)
    with engine(desk.services, {"digest": Flow(digest, Month)}):
        wait(lambda: digests.fall_due(desk, AT_NINE) == [])
    assert digests.newest(desk).posted


def test_a_stage_move_that_broke_is_told_and_can_be_asked_for_again(desk: Desk) -> None:
    a_feature(desk)
    a_verdict(desk)
    first = asked(desk)
    approvals.approve(desk, Actor(id="bo", role=Role.OPERATOR), first)
    _break(desk, "advance-1")
    seen = approvals.show(desk, first)
    assert seen.state is ApprovalState.SUPERSEDED
    assert re.search(r"broke on our side \(ref [0-9A-F]{4}\)", seen.reason)
    assert asked(desk) != first


def _break(desk: Desk, run_id: str) -> None:
    try:
        int("no number")
    except ValueError:
        worker.broke(desk.services, "advance_stage", run_id)
