"""A teacher labels captured texts: quoted, capped, resumed, filtered; trained on and never judged by."""

from __future__ import annotations

import pathlib
from collections.abc import Generator

import pytest
from sqlmodel import select
from starlette.responses import Response

from engine.desk import Desk, labellings
from engine.errors import Conflict, Invalid, NotReady
from engine.flows.label import label
from engine.models.investigation import RunState
from engine.models.labelling import Teaching
from engine.models.labels import Label, Origin, Part, Source
from engine.store import labels as label_rows
from engine.store import replies
from engine.testing.direct import DirectStepper
from engine.testing.scripted_server import completion, refusal, scripted_app, serving
from engine.testing.simulated_model import simulated_app
from tests.flows.taught import (
    ANN,
    SLUG,
    TEACHER,
    Teacher,
    asking,
    captured,
    import_texts,
    people_label,
    right,
    taught,
    text_of,
)
from tests.prepared import sqlite_in


@pytest.fixture
def database_url(tmp_path: pathlib.Path) -> str:
    """The ledger's promises are tested on both databases in test_replies; the flow does not differ."""
    return sqlite_in(tmp_path)


@pytest.fixture
def teacher() -> Teacher:
    return Teacher()


@pytest.fixture
def url(teacher: Teacher) -> Generator[str]:
    with serving(scripted_app(teacher.script)) as found:
        yield found


def stored(desk: Desk) -> list[Label]:
    with desk.services.database.read() as tx:
        return list(tx.exec(select(Label)))


def test_a_teachers_labels_are_a_version_with_its_model_rights_and_cost(desk: Desk, teacher: Teacher, url: str) -> None:
    captured(desk, url, 60)
    seen = taught(desk)
    assert (seen.state, seen.added, seen.paid_calls, seen.reason) == (RunState.DONE, 40, 40, "")
    rows = stored(desk)
    assert {row.output for row in rows} == {"billing", "bug"}
    assert all(row.output == right(row.input) and row.source is Source.TEACHER for row in rows)
    with desk.services.database.read() as tx:
        made = label_rows.newest(tx, rows[0].feature_id)
        bill = replies.bill(tx, seen.run_id)
    assert (made.origin, made.maker, made.rights) == (Origin.TEACHER, TEACHER, "the contract allows training")
    assert (made.cost_nano, made.run_id) == (bill.nano_usd, seen.run_id)
    assert bill.nano_usd == 40 * 22 * 100_000


def test_a_teachers_labels_are_trained_on_and_never_judged_by(desk: Desk, url: str) -> None:
    captured(desk, url, 200)
    people_label(desk, range(1_000, 1_700))
    taught(desk, sample=150, teacher="simulated-frontier-1")
    parts = {(row.source, row.part) for row in stored(desk)}
    assert {part for source, part in parts if source is Source.TEACHER} == {Part.TRAIN}
    assert {part for source, part in parts if source is Source.PERSON} == {Part.TRAIN, Part.DEV, Part.SEALED}


def test_no_text_is_asked_that_is_labelled_or_copies_the_seal(desk: Desk, teacher: Teacher, url: str) -> None:
    captured(desk, url, 60)
    people_label(desk, range(30))
    seen = taught(desk, sample=60)
    assert seen.drawn == 30
    assert all(int(text.split()[0]) >= 30 for text in teacher.asked)
    with pytest.raises(NotReady, match="no captured texts that are not labelled"):
        labellings.quote(desk, SLUG, sample=5, teacher=TEACHER)


def test_the_quote_is_within_a_quarter_of_the_bill(desk: Desk) -> None:
    plain = "My {0} order was charged twice and the support team did not answer when I wrote about {1} on Monday"
    texts = [plain.format(one, other) for one in ("first", "second", "last") for other in ("it", "the refund", "a bug")]
    with serving(simulated_app(dict.fromkeys(texts, "billing") | {"x": "bug"})) as url:
        captured(desk, url, 0)
        import_texts(desk, texts)
        quote = labellings.quote(desk, SLUG, sample=40, teacher=TEACHER)
        assert (quote.rows, quote.known, quote.is_baseline, quote.simulated) == (9, 0, False, True)
        seen = taught(desk, sample=40)
    assert seen.spent_usd == pytest.approx(quote.usd, rel=0.25)


def test_what_is_known_already_is_not_quoted_again(desk: Desk, url: str) -> None:
    captured(desk, url, 60)
    taught(desk, sample=40)
    assert labellings.quote(desk, SLUG, sample=20, teacher=TEACHER).rows == 20


def test_what_was_paid_is_never_paid_again(desk: Desk, teacher: Teacher, url: str) -> None:
    captured(desk, url, 60)
    asking(desk)
    started = labellings.start(desk, ANN, SLUG, sample=40, teacher=TEACHER)

    class Killed(DirectStepper):
        def step(self, name, fn, *args, **kwargs):
            if name == "store":
                raise KeyboardInterrupt  # the process dies between the last reply and its recording
            return super().step(name, fn, *args, **kwargs)

    for _ in range(3):
        desk.services.runner._states.clear()  # the jobs' folders are gone too: the ledger alone is left
        with pytest.raises(KeyboardInterrupt):
            label(Killed(desk.services), Teaching(run_id=started.run_id))
    label(DirectStepper(desk.services), Teaching(run_id=started.run_id))
    assert set(teacher.asked.values()) == {1}
    assert labellings.show(desk, started.run_id).added == 40


