"""People label and audit: blind, one text at a time, a press counts once, a third settles, a version comes of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlmodel import select

from engine.desk import Desk, features, labels, queues
from engine.desk.queues import QueueView
from engine.errors import Conflict, Invalid, NotAllowed, NotReady, Repeated
from engine.flows.steps import versions
from engine.flows.steps.reading import measure
from engine.models.actor import Actor
from engine.models.labelling import QueuePurpose, QueueState, Said
from engine.models.labels import Label, LabelRow, Origin, Part, Provenance, Source
from engine.models.mail import Once
from engine.store import examples
from engine.store import features as feature_rows
from engine.store import labels as label_rows
from engine.testing.clock import FixedClock
from tests.builders import ANN, ASKER, BO, CY, SLUG, a_feature, some_calls, text_of, waiting


@pytest.fixture
def counter(desk: Desk) -> Desk:
    """A desk with a feature that has forty captured texts."""
    a_feature(desk)
    with desk.services.database.write() as tx:
        feature = feature_rows.by_slug(tx, SLUG)
        examples.keep(tx, feature.id or 0, SLUG, some_calls(40, desk.services.clock.now()))
    return desk


def right(text: str) -> str:
    return ("billing", "bug")[int(text.split()[0]) % 2]


def stored(desk: Desk) -> list[Label]:
    with desk.services.database.read() as tx:
        return [row for row in tx.exec(select(Label)) if row.removed_in is None]


def rightly(_person: Actor, text: str) -> str:
    return right(text)


def work_off(desk: Desk, *people: Actor, say: Callable[[Actor, str], str] = rightly) -> None:
    """Each person in turn labels one text until nothing waits for any of them."""
    idle = 0
    while idle < len(people):
        idle = 0
        for person in people:
            try:
                turn = queues.take(desk, person, SLUG)
            except NotReady:
                idle += 1
                continue
            queues.answer(desk, person, turn.turn_id, Said.LABEL, label=say(person, turn.text))


def newest(desk: Desk, name: str) -> QueueView:
    return queues.by_name(desk, name)


def test_what_people_settle_becomes_a_version_when_the_last_text_is_done(counter: Desk, clock: FixedClock) -> None:
    opened = queues.start(counter, ASKER, SLUG, size=30, double=0.0)
    assert (opened.size, opened.waiting, opened.agreement) == (30, 30, {})
    turn = queues.take(counter, ANN, SLUG)
    clock.move(seconds=90)
    queues.answer(counter, ANN, turn.turn_id, Said.LABEL, label=right(turn.text))
    work_off(counter, ANN, BO)
    seen = newest(counter, opened.name)
    assert (seen.state, seen.settled, seen.left_out) == (QueueState.CLOSED, 30, 0)
    assert seen.version == labels.show(counter, SLUG).version
    rows = stored(counter)
    assert len(rows) == 30
    assert all(row.source is Source.PERSON and row.output == right(row.input) for row in rows)
    assert sum(row.minutes for row in rows) == pytest.approx(1.5)
    with counter.services.database.read() as tx:
        made = label_rows.newest(tx, rows[0].feature_id)
    assert (made.origin, made.run_id) == (Origin.PEOPLE, opened.name)


def test_a_text_for_two_is_blind_and_who_differ_are_settled_by_a_third(counter: Desk) -> None:
    opened = queues.start(counter, ASKER, SLUG, size=20, double=1.0)
    first, second = (queues.take(counter, person, SLUG) for person in (ANN, BO))
    assert first.text == second.text, "two people get the text before a third gets another"
    queues.answer(counter, ANN, first.turn_id, Said.LABEL, label="billing")
    assert queues.turn(counter, second.turn_id).answer == ""
    queues.answer(counter, BO, second.turn_id, Said.LABEL, label="bug")
    assert newest(counter, opened.name).disputed == 1
    assert newest(counter, opened.name).agreement == {}, "a figure would tell what the others said"
    third = queues.take(counter, CY, SLUG)
    assert (third.text, third.settles) == (first.text, True)
    queues.answer(counter, CY, third.turn_id, Said.LABEL, label="bug")
    work_off(counter, ANN, BO, CY)
    seen = newest(counter, opened.name)
    assert seen.state is QueueState.CLOSED
    assert (seen.agreement["rows"], seen.agreement["agreed"]) == (20, 0.95)
    assert 0.8 < (seen.agreement["kappa"] or 0) < 1.0
    assert 0.8 < (seen.agreement["alpha"] or 0) < 1.0
    (settled,) = [row for row in stored(counter) if row.input == first.text]
    assert settled.output == "bug"


def test_a_press_counts_once_and_only_for_whom_the_text_lies_before(counter: Desk) -> None:
    queues.start(counter, ASKER, SLUG, size=5, double=0.0)
    turn = queues.take(counter, ANN, SLUG)
    assert queues.take(counter, ANN, SLUG).turn_id == turn.turn_id, "one text at a time"
    with pytest.raises(NotAllowed):
        queues.answer(counter, BO, turn.turn_id, Said.LABEL, label="bug")
    with pytest.raises(Invalid):
        queues.answer(counter, ANN, turn.turn_id, Said.LABEL, label="banana")
    once = Once(team="T", key="press", kind="press")
    queues.answer(counter, ANN, turn.turn_id, Said.LABEL, label="bug", once=once)
    with pytest.raises(Repeated):
        queues.answer(counter, ANN, turn.turn_id, Said.LABEL, label="bug", once=once)
    with pytest.raises(Conflict, match="You said bug already"):
        queues.answer(counter, ANN, turn.turn_id, Said.LABEL, label="billing")
    assert queues.turn(counter, turn.turn_id).answer == "bug"


def test_a_skipped_text_goes_to_somebody_else_and_one_nobody_can_tell_is_left_out(counter: Desk) -> None:
    opened = queues.start(counter, ASKER, SLUG, size=20, double=0.0)
    skipped = queues.take(counter, ANN, SLUG)
    queues.answer(counter, ANN, skipped.turn_id, Said.SKIP)
    other = queues.take(counter, BO, SLUG)
    assert other.text == skipped.text
    queues.answer(counter, BO, other.turn_id, Said.UNCLEAR)
    work_off(counter, ANN, BO, say=rightly)
    seen = newest(counter, opened.name)
    assert (seen.state, seen.settled, seen.left_out) == (QueueState.CLOSED, 20, 1)
    assert len(stored(counter)) == 19


def test_a_text_that_lies_half_an_hour_goes_to_the_next_person(counter: Desk, clock: FixedClock) -> None:
    queues.start(counter, ASKER, SLUG, size=1, double=0.0)
    forgotten = queues.take(counter, ANN, SLUG)
    with pytest.raises(NotReady, match="Nothing of ticket-router waits for you"):
        queues.take(counter, BO, SLUG)
    clock.move(minutes=31)
    assert queues.take(counter, BO, SLUG).text == forgotten.text


def test_a_queue_of_one_class_stays_open_with_its_reason_and_loses_nothing(counter: Desk) -> None:
    opened = queues.start(counter, ASKER, SLUG, size=4, double=0.0)
    work_off(counter, ANN, say=lambda _person, _text: "bug")
    seen = newest(counter, opened.name)
    assert (seen.state, seen.settled) == (QueueState.OPEN, 4)
    assert "at least two classes" in seen.why_open
    with pytest.raises(Invalid, match="at least two classes"):
        queues.close(counter, ASKER, SLUG)


def test_words_do_what_buttons_do(counter: Desk) -> None:
    queues.start(counter, ASKER, SLUG, size=2, double=0.0)
    with pytest.raises(NotReady, match="no text of ticket-router before you"):
        queues.say(counter, ANN, SLUG, "bug")
    queues.take(counter, ANN, SLUG)
    with pytest.raises(Invalid, match="'banana' is no answer"):
        queues.say(counter, ANN, SLUG, "banana")
    following = queues.say(counter, ANN, SLUG, "BUG")
    assert following is not None
    assert queues.say(counter, ANN, SLUG, "billing") is None


def test_one_queue_at_a_time_and_none_without_texts(counter: Desk) -> None:
    queues.start(counter, ASKER, SLUG, size=2)
    with pytest.raises(Conflict, match="has an open queue already"):
        queues.start(counter, ASKER, SLUG, size=2)
    queues.close(counter, ASKER, SLUG)
    with pytest.raises(NotReady, match="No queue of ticket-router is open"):
        queues.close(counter, ASKER, SLUG)
    for size, double in ((0, 0.1), (2_001, 0.1), (5, 1.5)):
        with pytest.raises(Invalid):
            queues.start(counter, ASKER, SLUG, size=size, double=double)
    a_feature(counter, slug="other")
    with pytest.raises(NotReady, match="no captured texts"):
        queues.start(counter, ASKER, "other", size=5)


def taught(desk: Desk, count: int, wrong: int) -> None:
    """So many labels of a teacher, the first ``wrong`` of them wrong."""
    with desk.services.database.write() as tx:
        feature = feature_rows.by_slug(tx, SLUG)
        rows = [
            LabelRow(
                line=number + 1,
                id=f"t{number}",
                input=text_of(number),
                output=right(text_of(number + (number < wrong))),
                source=Source.TEACHER,
            )
            for number in range(count)
        ]
        made = Provenance(by="U1", origin=Origin.TEACHER, maker="gpt-4o", rights="yes")
        assert versions.store(tx, desk.services, feature, rows, actor=ASKER, made=made) is not None


def test_an_audit_measures_the_teacher_and_peoples_word_stands_in_its_place(counter: Desk) -> None:
    taught(counter, 120, wrong=12)
    with pytest.raises(Invalid, match="must be 100"):
        queues.start(counter, ASKER, SLUG, size=50, purpose=QueuePurpose.AUDIT)
    opened = queues.start(counter, ASKER, SLUG, size=120, purpose=QueuePurpose.AUDIT)
    turn = queues.take(counter, ANN, SLUG)
    assert not turn.answer, "the teacher's label is not shown"
    work_off(counter, ANN, BO)
    seen = newest(counter, opened.name)
    assert (seen.agreement["rows"], seen.agreement["agreed"]) == (120, 0.9)
    kappa, low, high = (seen.agreement[name] for name in ("kappa", "low", "high"))
    assert low is not None
    assert high is not None
    assert kappa == pytest.approx(0.8, abs=0.01)
    assert low < 0.8 < high
    rows = stored(counter)
    assert len(rows) == 120
    assert all(row.output == right(row.input) for row in rows)
    assert sum(row.source is Source.PERSON for row in rows) == 12
    assert {row.part for row in rows} == {Part.TRAIN}
    with counter.services.database.read() as tx:
        found = measure(tx, counter.services, feature_rows.by_slug(tx, SLUG))
    assert (found.facts.audited_rows, found.facts.audit_kappa) == (120, kappa)
    with pytest.raises(NotReady, match="0 labels by a teacher that nobody audited"):
        queues.start(counter, ASKER, SLUG, size=100, purpose=QueuePurpose.AUDIT)


def test_texts_come_to_each_person_alone_and_the_queue_to_its_channel(counter: Desk) -> None:
    opened = queues.start(counter, ASKER, SLUG, size=5)
    turn = queues.take(counter, ANN, SLUG)
    shown = {(row.entity, row.entity_id, row.channel) for row in waiting(counter)}
    assert ("queue", opened.name, features.show(counter, SLUG).channel or "C1") in shown
    assert ("turn", str(turn.turn_id), ANN.id) in shown
