"""People audit worked-out answers on dev, blind; the verdict says what they said, or that nobody audited."""

from __future__ import annotations

import pathlib

import pytest
from sqlmodel import col, select

from bot.blockkit.render import render
from bot.messages import queue as queue_messages
from bot.messages.investigation import card
from engine.desk import Desk, queues, readiness, verdicts
from engine.desk.investigations import RunView
from engine.desk.queues import TurnView
from engine.errors import NotReady
from engine.flows.steps import answers, people
from engine.models.investigation import StoredPrediction
from engine.models.labelling import LabelQueue, QueuedText, QueuePurpose, QueueState, Said, TextState
from engine.models.labels import Part
from engine.models.verdict import Outcome
from engine.store import features as feature_rows
from engine.store import labels as label_rows
from engine.store import queues as queue_rows
from engine.store import seals
from tests.builders import BO
from tests.flows.ready import ANN
from tests.flows.reasoned import SLUG, ready, run_scripted
from tests.flows.voiced import pressed
from tests.prepared import sqlite_in

URL = "http://127.0.0.1:9"
GOOD = {"majority": 0.3, "baseline": 0.6, "few_shot": 0.5}
AUDIT = QueuePurpose.AUDIT


@pytest.fixture
def database_url(tmp_path: pathlib.Path) -> str:
    """What these tests are about does not differ between databases."""
    return sqlite_in(tmp_path)


def gates(seen: RunView) -> dict[str, str]:
    return {one["name"]: one["status"] for one in seen.record["gates"]}


def honest(turn: TurnView) -> str:
    return "right" if turn.first == turn.second else "wrong"


def contrary(turn: TurnView) -> str:
    return "wrong" if turn.first == turn.second else "right"


def test_the_verdict_says_that_labels_are_not_audited_until_people_checked_100_answers(desk: Desk) -> None:
    ready(desk, URL, count=400, dev_share=0.4, rationale="Add the two.")
    with pytest.raises(NotReady, match="0 labels by a teacher") as refused:
        queues.start(desk, ANN, SLUG, size=100, purpose=AUDIT)
    assert refused.value.hint == f"Answers can be audited once an investigation has some: /assay investigate {SLUG}"
    first = run_scripted(desk, GOOD)
    assert gates(first)["audited"] == "unknown"
    assert (first.record["audit"]["rows"], first.record["audit"]["kappa"]) == (0, None)
    told = render(card(first)).said
    assert "Labels not audited: people checked 0 of the 100 answers it takes." in told
    assert f"/assay labels {SLUG} audit=100" in told
    shown: list[TurnView] = []

    def said(turn: TurnView) -> str:
        shown.append(turn)
        return "label wrong" if len(shown) <= 3 else honest(turn)

    closed = pressed(desk, SLUG, 100, said, AUDIT)
    assert (closed.purpose, closed.state, closed.version) == (QueuePurpose.ANSWERS, QueueState.CLOSED, "")
    with desk.services.database.read() as tx:
        label_set = label_rows.newest(tx, feature_rows.by_slug(tx, SLUG).id or 0).id or 0
        dev = {row.input: row.output for row in label_rows.rows(tx, label_set, Part.DEV)}
    assert {turn.text: turn.second for turn in shown}.items() <= dev.items(), "sealed rows are shown to nobody"
    assert sum(honest(turn) == "wrong" for turn in shown) == 50, "half of them were graded wrong"
    text = render(queue_messages.turn(shown[0].model_copy(update={"said": None}))).said
    assert text.startswith("Is this answer right? Your 1. of sum-solver; nobody tells whose it is, or how it was")
    assert f"Answer: {shown[0].first}\nLabel: {shown[0].second}\nHow it was reached: Add the two." in text
    assert "One of: right, wrong, label wrong, skip, unclear." in text
    long = queue_messages.turn(shown[0].model_copy(update={"first": "so it goes on " * 400 + "and is 42"}))
    assert long.pair[0].value.endswith("and is 42"), "an answer stands at the end of what was thought"
    assert (closed.agreement["rows"], closed.agreement["agreed"]) == (100, 0.97)
    assert len(closed.wrong_labels) == 3
    text = render(queue_messages.queue(closed)).said
    assert "People and the grades agree on 97 % of 100 answers of sum-solver: kappa" in text
    assert "Their label is wrong on 3 rows:" in text
    again = run_scripted(desk, GOOD)
    assert (gates(again)["audited"], gates(again)["grades"]) == ("pass", "pass")
    assert not any("people" in reason for reason in again.record["reasons"])
    assert verdicts.of_run(desk, again.run_id).same
    told = render(card(again)).said
    assert "People audited 100 answers on dev: they agree with the grades on 97 %, kappa 0.94" in told
    assert "not audited" not in told
    data = next(one for one in readiness.read(desk, SLUG).conditions if one.name == "data")
    assert "audited 100" in data.value


def looks(desk: Desk) -> int:
    with desk.services.database.read() as tx:
        return len(seals.looks(tx, seals.current(tx, 1).id or 0))


