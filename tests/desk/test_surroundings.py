"""What doctor says of Slack, channels, disk and prices: each with the exact thing to do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bot.surface import Greeting
from engine.desk import Desk, health, mail, operate
from engine.models.mail import MailState
from engine.models.work import Finding
from engine.testing.clock import FixedClock
from tests.builders import waiting


def found(desk: Desk, name: str) -> Finding | None:
    """The finding of that name."""
    return next((one for one in health.findings(desk) if one.name == name), None)


@pytest.mark.parametrize(
    ("facts", "name", "state", "says", "fix"),
    [
        ({}, "slack", health.OK, "token, scopes and clock are good", ""),
        ({"why_not": "Slack says token_revoked"}, "slack", health.BAD, "token_revoked", "SLACK_BOT_TOKEN"),
        ({"missing_scopes": ["files:write"]}, "scopes", health.BAD, "does not grant files:write", "assay manifest"),
        ({"clock_off_seconds": 75.0}, "clock", health.WARN, "75 s ahead of Slack", "set-ntp"),
        ({"clock_off_seconds": -75.0}, "clock", health.WARN, "75 s behind Slack", "set-ntp"),
    ],
)
def test_what_the_bot_learned_of_slack_is_told(
    desk: Desk, facts: dict[str, object], name: str, state: str, says: str, fix: str
) -> None:
    assert found(desk, "slack") is None, "where no bot ever ran, Slack is nothing to mend"
    operate.beat(desk.services, "bot", {"why_not": "", **facts})
    told = found(desk, name)
    assert told is not None
    assert told.state == state
    assert says in told.says
    assert fix in told.fix


def test_a_bot_that_fell_silent_is_told(desk: Desk, clock: FixedClock) -> None:
    operate.beat(desk.services, "bot", {"why_not": ""})
    clock.move(seconds=3600)
    told = found(desk, "bot")
    assert told is not None
    assert (told.state, told.fix) == (health.BAD, "Start: assay bot")


def test_a_channel_that_takes_nothing_is_told_with_how_to_get_in(desk: Desk) -> None:
    mail.post(desk, "C7", "chat.postMessage", {"text": "one"})
    (row,) = waiting(desk)
    assert found(desk, "channel") is None
    assert mail.claim(desk, row)
    mail.settle(desk, row, MailState.READY, wait_seconds=60, error="Slack says not_in_channel")
    told = found(desk, "channel")
    assert told is not None
    assert "C7 takes no messages: not_in_channel" in told.says
    assert "/invite @Assay" in told.fix


def test_disk_and_price_list_are_always_told(desk: Desk, clock: FixedClock) -> None:
    disk = found(desk, "disk")
    assert disk is not None
    assert "GB free" in disk.says
    clock.move(seconds=400 * 24 * 3600)
    prices = found(desk, "prices")
    assert prices is not None
    assert (prices.state, "assay prices" in prices.fix) == (health.WARN, True)


def test_the_clock_is_held_against_the_date_slack_sends() -> None:
    now = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
    assert Greeting({}, "", "Mon, 02 Nov 2026 08:58:45 GMT").ahead(now) == 75.0
    assert Greeting({}, "", "Mon, 02 Nov 2026 09:01:15 GMT").ahead(now) == -75.0
    assert Greeting({}, "", "").ahead(now + timedelta(days=1)) == 0.0
