"""Old labels are asked for again once a quarter, blind, among the month's texts; who differs is settled by a third."""

from __future__ import annotations

from datetime import timedelta

import pytest

from engine.desk import Desk, labels, queues
from engine.flows.steps import agreeing, openings
from engine.flows.steps.drawing import captured
from engine.flows.steps.reading import measure
from engine.flows.steps.stage import MACHINE
from engine.models.actor import Actor
from engine.models.labelling import LabelQueue, QueuedText, QueuePurpose, QueueState, Said
from engine.models.labels import Label, Part
from engine.store import examples, policies
from engine.store import features as feature_rows
from engine.store import labels as label_rows
from engine.store import queues as queue_rows
from engine.testing.clock import FixedClock
from tests.builders import ANN, ASKER, BO, SLUG, a_feature, csv_of, some_calls, texts_of
from tests.desk.test_queues import right, work_off

ROWS = range(1_000, 1_800)


@pytest.fixture
def old(desk: Desk, clock: FixedClock) -> Desk:
    """A feature whose labels are older than a quarter, and fresh calls."""
    a_feature(desk)
    labels.import_file(desk, ASKER, SLUG, "labels.csv", content=csv_of(ROWS))
    clock.move(days=91)
    with desk.services.database.write() as tx:
        examples.keep(tx, 1, SLUG, some_calls(12, clock.now()))
    return desk


def drawn(desk: Desk, size: int = 30) -> list[QueuedText]:
    with desk.services.database.read() as tx:
        return agreeing.draw(tx, 1, size, desk.services.clock.now())


def asked(desk: Desk, size: int = 30) -> LabelQueue:
    """A month's queue as the monthly look opens it."""
    with desk.services.database.write() as tx:
        feature = feature_rows.by_slug(tx, SLUG)
        texts = [*captured(tx, feature, 12), *agreeing.draw(tx, 1, size, desk.services.clock.now())]
        return openings.open_queue(
            tx, desk.services, feature, texts, actor=MACHINE, purpose=QueuePurpose.LABEL, double=0.0
        )


def rows_of(desk: Desk, part: Part) -> dict[str, Label]:
    with desk.services.database.read() as tx:
        return {row.row_id: row for row in label_rows.rows(tx, label_rows.newest(tx, 1).id or 0, part)}


def test_old_rows_are_drawn_from_dev_alone_once_a_quarter_and_others_the_next_time(
    old: Desk, clock: FixedClock
) -> None:
    first = drawn(old)
    assert len(first) == 30
    assert {text.row_id for text in first} <= rows_of(old, Part.DEV).keys(), "sealed rows are shown to nobody"
    assert [text.row_id for text in drawn(old)] == [text.row_id for text in first], "the same draw when done again"
    assert drawn(old, size=0) == []
    asked(old)
    assert drawn(old) == [], "once a quarter"
    clock.move(days=92)
    again = {text.row_id for text in drawn(old)}
    assert len(again) == 30
    assert not again & {text.row_id for text in first}


def test_a_queue_closed_before_anybody_gave_an_old_label_hides_no_earlier_answers_and_takes_no_quarter(
    old: Desk, clock: FixedClock
) -> None:
    asked(old)
    work_off(old, ANN, BO)
    clock.move(days=92)
    first = {text.row_id for text in drawn(old)}
    with old.services.database.write() as tx:
        examples.keep(tx, 1, SLUG, list(some_calls(40, clock.now()))[12:])
    asked(old)
    queues.close(old, ASKER, SLUG)
    assert {text.row_id for text in drawn(old)} == first, "nobody was asked, so the same are"
    assert relabelled(old) == 1.0, "what people said a quarter ago still stands"


def test_labels_younger_than_a_quarter_are_not_asked_for_again(desk: Desk, clock: FixedClock) -> None:
    a_feature(desk)
    labels.import_file(desk, ASKER, SLUG, "labels.csv", content=csv_of(ROWS))
    clock.move(days=89)
    assert drawn(desk) == []


def test_nobody_sees_an_old_label_and_what_still_holds_changes_nothing(old: Desk, clock: FixedClock) -> None:
    before = rows_of(old, Part.DEV)
    opened = asked(old)
    turn = queues.take(old, ANN, SLUG)
    assert not turn.answer
    queues.answer(old, ANN, turn.turn_id, Said.LABEL, label=right(turn.text))
    work_off(old, ANN, BO)
    seen = queues.by_name(old, opened.name)
    assert (seen.state, seen.again.rows, seen.again.agreed, seen.again.flips) == (QueueState.CLOSED, 30, 1.0, ())
    assert {name: rows_of(old, Part.DEV)[name].id for name in before} == {name: row.id for name, row in before.items()}
    assert relabelled(old) == 1.0
    clock.move(days=366)
    assert relabelled(old) is None, "what held a year ago is not known to hold"


