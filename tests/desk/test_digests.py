"""A digest falls due once for each month; a look at the running month stores nothing and ends now."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from engine.desk import Desk, digests
from engine.errors import NotFound
from engine.testing.clock import FixedClock
from tests.builders import SLUG, a_feature, a_verdict

BEFORE_NINE = datetime(2026, 12, 1, 8, 59, tzinfo=UTC)
AT_NINE = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)
A_WEEK_LATE = datetime(2026, 12, 8, 15, 0, tzinfo=UTC)


def test_a_verdict_of_today_is_no_day_old_in_the_month_so_far(desk: Desk, clock: FixedClock) -> None:
    a_feature(desk)
    a_verdict(desk)
    assert digests.so_far(desk).lines[0]["verdict_days"] == 0
    clock.move(days=2)
    assert digests.so_far(desk).lines[0]["verdict_days"] == 2


def test_a_look_at_the_running_month_is_neither_stored_nor_posted(desk: Desk) -> None:
    a_feature(desk)
    seen = digests.so_far(desk)
    assert (seen.period, seen.posted, seen.lines[0]["slug"]) == ("2026-11", False, SLUG)
    with pytest.raises(NotFound):
        digests.show(desk, "2026-11")
    assert digests.newest(desk) == seen


def test_the_digest_of_a_month_falls_due_once_however_often_one_asks(desk: Desk) -> None:
    assert digests.fall_due(desk, BEFORE_NINE) == []
    assert digests.fall_due(desk, AT_NINE) == ["digest-2026-11"]
    assert digests.fall_due(desk, A_WEEK_LATE) == ["digest-2026-11"]  # not done yet, so it is still waited for
    assert [run.run_id for run in desk.durable.runs()] == ["digest-2026-11"]


def test_no_digest_is_due_for_a_month_that_ended_before_the_deployment_began(desk: Desk, clock: FixedClock) -> None:
    assert digests.fall_due(desk, clock.now()) == []
    assert desk.durable.runs() == []
