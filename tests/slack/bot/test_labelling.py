"""Making labels in Slack: a teacher is quoted first and asked at Confirm, by who may spend money."""

from __future__ import annotations

import json
from typing import Any

from sqlmodel import col, select

from engine.desk import labellings
from engine.models.labelling import Said, Turn
from engine.store import examples
from engine.store import features as feature_rows
from engine.store import labellings as labelling_rows
from tests.builders import ASKER, SLUG, a_feature, some_calls
from tests.slack.bot.wire import Wire
from tests.waiting import eventually


def captured(wire: Wire, texts: int, **said: Any) -> None:
    at = "http://127.0.0.1:9/v1"
    a_feature(wire.desk, model="simulated-frontier-1", base_url=at, rights="it is allowed", **said)
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


def test_a_text_lies_before_one_person_alone_and_a_press_brings_the_next(wire: Wire) -> None:
    captured(wire, 30)
    assert "is open" in wire.answer(wire.command(f"labels {SLUG} queue=10"))
    assert "direct messages" in wire.answer(wire.press("1.0", "queue.take", SLUG, "U2"), "U2")
    wire.settle()
    dm = wire.dm("U2")
    assert "Which label of ticket-router is right?" in wire.seen("U2", dm)[-1]
    with wire.desk.services.database.read() as tx:
        (turn,) = tx.exec(select(Turn))
    assert turn.person == "U2"
    for _ in range(4):
        wire.send(wire.press("2.0", "queue.answer.2", f"{turn.id}.1", "U2", dm))
    wire.settle()
    with wire.desk.services.database.read() as tx:
        first, following = tx.exec(select(Turn).order_by(col(Turn.id)))
    assert (first.said, first.answer, following.said) == (Said.LABEL, "bug", None)
    assert "lies before somebody else" in wire.answer(wire.press("3.0", "queue.answer", f"{following.id}.0"))
    assert "needs the role owner" in wire.answer(wire.press("1.0", "queue.close", SLUG, "U2"), "U2")


def test_an_answer_is_written_in_a_form_that_names_the_field_that_is_wrong(wire: Wire) -> None:
    schema = {"type": "object", "properties": {"total": {"type": "number"}, "paid": {"type": "boolean"}}}
    captured(wire, 3, approach="extract", labels=(), output_schema=schema)
    wire.answer(wire.command(f"labels {SLUG} queue=2 double=0%"))
    wire.answer(wire.press("1.0", "queue.take", SLUG, "U2"), "U2")
    wire.settle()
    dm = wire.dm("U2")
    assert "What is the right answer of ticket-router?" in wire.seen("U2", dm)[-1]
    with wire.desk.services.database.read() as tx:
        (turn,) = tx.exec(select(Turn))
    wire.send(wire.press("2.0", "queue.write", str(turn.id), "U2", dm))
    shown = eventually(lambda: wire.modal("U2"))
    assert shown["callback_id"] == "write_label"
    assert [block["block_id"] for block in shown["blocks"] if block["type"] == "input"] == ["field0", "field1"]
    carried = shown["private_metadata"].partition(" ")[2]
    for total, wrong in (("12 EUR", True), ("12.50", False)):
        values = {
            "field0": {"type": "plain_text_input", "value": total},
            "field1": {"type": "static_select", "selected_option": {"value": "true"}},
        }
        status, told = wire.send(wire.submission("write_label", values, person="U2", carried=carried))
        assert status == 200
        assert ("field0" in told) == wrong
        assert ("is not a number" in told) == wrong
    wire.settle()
    with wire.desk.services.database.read() as tx:
        first, following = tx.exec(select(Turn).order_by(col(Turn.id)))
    assert (json.loads(first.answer), following.said) == ({"total": 12.5, "paid": True}, None)
