"""Rows of the fault table of docs/slack.md that no other test here holds: what Slack says, and what people are told."""

from __future__ import annotations

import json

import pytest

from bot.standin import files, messages
from tests.builders import SLUG, a_feature, csv_of
from tests.slack.bot.post import Post
from tests.slack.bot.wire import Wire

MEGABYTE = 1024 * 1024


def uploaded(wire: Wire, file_id: str, **changes: object) -> str:
    """Send a form with a file, of which Slack says what ``changes`` say; what the person is told."""
    kept = files.shown(wire.room.standin.room, file_id)
    said = {"file": {"type": "file_input", "files": [kept | changes]}}
    before = len(wire.seen())
    assert wire.send(wire.submission("upload_labels", said, carried=SLUG))[0] == 200
    wire.settle()
    return " ".join(wire.seen()[before:])


def test_a_form_that_is_open_already_is_not_told_of(wire: Wire) -> None:
    wire.room.post("/_faults", {"method": "views.open", "kind": "error", "error": "exchanged_trigger_id"})
    wire.send(wire.command("register"))
    wire.idle()
    wire.settle()
    assert wire.seen() == []


def test_a_trigger_slack_does_not_know_is_told_with_a_button(wire: Wire) -> None:
    wire.room.post("/_faults", {"method": "views.open", "kind": "error", "error": "invalid_trigger_id"})
    assert "took too long" in wire.answer(wire.command("register"))
    assert "Run register" in json.dumps(wire.blocks()[-1])


@pytest.mark.parametrize("code", ["not_in_channel", "channel_not_found", "is_archived", "restricted_action"])
def test_a_channel_that_takes_nothing_is_told_to_the_owner_once_and_kept_for(post: Post, code: str) -> None:
    a_feature(post.wire.desk)
    dm = post.wire.dm("U1")
    post.fault("error", error=code)
    post.go()
    (told,) = post.texts(dm)
    assert code in told
    for _ in range(2):
        post.wait(80)
        post.go()
    assert len(post.texts()) == 1
    assert len(post.texts(dm)) == 1


def test_a_missing_scope_waits_for_the_reinstall(post: Post) -> None:
    post.post("one")
    post.fault("error", error="missing_scope", times=3)
    post.go()
    assert post.states() == ["new"]
    for _ in range(4):
        post.wait(80)
        post.go()
    assert post.texts() == ["one"]


def test_a_file_over_the_cap_is_refused_before_a_byte_is_fetched(wire: Wire) -> None:
    a_feature(wire.desk)
    file_id, _ = wire.share(csv_of(range(30)))
    told = uploaded(wire, file_id, size=11 * MEGABYTE)
    assert "at most 10 MB" in told
    assert "assay import-labels" in told


@pytest.mark.parametrize("mode", ["tombstone", "hidden_by_limit", "external"])
def test_a_file_slack_no_longer_has_is_told(wire: Wire, mode: str) -> None:
    a_feature(wire.desk)
    file_id, _ = wire.share(csv_of(range(30)))
    assert "Send the file again" in uploaded(wire, file_id, mode=mode)


def test_a_login_page_is_not_taken_for_labels(wire: Wire) -> None:
    a_feature(wire.desk)
    file_id, _ = wire.share(b"<!DOCTYPE html><html>Sign in</html>")
    told = uploaded(wire, file_id)
    assert "login page" in told
    assert "files:read" in told


def test_an_address_of_another_host_is_not_fetched(wire: Wire) -> None:
    a_feature(wire.desk)
    file_id, _ = wire.share(csv_of(range(30)))
    told = uploaded(wire, file_id, url_private_download="http://169.254.169.254/latest", url_private="")
    assert "not Slack's" in told


def test_a_spent_address_for_a_file_is_asked_for_anew_once(wire: Wire) -> None:
    a_feature(wire.desk)
    wire.room.post("/_faults", {"method": "upload", "kind": "500"})
    wire.send(wire.command(f"export {SLUG}"))
    wire.settle()
    dm = wire.dm("U1")
    threads = [messages.replies(wire.room.standin.room, dm, str(one["ts"])) for one in wire.posted(dm)]
    assert sum(bool(reply.get("files")) for thread in threads for reply in thread) == 1
    assert len(wire.calls("files.getUploadURLExternal")) == 2
