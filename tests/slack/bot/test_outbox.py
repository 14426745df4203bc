"""The sender against everything Slack may answer: each message arrives once, and those of a channel in order."""

from __future__ import annotations

import json
import logging

import pytest

from bot.projections import Projections, Rendered
from engine.desk import mail
from engine.desk import roles as grants
from engine.models.actor import Role
from engine.models.mail import MailState, Outbox
from engine.store import mail as mail_rows
from tests.builders import SHELL, SLUG, a_feature, waiting
from tests.slack.bot.post import Post


def test_a_channel_takes_three_at_once_and_then_one_a_second_in_order(post: Post) -> None:
    texts = [str(number) for number in range(6)]
    post.post(*texts)
    post.post("elsewhere", channel="C2")
    assert post.go() == 4
    assert post.texts() == texts[:3]
    assert post.texts("C2") == ["elsewhere"], "one channel's pace is not another's"
    assert post.go() == 0
    post.wait(3.01)
    post.go()
    assert post.texts() == texts
    assert set(post.states()) == {"sent"}


@pytest.mark.parametrize(("told", "rest"), [("7", 7.0), ("", 30.0), ("soon", 30.0), ("86400", 300.0)])
def test_a_429_rests_the_channel_as_long_as_slack_says(post: Post, told: str, rest: float) -> None:
    post.fault("429", retry_after=told)
    post.post("one", "two")
    post.go()
    assert post.texts() == []
    assert post.go() == 0, "the second does not pass the first"
    post.wait(rest - 0.5)
    assert post.go() == 0
    post.wait(1.0)
    post.go()
    assert post.texts() == ["one", "two"]


def test_a_page_of_html_is_tried_again_in_order_and_given_up_after_a_day(post: Post) -> None:
    post.fault("500", times=3)
    post.post("one", "two")
    waits: list[float] = []
    while post.texts() == []:
        post.go()
        if post.texts() == []:
            post.wait(0.5)
            waits.append(0.5)
    assert post.texts() == ["one", "two"]
    assert 0.8 * (1 + 2 + 4) <= sum(waits) <= 1.2 * (1 + 2 + 4) + 1.5
    post.fault("500", times=10_000)
    post.post("lost")
    post.go()
    post.wait(24 * 3600 + 1)
    post.go()
    assert post.states()[-1] == "dead"
    assert mail.depth(post.wire.desk).dead == 1


def test_a_post_that_arrived_though_the_connection_broke_is_found_and_not_sent_again(post: Post) -> None:
    post.fault("reset", after=True)
    post.post("one", "two")
    post.go()
    assert post.states() == ["unsure", "new"]
    post.wait(5.1)
    post.go()
    assert post.texts() == ["one", "two"]
    assert post.calls() == 2
    with post.wire.desk.services.database.read() as tx:
        assert mail_rows.by_id(tx, 1).ts == post.wire.posted()[0]["ts"]


def test_a_post_that_did_not_arrive_is_sent_after_two_looks(post: Post) -> None:
    post.fault("reset")
    post.post("one")
    post.go()
    post.wait(5.1)
    post.go()
    assert post.texts() == []
    post.wait(5.1)
    post.go()
    assert post.texts() == ["one"]
    assert post.calls("conversations.history") == 2


@pytest.mark.parametrize("trouble", ["429", "500"])
def test_trouble_while_looking_never_leads_to_a_second_copy(post: Post, trouble: str) -> None:
    post.fault("reset", after=True)
    post.post("one")
    post.go()
    post.fault(trouble, method="conversations.history", times=2)
    for _ in range(10):
        post.wait(10)
        post.go()
    assert post.texts() == ["one"]
    assert post.states() == ["sent"]


def test_history_that_cannot_be_read_holds_ten_minutes_and_says_that_it_may_be_twice(
    post: Post, caplog: pytest.LogCaptureFixture
) -> None:
    post.fault("reset")
    post.post("one")
    post.go()
    post.fault("error", method="conversations.history", error="missing_scope", times=2)
    post.wait(5.1)
    post.go()
    post.wait(590)
    assert post.go() == 0
    post.wait(11)
    with caplog.at_level(logging.WARNING):
        post.go()
    assert post.texts() == ["one"]
    assert "outbox.maybe_twice" in [record.message for record in caplog.records]


@pytest.mark.parametrize("has_arrived", [True, False])
def test_a_bot_killed_while_sending_sends_once(post: Post, *, has_arrived: bool) -> None:
    a_feature(post.wire.desk)
    (row,) = waiting(post.wire.desk)
    assert mail.claim(post.wire.desk, row)
    if has_arrived:
        rendered = Projections(post.wire.desk, report_url=lambda _run: "").render(row)
        assert rendered is not None
        post.wire.bot.slack.post("C1", rendered.message, uid=row.uid)
    post.restart()
    for _ in range(3):
        post.go()
        post.wait(5.1)
    assert len(post.texts()) == 1
    grants.name(post.wire.desk, SHELL, SLUG, {Role.OWNER: ("U4",)})
    post.go()
    assert len(post.texts()) == 1, "the message that was found is the one that is updated"
    assert "<@U4>" in json.dumps(post.wire.posted())


def test_a_channel_the_bot_is_not_in_waits_and_its_owner_is_told_once(post: Post) -> None:
    a_feature(post.wire.desk, channel="C3")
    a_feature(post.wire.desk, slug="other", channel="C2")
    dm = post.wire.dm("U1")
    for _ in range(5):
        post.go()
        post.wait(80)
    assert post.texts("C3") == []
    assert len(post.texts("C2")) == 1, "other channels go on"
    (told,) = post.texts(dm)
    assert "not_in_channel" in told
    assert "/invite @Assay" in told
    post.wire.room.form("/as/U1/say", channel="C3", text="/invite @assay")
    post.wait(80)
    post.go()
    assert len([text for text in post.texts("C3") if SLUG in text]) == 1


@pytest.mark.parametrize("code", ["token_revoked", "invalid_auth", "not_authed", "account_inactive", "token_expired"])
def test_a_dead_token_stops_all_sending_and_loses_nothing(post: Post, code: str) -> None:
    post.post("one", "two")
    post.fault("error", error=code)
    post.go()
    assert post.sender.dead_token == code
    post.wait(3600)
    assert post.go() == 0
    assert post.states() == ["new", "new"]
    post.restart()
    post.go()
    assert post.texts() == ["one", "two"]


def test_a_database_that_was_busy_after_a_post_does_not_make_a_second_one(post: Post) -> None:
    shows = Projections(post.wire.desk, report_url=lambda _run: "").render
    rendered: list[Rendered | None] = []

    def busy_once(row: Outbox) -> Rendered | None:
        rendered.append(shows(row))
        if len(rendered) == 1 and rendered[0] is not None:
            post.wire.bot.slack.post("C1", rendered[0].message, uid=row.uid)
            with post.wire.desk.services.database.write() as tx:
                mail_rows.settle(tx, row.id or 0, MailState.SENDING)
            raise _BusyAtTheEnd
        return rendered[-1]

    class _BusyAtTheEnd(BaseException):
        """As if the transaction that says ``sent`` had failed."""

    a_feature(post.wire.desk)
    post.sender = post.another(busy_once)
    with pytest.raises(_BusyAtTheEnd):
        post.sender.step()
    for _ in range(3):
        post.go()
        post.wait(5.1)
    assert len(post.texts()) == 1
    assert post.states() == ["sent"]
