"""A message shows the newest state of its row: updated seldom, at last for certain, and in another way if need be."""

from __future__ import annotations

import json

import pytest

from bot.blockkit.render import Message
from bot.projections import Rendered
from bot.standin import messages
from engine.desk import mail, rollouts
from engine.desk import roles as grants
from engine.errors import WorkFailed
from engine.models.actor import Role
from engine.models.mail import Outbox
from tests.builders import ANN, SHELL, SLUG, a_feature, a_verdict, asked, waiting
from tests.slack.bot.post import Post


def test_a_message_that_was_deleted_is_posted_once_more(post: Post) -> None:
    a_feature(post.wire.desk)
    post.go()
    first = post.wire.posted()[0]["ts"]
    post.wire.room.client().chat_delete(channel="C1", ts=first)
    grants.name(post.wire.desk, SHELL, SLUG, {Role.OWNER: ("U4",)})
    post.wait(6)
    post.fault("reset", after=True)
    post.go()
    for _ in range(3):
        post.wait(6)
        post.go()
    (again,) = post.wire.posted()
    assert again["ts"] != first
    grants.name(post.wire.desk, SHELL, SLUG, {Role.OWNER: ("U3",)})
    post.wait(6)
    post.go()
    assert [one["ts"] for one in post.wire.posted()] == [again["ts"]]
    assert "<@U3>" in json.dumps(post.wire.posted())


@pytest.mark.parametrize("code", ["cant_update_message", "edit_window_closed"])
def test_a_message_that_cannot_be_changed_is_answered_in_its_thread(post: Post, code: str) -> None:
    a_feature(post.wire.desk)
    post.go()
    post.wait(6)
    post.fault("error", method="chat.update", error=code)
    grants.name(post.wire.desk, SHELL, SLUG, {Role.OWNER: ("U4",)})
    post.go()
    root = post.wire.posted()[0]["ts"]
    replies = messages.replies(post.wire.room.standin.room, "C1", root)
    assert len(replies) == 2, "the message and its answer"
    assert post.states()[-1] == "sent"


def test_a_message_is_updated_every_five_seconds_at_most_and_ends_with_the_last_state(post: Post) -> None:
    a_feature(post.wire.desk)
    post.go()
    for owner in ("U2", "U3", "U4", "U2", "U3", "U4", "U2", "U3"):
        grants.name(post.wire.desk, SHELL, SLUG, {Role.OWNER: (owner,)})
        post.go()
        post.wait(1)
    updates = post.calls("chat.update")
    assert updates <= 2
    post.wait(5)
    post.go()
    assert post.calls("chat.update") == updates + 1
    assert "<@U3>" in json.dumps(post.wire.posted())
    mail.project(post.wire.desk, "feature", SLUG, "card", channel="C1")
    post.wait(6)
    post.go()
    assert post.calls("chat.update") == updates + 1, "what has not changed is not sent"


def test_updates_of_a_workspace_are_forty_a_minute(post: Post) -> None:
    shown = ["before"]

    def show(row: Outbox) -> Rendered:
        return Rendered(Message([], f"{row.entity_id} {shown[0]}"), shown[0], 1)

    def project() -> None:
        for number in range(42):
            mail.project(post.wire.desk, "feature", str(number), "card", channel=("C1", "C2")[number % 2])

    post.sender = post.another(show)
    project()
    while waiting(post.wire.desk):
        post.go()
        post.wait(3.1)
    post.wait(6)
    shown[0] = "after"
    project()
    post.go()
    assert post.calls("chat.update") == 40
    post.wait(60.1)
    post.go()
    assert post.calls("chat.update") == 42


@pytest.mark.parametrize("code", ["invalid_blocks", "msg_blocks_too_long", "msg_too_long"])
def test_blocks_that_slack_refuses_are_sent_as_words(post: Post, code: str) -> None:
    a_feature(post.wire.desk)
    post.fault("error", error=code, times=2)
    post.go()
    (only,) = post.wire.posted()
    assert SLUG in only["text"]
    assert not only.get("blocks")


def test_blocks_that_slack_does_not_know_yet_are_left_out_first(post: Post) -> None:
    chart = {"type": "data_visualization", "title": "Cost", "chart": {"type": "bar"}}
    words = {"type": "section", "text": {"type": "mrkdwn", "text": "what it says"}}
    shown = Rendered(Message([words, chart], "twin"), "sha", 1)
    post.sender = post.another(lambda _row: shown)
    mail.project(post.wire.desk, "feature", SLUG, "card", channel="C1")
    post.fault("error", error="invalid_blocks")
    post.go()
    (only,) = post.wire.posted()
    assert [block["type"] for block in only["blocks"]] == ["section"]


def test_a_row_that_cannot_be_rendered_is_put_aside_and_the_others_go_on(post: Post) -> None:
    def broken(_row: Outbox) -> Rendered | None:
        raise WorkFailed("broke (ref 7F3K)")

    a_feature(post.wire.desk)
    post.post("after it")
    post.sender = post.another(broken)
    post.go()
    assert post.states() == ["dead", "sent"]
    assert post.texts() == ["after it"]


def test_a_decided_request_loses_its_buttons_within_five_seconds(post: Post) -> None:
    a_feature(post.wire.desk)
    grants.name(post.wire.desk, SHELL, SLUG, {Role.APPROVER: (ANN.id,)})
    a_verdict(post.wire.desk)
    asked(post.wire.desk)
    post.go()
    assert "approval.approve" in json.dumps(post.wire.posted())
    rollouts.lower(post.wire.desk, ANN, SLUG, "rollback")
    post.wait(5)
    post.go()
    assert "approval.approve" not in json.dumps(post.wire.posted())
