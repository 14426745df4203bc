"""Home shows each person their own state, when they open it and when it changes, and is sent no oftener."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from sqlalchemy import event

from bot.homes import look
from bot.standin import views
from engine.desk import Desk, approvals, bills, policies, roles
from engine.models.actor import Role
from tests.builders import ANN, ASKER, SHELL, SLUG, a_feature, a_verdict, asked, waiting
from tests.slack.bot.wire import Wire
from tests.waiting import eventually


def open_home(wire: Wire, person: str = "U1") -> str:
    """Open Home as a person does; what it shows."""
    kept = views.home(wire.room.standin.room, person)
    inner = {"type": "app_home_opened", "user": person, "channel": wire.dm(person), "tab": "home"}
    seen = {"view": views.view_json(wire.room.standin.room, kept)} if kept else {}
    assert wire.send(wire.event({**inner, **seen}))[0] == 200
    eventually(lambda: home(wire, person))
    return home(wire, person)


def home(wire: Wire, person: str = "U1") -> str:
    kept = views.home(wire.room.standin.room, person)
    return json.dumps(kept.body) if kept else ""


def published(wire: Wire) -> int:
    return len(wire.calls("views.publish"))


def test_a_team_without_a_feature_is_told_how_to_begin(wire: Wire) -> None:
    assert "Register a feature" in open_home(wire)


def test_an_owner_sees_their_features_and_an_approver_what_waits(wire: Wire) -> None:
    a_feature(wire.desk)
    a_feature(wire.desk, slug="tone-check", by=ANN)
    roles.name(wire.desk, SHELL, SLUG, {Role.APPROVER: (ANN.id,)})
    a_verdict(wire.desk)
    token = asked(wire.desk)
    shown = open_home(wire)
    assert "Your features" in shown
    assert SLUG in shown
    assert "tone-check" not in shown
    assert "approval.approve" not in shown, "who asked does not vote"
    assert f"{token}.1" in open_home(wire, ANN.id)
    assert "Features of the team" in open_home(wire, "U4")


def test_a_home_is_shown_anew_when_something_changed_and_only_then(wire: Wire) -> None:
    a_feature(wire.desk)
    roles.name(wire.desk, SHELL, SLUG, {Role.APPROVER: (ANN.id,)})
    a_verdict(wire.desk)
    wire.settle()
    open_home(wire, ANN.id)
    asked(wire.desk)
    wire.settle()
    assert "approval.approve" in home(wire, ANN.id)
    before = published(wire)
    open_home(wire, ANN.id)
    wire.settle()
    assert published(wire) == before, "what has not changed is not sent"
    token = approvals.pending(wire.desk)[0].token
    wire.send(wire.press_home("approval.approve", f"{token}.1", ANN.id))
    wire.settle()
    assert "approved" in wire.seen(ANN.id, wire.dm(ANN.id))[-1], "a press on Home is answered by a direct message"
    assert "approval.approve" not in home(wire, ANN.id)


def test_a_home_nobody_opened_for_a_week_waits_until_it_is_opened(wire: Wire) -> None:
    a_feature(wire.desk)
    wire.settle()
    open_home(wire)
    wire.clock.move(seconds=8 * 24 * 3600)
    before = published(wire)
    a_feature(wire.desk, slug="tone-check")
    wire.settle()
    assert published(wire) == before
    assert "tone-check" not in home(wire)
    open_home(wire)
    eventually(lambda: "tone-check" in home(wire))


def test_the_same_opening_four_times_at_once_is_shown_once(wire: Wire) -> None:
    a_feature(wire.desk)
    event = wire.event({"type": "app_home_opened", "user": "U1", "channel": wire.dm("U1"), "tab": "home"})
    assert [status for status, _ in wire.at_once([event] * 4)] == [200] * 4
    eventually(lambda: home(wire))
    wire.settle()
    assert published(wire) == 1


def test_a_home_that_changed_meanwhile_is_rendered_again_and_one_with_refused_blocks_goes_plainer(wire: Wire) -> None:
    a_feature(wire.desk)
    open_home(wire)
    for code in ("hash_conflict", "invalid_arguments"):
        wire.room.post("/_faults", {"method": "views.publish", "kind": "error", "error": code})
        a_feature(wire.desk, slug=code.replace("_", "-"))
        wire.settle()
        assert code.replace("_", "-") in home(wire)
    assert waiting(wire.desk) == []


def many(wire: Wire, count: int) -> list[str]:
    """So many features, in order."""
    slugs = [f"feature-{number}" for number in range(1, count + 1)]
    for slug in slugs:
        a_feature(wire.desk, slug=slug)
    wire.settle()
    return slugs


def shown(wire: Wire, person: str, slugs: list[str]) -> list[str]:
    """Those features that a Home shows."""
    return [slug for slug in slugs if f"*{slug}:" in home(wire, person)]


def turn(wire: Wire, person: str, start: str) -> None:
    """Press the button of a page."""
    assert wire.send(wire.press_home("home.page", start, person))[0] == 200
    wire.settle()


def test_many_features_are_turned_by_page_and_a_change_stays_on_it(wire: Wire) -> None:
    slugs = many(wire, 23)
    assert "1 to 10 of 23 features" in open_home(wire, "U5")
    assert shown(wire, "U5", slugs) == slugs[:10]
    for start, part in (("10", slugs[10:20]), ("20", slugs[20:]), ("10", slugs[10:20]), ("999", slugs[20:])):
        turn(wire, "U5", start)
        assert shown(wire, "U5", slugs) == part, "a guest may look too"
    a_feature(wire.desk, slug="feature-24")
    wire.settle()
    assert "21 to 24 of 24 features" in home(wire, "U5")
    assert '"value": "10"' in home(wire, "U5")
    assert "Later ones" not in home(wire, "U5")


def test_a_home_too_large_for_slack_shows_fewer_features_a_page(wire: Wire) -> None:
    slugs = many(wire, 12)
    wire.room.post("/_faults", {"method": "views.publish", "kind": "error", "error": "view_too_large"})
    open_home(wire)
    assert shown(wire, "U1", slugs) == slugs[:3]
    turn(wire, "U1", "3")
    assert shown(wire, "U1", slugs) == slugs[3:], "where it fits again, a page is whole again"


def test_home_asks_the_database_as_often_however_many_features_there_are(desk: Desk) -> None:
    def asked_for(slugs: range) -> list[str]:
        for number in slugs:
            a_feature(desk, slug=f"feature-{number}")
        return statements(desk, lambda: look(desk, "U5", bills.month(desk)))

    assert len(asked_for(range(11))) == len(asked_for(range(11, 40)))


def statements(desk: Desk, work: Callable[[], object]) -> list[str]:
    """What the database is asked meanwhile."""
    found: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        found.append(statement)

    event.listen(desk.services.database.engine, "before_cursor_execute", note)
    work()
    event.remove(desk.services.database.engine, "before_cursor_execute", note)
    return found


def test_a_setting_is_changed_by_form_and_a_wrong_value_told_beside_it(wire: Wire) -> None:
    a_feature(wire.desk)
    told = wire.answer(wire.press("1.0", "settings.edit", SLUG))
    assert "admin" in told
    roles.name(wire.desk, SHELL, "", {Role.ADMIN: (ASKER.id,)})
    wire.send(wire.press("1.0", "settings.edit", SLUG))
    form = eventually(wire.modal)
    assert form["callback_id"] == "edit_setting"
    carried = form["private_metadata"].partition(" ")[2]

    def send(value: str) -> str:
        said = {"setting": {"selected_option": {"value": "margin"}}, "value": {"value": value}}
        return wire.send(wire.submission("edit_setting", {**said, "reason": {"value": "refunds"}}, carried=carried))[1]

    assert "margin" in json.loads(send("a lot"))["errors"]["value"]
    assert send("3%") == ""
    assert policies.show(wire.desk, SLUG).margin == 0.03


def test_a_snooze_asks_for_days_and_reason_beside_their_fields(wire: Wire) -> None:
    a_feature(wire.desk)
    wire.send(wire.press("1.0", "watch.snooze", SLUG))
    form = eventually(wire.modal)
    assert form["callback_id"] == "snooze_feature"

    def send(days: str, reason: str) -> dict[str, str]:
        said = {"days": {"value": days}, "reason": {"value": reason}}
        return json.loads(wire.send(wire.submission("snooze_feature", said, carried=SLUG))[1])["errors"]

    assert set(send("many", "the contract ends in November")) == {"days"}
    assert set(send("400", "the contract ends in November")) == {"days"}
    assert set(send("30", "no")) == {"reason"}
    assert "no tuned model" in send("30", "the contract ends in November")["days"]