def test_people_who_disagree_with_the_grades_leave_no_verdict_until_labels_are_corrected(desk: Desk) -> None:
    ready(desk, URL, count=400, dev_share=0.4)
    run_scripted(desk, GOOD)
    pressed(desk, SLUG, 100, contrary, AUDIT)
    assert looks(desk) == 1
    seen = run_scripted(desk, GOOD)
    assert (looks(desk), seen.record["seal_look"]) == (1, 0), "no look is spent on what proves nothing"
    dev = seen.record["parts"]["dev"]
    assert (seen.record["quality"]["n"], gates(seen)["labels"], gates(seen)["exposure"]) == (dev, "pass", "pass")
    told = render(card(seen)).said
    assert f"on {dev} dev rows, for nothing was opened." in told
    assert "So nothing was opened, and no look was spent." in told
    assert "sealed row" not in told.replace("sealed rows are", "")
    assert verdicts.of_run(desk, seen.run_id).same
    assert seen.outcome == Outcome.INCONCLUSIVE
    assert seen.record["reasons"][0] == "people agree too little with how answers were graded"
    assert (gates(seen)["grades"], seen.rows_needed) == ("fail", None)
    with desk.services.database.write() as tx:
        feature_id = feature_rows.by_slug(tx, SLUG).id or 0
        label_set = label_rows.newest(tx, feature_id).id or 0
        assert answers.audited(tx, feature_id, label_set).rows == 100
        for row in label_rows.rows(tx, label_set, Part.DEV):
            row.output = f"{row.output}1"
            tx.add(row)
        tx.flush()
        assert answers.audited(tx, feature_id, label_set).rows == 0, "of a corrected label nobody said anything yet"


def test_an_audit_that_was_closed_early_goes_on_with_what_nobody_answered_until_100_count(desk: Desk) -> None:
    ready(desk, URL, count=500, dev_share=0.4)
    run_scripted(desk, GOOD)
    with desk.services.database.write() as tx:
        wrong = select(StoredPrediction).where(StoredPrediction.contender == "baseline", ~col(StoredPrediction.correct))
        empty = tx.exec(wrong.where(StoredPrediction.part == Part.DEV)).all()[0]
        empty.output = " "
        tx.add(empty)
        tx.flush()
        assert all(one.first.strip() for one in answers.drawn(tx, feature_rows.by_slug(tx, SLUG), 2_000))
    opened = queues.start(desk, ANN, SLUG, size=100, purpose=AUDIT)
    turn: TurnView | None = queues.take(desk, BO, SLUG)
    for number in range(60):
        assert turn is not None
        said = Said.UNCLEAR if number == 0 else Said.LABEL
        turn = queues.answer(desk, BO, turn.turn_id, said, label="" if said is Said.UNCLEAR else honest(turn))
    queues.close(desk, ANN, SLUG)
    again = queues.start(desk, ANN, SLUG, size=100, purpose=AUDIT)
    assert again.purpose is QueuePurpose.ANSWERS
    assert 41 <= again.size < 100, "fewer than 100 are left, and 41 are missing"
    with desk.services.database.read() as tx:
        first, more = (queue_rows.texts(tx, queue_rows.by_name(tx, name).id or 0) for name in (opened.name, again.name))
    done = {(one.row_id, one.first) for one in first if one.state is TextState.SETTLED}
    assert len(done) == 60
    assert not done & {(one.row_id, one.first) for one in more}


def settled(desk: Desk, name: str, purpose: QueuePurpose, *given: str) -> None:
    """A closed queue where people said *right* of each of the first label's answers, which were ``given`` so graded."""
    with desk.services.database.write() as tx:
        (row, *_) = label_rows.rows(tx, label_rows.newest(tx, 1).id or 0, Part.DEV)
        queue = LabelQueue(
            name=name, feature_id=1, purpose=purpose, state=QueueState.CLOSED, size=len(given),
            double_share=0.0, by=ANN.id, created_at=desk.services.clock.now(),
        )  # fmt: skip
        texts = [
            QueuedText(
                queue_id=0, number=number, row_id=row.row_id, input="", given=grade, output="right",
                state=TextState.SETTLED, second=row.output,
            )
            for number, grade in enumerate(given)
        ]  # fmt: skip
        queue_rows.add(tx, queue, texts)


def test_some_audited_answers_do_not_hide_100_audited_labels_of_a_teacher(desk: Desk) -> None:
    ready(desk, URL, count=60)
    settled(desk, "que-1", AUDIT, *["right"] * 100)
    settled(desk, "que-2", QueuePurpose.ANSWERS, *["right"] * 30)
    with desk.services.database.read() as tx:
        assert answers.audited(tx, 1, label_rows.newest(tx, 1).id or 0).rows == 30
        assert people.audited(tx, 1).rows == 100


def test_an_audit_of_100_answers_takes_the_place_of_older_ones_and_a_smaller_one_adds_to_them(desk: Desk) -> None:
    ready(desk, URL, count=60)
    settled(desk, "que-1", QueuePurpose.ANSWERS, *["wrong"] * 100)
    settled(desk, "que-2", QueuePurpose.ANSWERS, *["right"] * 60)
    with desk.services.database.read() as tx:
        found = answers.audited(tx, 1, label_rows.newest(tx, 1).id or 0)
        assert (found.rows, found.agreed) == (160, 60 / 160)
    settled(desk, "que-3", QueuePurpose.ANSWERS, *["right"] * 40)
    with desk.services.database.read() as tx:
        found = answers.audited(tx, 1, label_rows.newest(tx, 1).id or 0)
        assert (found.rows, found.agreed) == (100, 1.0)