def relabelled(desk: Desk) -> float | None:
    with desk.services.database.read() as tx:
        return measure(tx, desk.services, feature_rows.by_slug(tx, SLUG)).facts.relabel_agreement


def other(text: str) -> str:
    return "bug" if right(text) == "billing" else "billing"


def test_a_contradicted_label_stands_until_a_third_person_says_otherwise_too(old: Desk) -> None:
    before, sealed = rows_of(old, Part.DEV), len(sealed_of(old))
    opened = asked(old)
    with old.services.database.read() as tx:
        first, second, slip = [text for text in queue_rows.texts(tx, opened.id or 0) if text.given][:3]
    moved, seen_before = {first.input, second.input}, set[str]()

    def say(_person: Actor, text: str) -> str:
        is_first = text not in seen_before
        seen_before.add(text)
        return other(text) if text in moved or (text == slip.input and is_first) else right(text)

    while (turn := queues.take(old, ANN, SLUG)).text != first.input:
        queues.answer(old, ANN, turn.turn_id, Said.LABEL, label=say(ANN, turn.text))
    queues.answer(old, ANN, turn.turn_id, Said.LABEL, label=say(ANN, turn.text))
    assert queues.by_name(old, opened.name).disputed
    assert rows_of(old, Part.DEV)[first.row_id].id == before[first.row_id].id
    work_off(old, BO, ANN, say=say)
    seen, after = queues.by_name(old, opened.name), rows_of(old, Part.DEV)
    assert (seen.state, seen.again.rows, seen.again.agreed) == (QueueState.CLOSED, 30, 0.9)
    assert sum(flip.rows for flip in seen.again.flips) == 2, "the slip was put right by the third person"
    with old.services.database.read() as tx:
        feature, policy = feature_rows.by_slug(tx, SLUG), policies.current(tx, 1)
        now = old.services.clock.now()
        told = agreeing.told(tx, feature, policy, now + timedelta(seconds=1))
        assert agreeing.told(tx, feature, policy, now)["again"] is None, "a month tells of what was closed within it"
    assert (told["again"]["rows"], told["again"]["agreed"], told["again"]["moved"]) == (30, 0.9, False)
    assert told["again"]["asked"] == now.date().isoformat()
    assert told["twice"]["rows"] == 0, "an old label is no second person"
    for text in (first, second):
        assert after[text.row_id].output == other(text.input)
        assert after[text.row_id].cluster == before[text.row_id].cluster
    assert after[slip.row_id].id == before[slip.row_id].id
    assert seen.version == labels.show(old, SLUG).version
    assert len(sealed_of(old)) >= sealed, "what people labelled for the first time may be sealed; nothing left"


def test_what_nobody_settled_before_the_queue_was_closed_counts_as_not_agreed(old: Desk) -> None:
    before = rows_of(old, Part.DEV)
    opened = asked(old)
    with old.services.database.read() as tx:
        moved = {text.input for text in [one for one in queue_rows.texts(tx, opened.id or 0) if one.given][:6]}
    work_off(old, ANN, say=lambda _person, text: other(text) if text in moved else right(text))
    seen = queues.close(old, ANN, SLUG)
    assert (seen.disputed, seen.again.rows, seen.again.agreed, seen.again.flips) == (6, 30, 0.8, ())
    assert {name: rows_of(old, Part.DEV)[name].id for name in before} == {name: row.id for name, row in before.items()}


def test_a_label_that_changed_while_people_were_asked_is_not_changed_back_by_one_of_them(old: Desk) -> None:
    opened = asked(old)
    with old.services.database.write() as tx:
        text = next(one for one in queue_rows.texts(tx, opened.id or 0) if one.given)
        row = next(one for one in label_rows.rows(tx, 1, Part.DEV) if one.row_id == text.row_id)
        row.output = other(text.input)
        tx.add(row)
    work_off(old, ANN, BO)
    assert queues.by_name(old, opened.name).state is QueueState.CLOSED
    assert rows_of(old, Part.DEV)[text.row_id].output == other(text.input)


def sealed_of(desk: Desk) -> list[str]:
    return texts_of(desk, Part.SEALED)
