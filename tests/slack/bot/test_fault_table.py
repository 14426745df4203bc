"""Rows of the fault table of docs/slack.md that no other test here holds: what Slack says, and what people are told."""

from __future__ import annotations

import dataclasses
import json
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from bot.standin import files, messages
from engine.desk import approvals, features, mail, operate, roles
from engine.models.actor import Role
from engine.models.mail import MailState
from engine.models.rollout import ApprovalState
from tests.builders import ANN, BO, SHELL, SLUG, a_feature, a_verdict, asked, csv_of
from tests.house_rules import ROOT, modules, tracked
from tests.slack.bot.carried import Carrier, by_socket
from tests.slack.bot.garbage import NEARLY
from tests.slack.bot.post import Post
from tests.slack.bot.wire import Delivery, Wire, interactive
from tests.waiting import eventually

MEGABYTE = 1024 * 1024


def get(wire: Wire, path: str) -> tuple[int, str]:
    """GET a page of the bot's own server."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{wire.port}{path}", timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def uploaded(wire: Wire, file_id: str, **changes: object) -> str:
    """Send a form with a file, of which Slack says what ``changes`` say; what the person is told."""
    kept = files.shown(wire.room.standin.room, file_id)
    said = {"file": {"type": "file_input", "files": [kept | changes]}}
    before = len(wire.seen())
    assert wire.send(wire.submission("upload_labels", said, carried=SLUG))[0] == 200
    wire.settle()
    return " ".join(wire.seen()[before:])


def opening(wire: Wire, *codes: str, **first: object) -> None:
    """What the next tries to open a form meet: ``first`` before the codes."""
    for fault in ([first] if first else []) + [{"kind": "error", "error": code} for code in codes]:
        wire.room.post("/_faults", {"method": "views.open", **fault})


def met(wire: Wire) -> None:
    """Every fault that was planned has happened."""
    eventually(lambda: not wire.room.standin.faults.planned)


def told(wire: Wire, carried: Carrier, delivery: Delivery) -> str:
    """Deliver; the one line the person is told."""
    before = len(wire.seen())
    assert carried.send(delivery)[0] == 200
    return str(eventually(lambda: wire.seen()[before:])[-1])


def test_a_form_that_is_open_already_is_not_told_of(wire: Wire, carried: Carrier) -> None:
    opening(wire, "exchanged_trigger_id")
    carried.send(wire.command("register"))
    met(wire)
    wire.settle()
    assert wire.seen() == []


@pytest.mark.parametrize("code", ["expired_trigger_id", "invalid_trigger_id"])
def test_a_trigger_slack_does_not_take_is_told_with_a_button(wire: Wire, carried: Carrier, code: str) -> None:
    opening(wire, code)
    assert "took too long" in told(wire, carried, wire.command("register"))
    assert "Run register" in json.dumps(wire.blocks()[-1])


def test_a_form_too_large_for_slack_opens_with_its_lists_to_be_typed(wire: Wire, carried: Carrier) -> None:
    a_feature(wire.desk)
    file_id, ts = wire.share(csv_of(range(30)))
    opening(wire, "view_too_large")
    carried.send(wire.shortcut("use_as_labels", ts))
    form = eventually(wire.modal)
    (typed,) = [block["element"] for block in form["blocks"] if block["block_id"] == "feature"]
    assert (typed["type"], typed["initial_value"]) == ("plain_text_input", SLUG)
    wrong = wire.submission("use_file", {"feature": {"value": "ticket-ruoter"}}, carried=file_id)
    assert SLUG in json.loads(wire.send(wrong)[1])["errors"]["feature"], "the nearest is named beside the field"
    assert wire.send(wire.submission("use_file", {"feature": {"value": SLUG}}, carried=file_id)) == (200, "")
    wire.settle()
    assert "labels.confirm" in json.dumps(wire.posted()[-1])


def test_a_form_whose_opening_got_no_answer_is_tried_once_more_and_is_one(wire: Wire, carried: Carrier) -> None:
    opening(wire, "duplicate_external_id", kind="reset", after=True)
    carried.send(wire.command("register"))
    eventually(lambda: wire.calls("views.update"))
    wire.settle()
    assert eventually(wire.modal)["callback_id"] == "register_feature"
    assert wire.seen() == []


@pytest.mark.parametrize("code", ["not_found", "view_not_found"])
def test_a_form_that_was_closed_meanwhile_is_told_by_direct_message(wire: Wire, carried: Carrier, code: str) -> None:
    opening(wire, "duplicate_external_id")
    wire.room.post("/_faults", {"method": "views.update", "kind": "error", "error": code})
    carried.send(wire.command("register", channel="C3", answered=False))
    met(wire)
    eventually(lambda: wire.rows(MailState.READY))
    wire.settle()
    assert "closed before it was ready" in wire.seen("U1", wire.dm("U1"))[-1]
    assert "Run register" in json.dumps(wire.blocks("U1", wire.dm("U1"))[-1])


def test_garbage_over_the_socket_ends_nothing(wire: Wire) -> None:
    with by_socket(wire) as line, ThreadPoolExecutor(len(NEARLY)) as pool:
        answers = list(pool.map(line.send, [interactive(payload) for payload in NEARLY]))
        assert {status for status, _ in answers} <= {200, 504}, "acknowledged, or left to Slack to send again"
        assert line.send(wire.command("help"))[0] == 200, "and the bot lives on"


def test_nothing_is_sent_that_slack_may_refuse_for_its_kind() -> None:
    checks = ("bot/standin/", "bot/blockkit/elements.py")
    ours = "".join(module.text for module in modules("bot") if not module.path.startswith(checks))
    ours += "".join((ROOT / path).read_text() for path in tracked(".j2") if path.startswith("templates/slack/"))
    for kind in ("views.push", "views_push", "slack_file", "link_names", '"parse":', "chat.startStream"):
        assert kind not in ours, "no form over a form, no file inside a block, no text that Slack reads as live"


def test_a_dead_token_is_told_where_probes_look(wire: Wire) -> None:
    wire.room.post("/_faults", {"method": "chat.postMessage", "kind": "error", "error": "token_expired"})
    mail.post(wire.desk, "C1", "chat.postMessage", {"text": "one"})
    assert get(wire, "/readyz")[0] == 200
    wire.bot.sender.step()
    status, said = get(wire, "/readyz")
    assert status == 503
    assert "token_expired" in said


@pytest.mark.parametrize("code", ["user_not_found", "user_not_visible", "cannot_dm_bot", "messages_tab_disabled"])
def test_what_an_owner_cannot_be_told_is_told_to_the_next_and_then_to_an_admin(post: Post, code: str) -> None:
    a_feature(post.wire.desk)
    roles.name(post.wire.desk, SHELL, SLUG, {Role.OWNER: ("U1", "U2")})
    roles.name(post.wire.desk, SHELL, "", {Role.ADMIN: ("U4",)})
    for refused in ("not_in_channel", code, code):
        post.fault("error", error=refused)
    for _ in range(3):
        post.go()
    assert post.texts(post.wire.dm("U1")) == post.texts(post.wire.dm("U2")) == []
    (told,) = post.texts(post.wire.dm("U4"))
    assert "not_in_channel" in told


def test_a_vote_of_somebody_who_left_the_workspace_does_not_count(wire: Wire) -> None:
    a_feature(wire.desk)
    roles.name(wire.desk, SHELL, SLUG, {Role.APPROVER: (ANN.id, BO.id)})
    a_verdict(wire.desk)
    token = asked(wire.desk)
    with wire.desk.services.database.write() as tx:
        tx.connection().execute(text("UPDATE approval SET needed = 2"))
    approvals.approve(wire.desk, ANN, token)
    gone = dataclasses.replace(wire.person(ANN.id), is_deleted=True)
    wire.room.standin.room.seed([gone], [])
    wire.answer(wire.press("1.0", "approval.approve", f"{token}.1", BO.id), BO.id)
    seen = approvals.show(wire.desk, token)
    assert (seen.state, seen.voters) == (ApprovalState.PENDING, (BO.id,))


def test_somebody_of_another_workspace_only_reads(wire: Wire) -> None:
    operate.meet_slack(wire.desk.services, team="T0DEMO", team_name="Demo", bot_user="U0ASSAY")
    wire.room.standin.room.seed([dataclasses.replace(wire.person("U2"), team_id="T0OTHER")], [])
    a_feature(wire.desk)
    assert SLUG in wire.answer(wire.command("features", "U2"), "U2")
    assert "other workspaces only read" in wire.answer(
        wire.command("register x-y model=m prompt=x labels=a,b", "U2"), "U2"
    )
    assert [one.slug for one in features.every(wire.desk)] == [SLUG]


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
