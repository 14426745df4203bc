"""People write answers that are no list: read and redacted as a file's are, doubled, settled by what says the same."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlmodel import select

from engine.desk import Desk, labels, queues
from engine.desk.queues import TurnView, Way
from engine.errors import Conflict, Invalid, NotAllowed, NotReady
from engine.models.actor import Actor
from engine.models.labelling import QueuePurpose, QueueState, Said
from engine.models.labels import Label, Source
from engine.store import examples
from engine.store import features as feature_rows
from engine.testing.clock import FixedClock
from tests.builders import ANN, ASKER, BO, CY, SLUG, a_feature, some_calls

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "total": {"type": "number"},
        "day": {"type": "string", "format": "date"},
        "paid": {"type": "boolean"},
        "kind": {"type": "string", "enum": ["home", "office"]},
        "sender": {"type": ["string", "null"]},
    },
    "required": ["total"],
}


def counter(desk: Desk, approach: str, texts: int = 6, **said: Any) -> Desk:
    """The desk with a feature whose answers are written, and captured texts of it."""
    a_feature(desk, approach=approach, labels=(), **said)
    with desk.services.database.write() as tx:
        feature = feature_rows.by_slug(tx, SLUG)
        examples.keep(tx, feature.id or 0, SLUG, some_calls(texts, desk.services.clock.now()))
    return desk


def write(desk: Desk, person: Actor, answer: object) -> TurnView:
    """This person writes the answer to the text that is next for them."""
    turn = queues.take(desk, person, SLUG)
    label = answer if isinstance(answer, str) else json.dumps(answer)
    queues.answer(desk, person, turn.turn_id, Said.LABEL, label=label)
    return turn


def stored(desk: Desk) -> list[Label]:
    with desk.services.database.read() as tx:
        return list(tx.exec(select(Label)))


def test_a_flat_object_is_written_field_by_field_and_a_nested_one_as_json(desk: Desk) -> None:
    counter(desk, "extract", output_schema=SCHEMA)
    queues.start(desk, ASKER, SLUG, size=2, double=0.0)
    turn = queues.take(desk, ANN, SLUG)
    assert (turn.way, turn.classes) == (Way.FIELDS, ())
    assert [(one.name, one.kind, one.needed) for one in turn.fields] == [
        ("total", "a number", True), ("day", "a day", False), ("paid", "", False), ("kind", "", False),
        ("sender", "", False),
    ]  # fmt: skip
    assert [one.choices for one in turn.fields] == [(), (), ("true", "false"), ("home", "office"), ()]
    nested = {"type": "object", "properties": {"lines": {"type": "array", "items": SCHEMA}}}
    a_feature(desk, slug="orders", approach="extract", labels=(), output_schema=nested)
    with desk.services.database.write() as tx:
        feature = feature_rows.by_slug(tx, "orders")
        examples.keep(tx, feature.id or 0, "orders", some_calls(2, desk.services.clock.now()))
    queues.start(desk, ASKER, "orders", size=2)
    assert (queues.take(desk, ANN, "orders").way, queues.take(desk, ANN, "orders").fields) == (Way.JSON, ())


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"total": "12 EUR"}, '^total: "12 EUR" is not a number'),
        ({"day": "2026-01-02"}, "^total is missing"),
        ({"total": 1, "kind": "garden"}, '^kind: "garden" is none of home, office'),
        ("no object", "^The answer is no JSON object"),
        ("", "^The answer is empty"),
    ],
)
def test_what_does_not_fit_the_schema_is_refused_by_its_field_and_may_be_written_again(
    desk: Desk, said: object, why: str
) -> None:
    counter(desk, "extract", output_schema=SCHEMA)
    queues.start(desk, ASKER, SLUG, size=2, double=0.0)
    with pytest.raises(Invalid, match=why):
        write(desk, ANN, said)
    assert queues.show(desk, SLUG).settled == 0
    write(desk, ANN, {"total": "12.50", "day": "2 Jan 2026", "paid": True})
    assert queues.show(desk, SLUG).settled == 1


def test_what_people_wrote_becomes_labels_as_a_file_would_with_its_minutes(desk: Desk, clock: FixedClock) -> None:
    counter(desk, "extract", output_schema=SCHEMA)
    queues.start(desk, ASKER, SLUG, size=2, double=0.0)
    queues.take(desk, ANN, SLUG)
    clock.move(seconds=90)
    write(desk, ANN, {"total": "1,250.50", "day": "2 Jan 2026", "sender": "ann@example.com"})
    write(desk, ANN, {"total": 7})
    rows = sorted(stored(desk), key=lambda row: row.minutes)
    assert [json.loads(row.output) for row in rows] == [
        {"total": 7},
        {"total": 1250.5, "day": "2026-01-02", "sender": "[EMAIL_1]"},
    ]
    assert [(row.source, row.minutes) for row in rows] == [(Source.PERSON, 0.0), (Source.PERSON, 1.5)]


def test_two_who_write_the_same_in_other_words_agree_and_a_third_settles_the_rest(desk: Desk) -> None:
    counter(desk, "reason")
    opened = queues.start(desk, ASKER, SLUG, size=2, double=1.0)
    first = write(desk, ANN, "$1,200.00")
    second = write(desk, ANN, "Paris")
    assert first.text != second.text
    write(desk, BO, "1200")
    write(desk, BO, "London")
    assert queues.show(desk, SLUG).disputed == 1
    assert queues.show(desk, SLUG).agreement == {}, "nobody is told before the queue closes"
    write(desk, CY, "paris")
    seen = queues.by_name(desk, opened.name)
    assert (seen.state, seen.settled) == (QueueState.CLOSED, 2)
    assert (seen.agreement["rows"], seen.agreement["agreed"]) == (2, 0.5)
    assert seen.agreement["alpha"] is not None
    assert sorted(row.output for row in stored(desk)) == ["1200", "paris"]


def test_an_audit_takes_a_number_for_the_same_however_it_is_written(desk: Desk) -> None:
    counter(desk, "reason")
    rows = [{"input": f"how much is {place} and one", "output": place + 1, "source": "teacher"} for place in range(200)]
    labels.import_file(desk, ASKER, SLUG, "a.jsonl", content="\n".join(map(json.dumps, rows)).encode())
    opened = queues.start(desk, ASKER, SLUG, size=100, purpose=QueuePurpose.AUDIT)
    for place in range(100):
        turn = queues.take(desk, ANN, SLUG)
        right = int(turn.text.split()[3]) + 1
        queues.answer(desk, ANN, turn.turn_id, Said.LABEL, label="0" if place == 0 else f"{right}.00")
    seen = queues.by_name(desk, opened.name)
    assert (seen.agreement["rows"], seen.agreement["agreed"]) == (100, 0.99)
    assert [row.output for row in stored(desk) if row.source is Source.PERSON] == ["0"]


def test_texts_are_written_by_one_person_each_for_no_two_write_alike(desk: Desk) -> None:
    counter(desk, "voice")
    with pytest.raises(NotReady, match="no two people write one text alike"):
        queues.start(desk, ASKER, SLUG, size=2, double=0.5)
    with pytest.raises(NotReady, match="no two people write one text alike"):
        queues.start(desk, ASKER, SLUG, size=100, purpose=QueuePurpose.AUDIT)
    assert queues.start(desk, ASKER, SLUG, size=2).double_share == 0.0
    queues.take(desk, ANN, SLUG)
    following = queues.say(desk, ANN, SLUG, "Dear customer, it is on its way.")
    assert following is not None
    queues.say(desk, ANN, SLUG, "skip")
    queues.close(desk, ASKER, SLUG)
    assert [row.output for row in stored(desk)] == ["Dear customer, it is on its way."]


def test_a_form_opens_for_the_text_before_oneself_alone_and_once(desk: Desk) -> None:
    counter(desk, "reason")
    queues.start(desk, ASKER, SLUG, size=2, double=0.0)
    turn = queues.take(desk, ANN, SLUG)
    assert queues.mine(desk, ANN, turn.turn_id) == turn
    with pytest.raises(NotAllowed):
        queues.mine(desk, BO, turn.turn_id)
    write(desk, ANN, "17")
    with pytest.raises(Conflict, match="You said 17 already"):
        queues.mine(desk, ANN, turn.turn_id)