def test_the_cap_is_never_passed_and_what_it_paid_for_becomes_labels(desk: Desk, teacher: Teacher, url: str) -> None:
    captured(desk, url, 60, cents=100)
    seen = taught(desk, budget_usd=3.0)
    assert 0 < seen.added < 40
    assert seen.spent_usd <= 3.0
    assert seen.reason.startswith("The budget of $3.00 is used up")
    assert seen.counts["unanswered"] == 40 - seen.added
    more = taught(desk, budget_usd=50.0)
    assert more.state is RunState.DONE
    assert set(teacher.asked.values()) == {1}


def test_refusals_cut_replies_and_nonsense_are_paid_counted_and_no_labels(
    desk: Desk, teacher: Teacher, url: str
) -> None:
    captured(desk, url, 40)

    def say(text: str) -> Response | str:
        match int(text.split()[0]) % 10:
            case 0:
                return completion(TEACHER, None, refusal="I cannot")
            case 1:
                return completion(TEACHER, "bil", finish="length")
            case 2:
                return "somewhere between billing and bug"
            case _:
                return right(text)

    teacher.say = say
    seen = taught(desk)
    assert (seen.added, seen.counts["refused"], seen.counts["cut"], seen.counts["answered"]) == (28, 4, 4, 40)
    assert seen.paid_calls == 40
    assert len(stored(desk)) == 28


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        (lambda: refusal(401), "401: the key was rejected"),
        (lambda: refusal(404), "404: there is no such model"),
        (lambda: refusal(500), "left all 40 rows without an answer"),
        (lambda: refusal(429), "left all 40 rows without an answer"),
        (lambda: Response('{"choices": [{"mess', media_type="application/json"), "left all 40 rows without an answer"),
        (lambda: completion(TEACHER, "As a language model"), "only 0 replies were one of the 2 labels"),
    ],
    ids=["401", "404", "500", "429 storm", "cut JSON", "nonsense"],
)
def test_a_teacher_that_fails_is_told_to_who_asked_and_stores_nothing(
    desk: Desk, teacher: Teacher, url: str, reply, told: str
) -> None:
    captured(desk, url, 40)
    teacher.say = lambda _text: reply()
    seen = taught(desk)
    assert seen.state is RunState.FAILED
    assert told in seen.reason
    assert "CANARY" not in seen.reason
    assert stored(desk) == []


def test_a_key_that_is_rejected_half_way_keeps_the_labels_it_paid_for(desk: Desk, teacher: Teacher, url: str) -> None:
    captured(desk, url, 40)
    teacher.say = lambda text: refusal(401) if len(teacher.asked) > 20 else right(text)
    seen = taught(desk)
    assert seen.state is RunState.DONE
    assert 12 <= seen.added <= 20
    assert "401" in seen.reason


def test_one_labelling_at_a_time_and_a_cancelled_one_frees_the_feature(desk: Desk, url: str) -> None:
    captured(desk, url, 40)
    first = labellings.start(desk, ANN, SLUG, sample=10, teacher=TEACHER)
    assert labellings.start(desk, ANN, SLUG, sample=20, teacher=TEACHER).run_id == first.run_id
    assert labellings.cancel(desk, ANN, first.run_id).state is RunState.CANCELLED
    with pytest.raises(Conflict):
        labellings.cancel(desk, ANN, first.run_id)
    second = labellings.start(desk, ANN, SLUG, sample=20, teacher=TEACHER)
    assert not second.existed
    asking(desk)

    class Cancelling(DirectStepper):
        def step(self, name, fn, *args, **kwargs):
            found = super().step(name, fn, *args, **kwargs)
            if name == "draw":
                labellings.cancel(desk, ANN, second.run_id)
            return found

    label(Cancelling(desk.services), Teaching(run_id=second.run_id))
    assert labellings.show(desk, second.run_id).state is RunState.CANCELLED
    assert stored(desk) == []


def test_without_a_right_a_price_a_text_or_a_sensible_number_nothing_is_asked(desk: Desk, url: str) -> None:
    captured(desk, "https://api.example.com", 0, rights="")
    with pytest.raises(NotReady, match="right to train on a teacher's answers") as refused:
        labellings.quote(desk, SLUG, sample=5)
    assert "rights=" in refused.value.hint
    said = {"rights": "the contract allows it", "teacher": TEACHER}
    with pytest.raises(NotReady, match="no captured texts"):
        labellings.quote(desk, SLUG, sample=5, **said)
    import_texts(desk, [text_of(number) for number in range(3)])
    assert labellings.quote(desk, SLUG, sample=5, **said).rights == "the contract allows it"
    with pytest.raises(NotReady, match="Nobody knows what unheard-of costs"):
        labellings.quote(desk, SLUG, sample=5, rights="yes, it is allowed", teacher="unheard-of")
    for wrong in ({"sample": 0}, {"sample": 5_001}, {"sample": 5, "budget_usd": 0.0}):
        with pytest.raises(Invalid):
            labellings.quote(desk, SLUG, **{**said, **wrong})
