"""People say which of two texts reads better: blind, from dev alone, and their word is found again by the texts."""

from __future__ import annotations

import pytest
from sqlmodel import select

from engine.desk import Desk, queues
from engine.errors import Invalid, NotReady
from engine.flows.steps import pairing
from engine.models.actor import Actor
from engine.models.feature import ApproachName
from engine.models.investigation import Prediction
from engine.models.labelling import LabelQueue, QueuedText, QueuePurpose, QueueState, Said
from engine.models.labels import LabelSet, Part
from engine.store import features as feature_rows
from engine.store import investigations
from engine.store import labels as label_rows
from tests.builders import ANN, ASKER, BO, SLUG, a_feature, a_verdict, some_labels

PAIRS = QueuePurpose.PAIRS


def ours(row_id: str) -> str:
    return f"Thank you, {row_id} is on its way."


def theirs(row_id: str) -> str:
    return f"{row_id} was sent."


@pytest.fixture
def counter(desk: Desk) -> Desk:
    """A desk with a feature whose newest verdict's two sides wrote a text for every dev row; of one the same."""
    a_feature(desk)
    some_labels(desk, 400)
    verdict = a_verdict(desk)
    with desk.services.database.write() as tx:
        feature = feature_rows.by_slug(tx, SLUG)
        feature.approach = ApproachName.VOICE
        tx.add(feature)
        ids = label_rows.ids(tx, label_rows.newest(tx, feature.id or 0).id or 0, Part.DEV)
        for side, text in (("candidate", ours), ("prompted", theirs)):
            said = {row_id: text(row_id) if place else "The same." for place, row_id in enumerate(sorted(ids))}
            rows = [
                Prediction(row_id=row_id, output=output, correct=False, score=0.5, valid=True, latency_ms=1.0)
                for row_id, output in said.items()
            ]
            name = verdict.record[side]["contender"]
            investigations.add_predictions(tx, verdict.run_id, name, part=Part.DEV, label_ids=ids, rows=rows)
    return desk


def compare_all(desk: Desk, *people: Actor) -> None:
    """Everybody finds the shorter text better, and where the lengths are even, neither."""
    idle = 0
    while idle < len(people):
        idle = 0
        for person in people:
            try:
                turn = queues.take(desk, person, SLUG)
            except NotReady:
                idle += 1
                continue
            choice = "A" if len(turn.first) < len(turn.second) else "B"
            queues.answer(desk, person, turn.turn_id, Said.LABEL, label=choice)


def test_the_two_texts_are_shown_without_a_word_of_who_wrote_which(counter: Desk) -> None:
    queues.start(counter, ASKER, SLUG, size=40, double=0.0, purpose=PAIRS)
    with counter.services.database.read() as tx:
        stored = list(tx.exec(select(QueuedText)))
    assert len(stored) == 40
    assert 5 < sum(one.candidate_first for one in stored) < 35, "the sides stand by chance"
    turn = queues.take(counter, ANN, SLUG)
    assert turn.classes == ("A", "B", "tie")
    assert {turn.first.startswith("Thank you"), turn.second.startswith("Thank you")} == {True, False}
    assert "candidate" not in str(turn.model_dump())
    assert "The same." not in {one.first for one in stored}, "two equal texts are no question"
    with pytest.raises(Invalid, match="no answer to a text"):
        queues.answer(counter, ANN, turn.turn_id, Said.LABEL, label="billing")
    following = queues.say(counter, ANN, SLUG, "TIE")
    assert following is not None


def test_what_people_said_is_found_by_the_texts_and_makes_no_label(counter: Desk) -> None:
    opened = queues.start(counter, ASKER, SLUG, size=40, purpose=PAIRS)
    compare_all(counter, ANN, BO)
    seen = queues.by_name(counter, opened.name)
    assert (seen.state, seen.settled, seen.version) == (QueueState.CLOSED, 40, "")
    assert seen.agreement["agreed"] == 1.0
    with counter.services.database.read() as tx:
        feature = feature_rows.by_slug(tx, SLUG)
        known = pairing.settled(tx, feature.id or 0)
        assert len(list(tx.exec(select(LabelSet)))) == 1
        left = pairing.pairs(tx, feature, 1_000)
    assert set(known.values()) == {"prompted"}, "the prompted texts are the shorter ones"
    row_id, ours_text, theirs_text = next(iter(known))
    assert (ours_text, theirs_text) == (ours(row_id), theirs(row_id))
    assert pairing.said_of(known, row_id, ours_text, theirs_text) == "prompted"
    assert pairing.said_of(known, row_id, theirs_text, ours_text) == "candidate", "the sides changed places"
    assert pairing.said_of(known, row_id, "another text", theirs_text) is None
    assert not {one.row_id for one in left} & {row_id for row_id, _, _ in known}, "nobody is asked twice"


def test_an_open_queue_tells_nothing_yet(counter: Desk) -> None:
    queues.start(counter, ASKER, SLUG, size=5, double=0.0, purpose=PAIRS)
    turn = queues.take(counter, ANN, SLUG)
    queues.answer(counter, ANN, turn.turn_id, Said.LABEL, label="A")
    with counter.services.database.read() as tx:
        queue = tx.exec(select(LabelQueue)).one()
        assert pairing.settled(tx, queue.feature_id) == {}


def test_only_what_was_written_is_compared(desk: Desk) -> None:
    a_feature(desk)
    with pytest.raises(NotReady, match="its answers are right or wrong"):
        queues.start(desk, ASKER, SLUG, size=5, purpose=PAIRS)
    with desk.services.database.write() as tx:
        feature = feature_rows.by_slug(tx, SLUG)
        feature.approach = ApproachName.VOICE
        tx.add(feature)
    with pytest.raises(NotReady, match="no two texts to compare yet"):
        queues.start(desk, ASKER, SLUG, size=5, purpose=PAIRS)
    with pytest.raises(Invalid, match="pairs is 0"):
        queues.start(desk, ASKER, SLUG, size=0, purpose=PAIRS)
