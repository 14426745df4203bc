"""What people are told: always something, always to them alone, never alive where they typed it."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlmodel import col, update

from engine.desk import approvals, features, labels, roles
from engine.models.actor import Role
from engine.models.labels import Draft
from engine.models.rollout import ApprovalState
from engine.store import roles as role_rows
from tests.builders import ANN, ASKER, BO, SHELL, SLUG, a_feature, a_verdict, asked, csv_of, some_labels, waiting
from tests.slack.bot.parsed import parsed_by_slack
from tests.slack.bot.wire import Wire
from tests.waiting import eventually


def test_a_mistyped_verb_is_told_the_nearest_with_a_button_that_runs_it(wire: Wire) -> None:
    a_feature(wire.desk)
    status, body = wire.send(wire.command(f"shwo {SLUG}"))
    assert status == 200
    said = json.loads(body)
    assert "I don't know" in said["text"]
    assert "shwo" in said["text"]
    (pressed,) = [one for block in said["blocks"] if block["type"] == "actions" for one in block["elements"]]
    assert pressed["text"]["text"] == "Run show"
    told = wire.answer(wire.press("1.0", pressed["action_id"], pressed["value"]))
    assert SLUG in told
    assert "gpt-4o-mini" in told


@pytest.mark.parametrize(
    "words", ["", "help", "help rollout", "features", "approvals", "status", "digest", "doctor", "roles"]
)
def test_every_look_is_answered_to_who_asked_alone(wire: Wire, words: str) -> None:
    assert wire.answer(wire.command(words)).strip()
    assert wire.seen("U2") == []


@pytest.mark.parametrize("words", ["investigate", "rollout", "retire", "export", "snooze"])
def test_a_feature_there_is_not_is_told_as_such_and_not_as_a_role_that_is_lacking(wire: Wire, words: str) -> None:
    a_feature(wire.desk)
    more = {"rollout": " next", "snooze": ' days=3 reason="the contract ends soon"'}.get(words, "")
    told = wire.answer(wire.command(f"{words} ticket-ruoter{more}"))
    assert "There is no feature 'ticket-ruoter'" in told
    assert SLUG in told


def test_without_an_address_to_answer_at_the_answer_is_a_private_message(wire: Wire) -> None:
    assert "verdict" in wire.answer(wire.command("help compare", answered=False)).lower()
    dm = wire.dm("U1")
    outside = wire.command("help compare", channel="C3", answered=False)
    assert wire.send(outside)[0] == 200
    wire.settle()
    assert wire.seen("U1", "C3") == [], "the bot is not in that channel"
    assert "verdict" in wire.seen("U1", dm)[-1].lower()


def test_an_address_that_is_none_of_slacks_is_not_called(wire: Wire) -> None:
    body, kind = wire.command("help compare")
    forged = re.sub(rb"response_url=[^&]*", b"response_url=http%3A%2F%2F127.0.0.1%3A9%2Fsteal", body)
    assert forged != body
    assert "verdict" in wire.answer((forged, kind)).lower()


def test_a_form_that_came_too_late_is_told_with_how_to_go_on(wire: Wire) -> None:
    delivery = wire.command("register")
    wire.room.clock.push(4)
    told = wire.answer(delivery)
    assert "took too long" in told
    assert wire.modal() is None
    again = json.dumps(wire.blocks()[-1])
    assert "Run register" in again
    assert wire.send(wire.press("1.0", "verb.run", "register"))[0] == 200
    assert eventually(wire.modal)["callback_id"] == "register_feature"


def test_a_form_tells_every_wrong_field_beside_it_and_can_be_mended(wire: Wire) -> None:
    said = {"slug": "No Slug", "model": "", "prompt": "x", "labels": "one", "margin": "a lot", "live_since": "02/11"}
    status, body = wire.send(wire.submission("register_feature", {name: {"value": one} for name, one in said.items()}))
    assert status == 200
    answer = json.loads(body)
    assert answer["response_action"] == "errors"
    assert set(answer["errors"]) == {"slug", "model", "labels", "margin", "live_since"}
    assert features.every(wire.desk) == []
    good = {"slug": SLUG, "model": "m", "prompt": "x", "labels": "a,b"}
    assert (
        wire.send(wire.submission("register_feature", {name: {"value": one} for name, one in good.items()}))[0] == 200
    )
    assert [one.slug for one in features.every(wire.desk)] == [SLUG]
    status, body = wire.send(wire.submission("register_feature", {name: {"value": one} for name, one in good.items()}))
    assert "registered already" in json.loads(body)["errors"]["slug"]
    assert "<@" not in json.loads(body)["errors"]["slug"]


def test_the_form_registers_a_feature_of_voice(wire: Wire) -> None:
    wire.send(wire.command("register"))
    (choice,) = [one["element"] for one in eventually(wire.modal)["blocks"] if one.get("block_id") == "approach"]
    (voice,) = [one for one in choice["options"] if one["value"] == "voice"]
    said = {"slug": {"value": "letters"}, "model": {"value": "m"}, "prompt": {"value": "x"}}
    wire.send(wire.submission("register_feature", {**said, "approach": {"selected_option": voice}}))
    assert [(one.slug, one.approach) for one in features.every(wire.desk)] == [("letters", "voice")]


def test_an_empty_upload_is_told_beside_its_field(wire: Wire) -> None:
    a_feature(wire.desk)
    status, body = wire.send(wire.submission("upload_labels", {"file": {"files": []}}, carried=SLUG))
    assert status == 200
    assert json.loads(body)["response_action"] == "errors"
    assert set(json.loads(body)["errors"]) == {"file"}


def test_a_button_of_another_version_is_told_and_its_message_shown_as_it_stands(wire: Wire) -> None:
    a_feature(wire.desk)
    wire.settle()
    ts = wire.posted()[-1]["ts"]
    wire.clock.move(seconds=10)
    told = wire.answer(wire.press(ts, "feature.teleport", "x"))
    assert "older version" in told
    assert "/assay approvals" in told
    assert [row.entity for row in waiting(wire.desk)] == ["feature"]
    wire.settle()
    assert len(wire.calls("chat.update")) == 1


def test_a_guest_reads_and_changes_nothing_by_words_form_or_button(wire: Wire) -> None:
    a_feature(wire.desk)
    draft = labels.preview(wire.desk, ASKER, SLUG, "labels.csv", content=csv_of(range(30)))
    roles.name(wire.desk, SHELL, SLUG, {Role.APPROVER: ("U5", ANN.id), Role.OWNER: ("U5",), Role.ADMIN: ("U5",)})
    a_verdict(wire.desk)
    token = asked(wire.desk)
    wire.settle()
    before = features.every(wire.desk)
    assert SLUG in wire.answer(wire.command("features", "U5"), "U5")
    good = {"slug": "by-guest", "model": "m", "prompt": "x", "labels": "a,b"}
    form = wire.submission("register_feature", {name: {"value": one} for name, one in good.items()}, person="U5")
    status, body = wire.send(form)
    assert status == 200
    assert "Guests" in json.dumps(json.loads(body)["errors"])
    for delivery in (
        wire.command("register by-guest model=m prompt=x labels=a,b", "U5"),
        wire.command(f"roles {SLUG} owner=<@U1>", "U5"),
        wire.command(f"rollout {SLUG} next", "U5"),
        wire.command(f"approve {token}", "U5"),
        wire.press("1.0", "approval.approve", f"{token}.1", "U5"),
        wire.press("1.0", "labels.confirm", draft.token, "U5"),
        wire.press("1.0", "rollout.next", SLUG, "U5"),
        wire.press("1.0", "verb.run", f"rollout {SLUG} rollback", "U5"),
    ):
        assert re.search("[Gg]uests", wire.answer(delivery, "U5")), delivery
    assert features.every(wire.desk) == before
    assert approvals.show(wire.desk, token).voters == ()
    assert labels.draft(wire.desk, draft.token).state == "open"


def test_a_press_on_a_request_is_told_what_it_did_and_why_not(wire: Wire) -> None:
    a_feature(wire.desk)
    roles.name(wire.desk, SHELL, SLUG, {Role.APPROVER: (ASKER.id, ANN.id, BO.id)})
    a_verdict(wire.desk)
    wire.answer(wire.command(f"rollout {SLUG} next"))
    token = approvals.pending(wire.desk)[0].token
    wire.settle()
    ts = wire.posted()[-1]["ts"]
    assert "approval.approve" in json.dumps(wire.posted()[-1])

    def press(person: str, value: str = f"{token}.1") -> str:
        return wire.answer(wire.press(ts, "approval.approve", value, person), person)

    assert "You asked for this" in press(ASKER.id)
    assert "needs the role approver" in press("U4")
    assert "carries nothing Assay knows" in press(ANN.id, "forged")
    assert "There is no approval" in press(ANN.id, "forged.1")
    assert "earlier state" in press(ANN.id, f"{token}.7")
    assert approvals.show(wire.desk, token).voters == ()
    assert "approved" in press(ANN.id).lower()
    assert approvals.show(wire.desk, token).state is ApprovalState.APPROVED
    assert f"Already approved by @{ANN.id} at 12:00 UTC" in press(BO.id)
    assert f'"user_id": "{ANN.id}"' in json.dumps(wire.blocks(BO.id)[-1]), "whom it names is shown by name"
    wire.settle()
    assert "approval.approve" not in json.dumps(wire.posted()), "its buttons are gone"


def test_two_people_are_told_who_is_still_missing(wire: Wire) -> None:
    a_feature(wire.desk)
    roles.name(wire.desk, SHELL, SLUG, {Role.APPROVER: (ANN.id, BO.id)})
    a_verdict(wire.desk)
    token = asked(wire.desk)
    with wire.desk.services.database.write() as tx:
        tx.connection().execute(text("UPDATE approval SET needed = 2"))
    assert "1 more person" in wire.answer(wire.command(f"approve {token}", ANN.id), ANN.id).lower()
    assert "You approved this at" in wire.answer(wire.command(f"approve {token}", ANN.id), ANN.id)
    assert "approved" in wire.answer(wire.command(f"approve {token}", BO.id), BO.id).lower()


def test_a_no_asks_for_its_reason_beside_the_field(wire: Wire) -> None:
    a_feature(wire.desk)
    roles.name(wire.desk, SHELL, SLUG, {Role.APPROVER: (ANN.id,)})
    a_verdict(wire.desk)
    token = asked(wire.desk)
    wire.settle()
    wire.send(wire.press(wire.posted()[-1]["ts"], "approval.reject", f"{token}.1", ANN.id))
    form = eventually(lambda: wire.modal(ANN.id))
    assert form["callback_id"] == "reject_approval"
    carried = form["private_metadata"].partition(" ")[2]
    short = wire.submission("reject_approval", {"reason": {"value": "no"}}, person=ANN.id, carried=carried)
    assert "10 to 500" in json.loads(wire.send(short)[1])["errors"]["reason"]
    said = "quality on <!channel> is not proven"
    wire.send(wire.submission("reject_approval", {"reason": {"value": said}}, person=ANN.id, carried=carried))
    assert approvals.show(wire.desk, token).state is ApprovalState.REJECTED
    wire.settle()
    for told in parsed_by_slack(wire.posted()):
        assert "<!channel>" not in told


def test_a_day_old_upload_loses_its_buttons_when_somebody_presses_them(wire: Wire) -> None:
    a_feature(wire.desk)
    draft = labels.preview(wire.desk, ASKER, SLUG, "labels.csv", content=csv_of(range(30)))
    wire.settle()
    ts = wire.posted()[-1]["ts"]
    old = datetime.now(UTC) - timedelta(days=9_000)
    with wire.desk.services.database.write() as tx:
        tx.exec(update(Draft).where(col(Draft.token) == draft.token).values(created_at=old))
    assert "older than a day" in wire.answer(wire.press(ts, "labels.confirm", draft.token))
    wire.settle()
    assert "labels.confirm" not in json.dumps(wire.posted())


def test_a_busy_database_is_told_and_nothing_changes_and_an_event_comes_again(wire: Wire) -> None:
    a_feature(wire.desk)
    dm = wire.dm("U1")
    event = wire.event({"type": "message", "channel_type": "im", "user": "U1", "channel": dm, "text": f"show {SLUG}"})
    with wire.desk.services.database.write() as tx:
        role_rows.grant(tx, "U9", Role.ADMIN, feature_id=None, by="U1", at=wire.clock.now())
        tx.flush()
        statuses = wire.at_once([wire.command("register other model=m prompt=x labels=a,b"), event])
        assert {status for status, _ in statuses} == {200, 503}
        eventually(lambda: "database is busy" in "".join(wire.seen()))
        assert max(seconds for *_, seconds in wire.acked) < 3.0
        tx.rollback()
    assert [one.slug for one in features.every(wire.desk)] == [SLUG]
    assert wire.send(event)[0] == 200
    eventually(lambda: SLUG in "".join(wire.seen("U1", dm)))


def test_slack_out_of_order_is_waited_for_and_nothing_accepted_is_lost(wire: Wire) -> None:
    wire.room.post("/_faults", {"method": "users.info", "kind": "500", "times": 2})
    assert wire.send(wire.command(f"register {SLUG} model=m prompt=x labels=a,b"))[0] == 200
    wire.settle()
    assert [one.slug for one in features.every(wire.desk)] == [SLUG]
    assert [said for said in wire.seen() if "registered" in said]


def test_what_nobody_foresaw_is_told_with_a_reference(wire: Wire) -> None:
    a_feature(wire.desk)
    some_labels(wire.desk, 30)
    with wire.desk.services.database.write() as tx:
        tx.connection().execute(text("ALTER TABLE baseline RENAME TO gone"))
    told = wire.answer(wire.command(f"show {SLUG}"))
    assert re.search(r"broke on our side \(ref [0-9A-F]{4}\)", told), told


@pytest.mark.parametrize("words", [f"roles {SLUG} approver=<@U2>,@nobody", f"roles {SLUG} owner=<@U5>", "owner=<@U5>"])
def test_nobody_gets_a_role_who_could_never_act(wire: Wire, words: str) -> None:
    a_feature(wire.desk)
    roles.name(wire.desk, SHELL, "", {Role.ADMIN: (ASKER.id,)})
    before = roles.show(wire.desk, SLUG)
    said = (
        words if words.startswith("roles") else f'register another model=m prompt="{{{{ input }}}}" labels=a,b {words}'
    )
    told = wire.answer(wire.command(said))
    assert "can have no role" in told
    assert "/assay roles" in told
    assert roles.show(wire.desk, SLUG) == before
    assert features.names(wire.desk) == (SLUG,)
