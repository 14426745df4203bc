"""Making labels in Slack: a teacher is quoted first and asked at Confirm, by who may spend money."""

from __future__ import annotations

import json

from engine.desk import labellings
from engine.store import examples
from engine.store import features as feature_rows
from engine.store import labellings as labelling_rows
from tests.builders import ASKER, SLUG, a_feature, some_calls
from tests.slack.bot.wire import Wire
from tests.slack.standin.rooms import eventually


def captured(wire: Wire, texts: int) -> None:
    a_feature(wire.desk, model="simulated-frontier-1", base_url="http://127.0.0.1:9/v1", rights="it is allowed")
    with wire.desk.services.database.write() as tx:
        feature = feature_rows.by_slug(tx, SLUG)
        examples.keep(tx, feature.id or 0, SLUG, some_calls(texts, wire.desk.services.clock.now()))


def test_a_teacher_is_quoted_in_a_form_and_asked_at_confirm_once(wire: Wire) -> None:
    captured(wire, 30)
    wire.send(wire.command(f"labels {SLUG} sample=20 budget=5"))
    shown = eventually(wire.modal)
    assert shown["callback_id"] == "confirm_labelling"
    said = json.dumps(shown)
    assert "20 captured texts" in said
    assert "Never more than $5" in said
    assert "right every time" in said, "the teacher is the feature's own model"
    carried = shown["private_metadata"].partition(" ")[2]
    sent = wire.submission("confirm_labelling", {}, carried=carried)
    for _ in range(4):
        assert wire.send(sent)[0] == 200
    wire.settle()
    with wire.desk.services.database.read() as tx:
        (found,) = labelling_rows.open_runs(tx)
    assert (found.sample, found.budget_nano, found.requested_by) == (20, 5 * 10**9, "U1")
    assert any("no engine was ever alive" in message for message in wire.seen("U1"))


def test_only_an_owner_spends_money_on_a_teacher_and_may_stop_it(wire: Wire) -> None:
    captured(wire, 30)
    assert "needs the role owner" in wire.answer(wire.command(f"labels {SLUG} sample=20", "U2"), "U2")
    seen = labellings.start(wire.desk, ASKER, SLUG, sample=5)
    assert "needs the role owner" in wire.answer(wire.press("1.0", "labelling.cancel", seen.run_id, "U2"), "U2")
    assert "ends within seconds" in wire.answer(wire.press("1.0", "labelling.cancel", seen.run_id))
    assert "ended already" in wire.answer(wire.command(f"cancel {seen.run_id}"))
