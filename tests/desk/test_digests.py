"""A digest falls due once for each month; a look at the running month stores nothing and ends now."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

import pytest

from bot.blockkit.render import render
from bot.messages import digest as message
from bot.pages import digest as pages
from bot.pages import paper
from engine.desk import Desk, digests, open_desk, policies
from engine.errors import NotFound
from engine.flows.digest import Month, digest
from engine.testing.clock import FixedClock
from engine.testing.direct import DirectStepper
from tests.builders import ASKER, SLUG, a_feature, a_verdict, waiting

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


def test_months_slept_through_are_each_posted_once_late_and_saying_so(desk: Desk, clock: FixedClock) -> None:
    a_feature(desk)
    clock.moment = datetime(2027, 2, 8, 10, tzinfo=UTC)  # December's and January's digests are due, and November's
    for _ in range(3):  # three schedulers, or one that starts three times
        for run_id in digests.fall_due(desk, clock.now()):
            digest(DirectStepper(desk.services), Month(period=run_id.removeprefix("digest-")))
    posts = [row.entity_id for row in waiting(desk) if row.entity == "digest"]
    assert posts == ["2026-11", "2026-12", "2027-01"]
    assert digests.show(desk, "2027-01").late_days == 8
    assert "This digest comes 8 days late" in render(message.month(digests.show(desk, "2027-01"))).said
    assert digests.fall_due(desk, clock.now()) == []


def test_two_schedulers_at_once_post_one_digest(desk: Desk, clock: FixedClock) -> None:
    a_feature(desk)
    clock.moment = AT_NINE
    other = open_desk(desk.services)
    found: list[str] = []
    threads = [
        threading.Thread(target=lambda one=one: found.extend(digests.fall_due(one, AT_NINE))) for one in (desk, other)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    other.close()
    assert set(found) == {"digest-2026-11"}
    assert [run.run_id for run in desk.durable.runs()] == ["digest-2026-11"]


def test_the_digest_comes_at_the_teams_own_hour(desk: Desk, clock: FixedClock) -> None:
    policies.change(desk, ASKER, "", {"digest_zone": "America/New_York", "digest_hour": "8"})
    assert digests.fall_due(desk, datetime(2026, 12, 1, 12, 59, tzinfo=UTC)) == []
    assert digests.fall_due(desk, datetime(2026, 12, 1, 13, 0, tzinfo=UTC)) == ["digest-2026-11"]


def test_no_digest_comes_before_its_month_is_over_by_utc(desk: Desk, clock: FixedClock) -> None:
    policies.change(desk, ASKER, "", {"digest_zone": "Pacific/Auckland", "digest_hour": "9"})
    at_nine_there = datetime(2026, 11, 30, 20, tzinfo=UTC)  # it is December there, and calls of November still come
    assert digests.fall_due(desk, at_nine_there) == []
    clock.moment = datetime(2026, 12, 1, tzinfo=UTC)
    assert digests.fall_due(desk, clock.now()) == ["digest-2026-11"]
    digest(DirectStepper(desk.services), Month(period="2026-11"))
    assert digests.show(desk, "2026-11").late_days == 0


def test_the_page_for_managers_says_what_the_message_says(desk: Desk, clock: FixedClock) -> None:
    a_feature(desk)
    clock.moment = AT_NINE
    for run_id in digests.fall_due(desk, clock.now()):
        digest(DirectStepper(desk.services), Month(period=run_id.removeprefix("digest-")))
    html = paper.page("digest/month", pages.DigestPage(message.month(digests.show(desk, "2026-11"))))
    assert "no tuned model is live" in html
    assert f"{SLUG}: stay with prompting; no verdict yet" in html
    with pytest.raises(NotFound):
        pages.page(desk, "2026-11", "a-key-nobody-made")
