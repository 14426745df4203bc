"""Before a person presses Start they are told what a run costs: money with the cap, and time and memory by training."""

from __future__ import annotations

import pathlib
import socket
from dataclasses import replace

import pytest
from sqlalchemy import event

from bot.blockkit.render import render
from bot.messages.investigation import quoted
from engine.approaches import Task
from engine.desk import Desk, investigations, operate
from engine.flows.steps import plan, prompted
from engine.flows.steps.trainings import UNMEASURED, RungQuote, Trainings
from engine.models.investigation import Effort, PaidReply
from engine.models.labels import Part
from engine.store import features, replies, work
from engine.store import labels as label_rows
from engine.teachers import options
from engine.teachers.prompt import messages
from engine.teachers.replies import Question, sent_parameters
from tests.flows.ready import ANN, BETTER, SLUG, ready, run
from tests.flows.scripted import Script
from tests.prepared import sqlite_in


@pytest.fixture
def database_url(tmp_path: pathlib.Path) -> str:
    """A quote reads rows, and reads them alike from both databases."""
    return sqlite_in(tmp_path)


def quote(desk: Desk, effort: Effort = Effort.QUICK) -> investigations.Quote:
    return investigations.quote(desk, SLUG, budget_usd=50.0, effort=effort)


def test_time_is_unknown_on_a_host_until_something_was_trained_there_and_then_what_it_took(desk: Desk) -> None:
    ready(desk)
    before = quote(desk)
    names = {rung.rung for rung in before.trainings.rungs if not rung.why}
    assert {"majority", "tfidf"} <= names
    assert before.trainings.seconds is None
    assert all(rung.seconds is None and rung.memory_mb > 0 for rung in before.trainings.rungs if not rung.why)
    assert UNMEASURED in render(quoted(before)).said
    run(desk, Script(right=BETTER))  # each training took twice what it was quoted: 1 s for 0.5 s
    after = quote(desk)
    assert {rung.rung: rung.seconds for rung in after.trainings.rungs}["majority"] == pytest.approx(4.0)
    assert after.trainings.seconds == pytest.approx(sum(rung.seconds or 0 for rung in after.trainings.rungs))
    said = render(quoted(after)).said
    assert UNMEASURED not in said
    assert "majority: about 4 s, 150 MB of memory" in said


def test_a_training_that_took_its_time_on_another_host_says_nothing_of_this_one(desk: Desk) -> None:
    ready(desk)
    run(desk, Script(right=BETTER, host="another-host"))
    assert quote(desk).trainings.seconds is None


def test_an_engine_on_another_host_is_left_to_tell_its_own_memory(desk: Desk) -> None:
    ready(desk)
    operate.beat(desk.services, "engine")
    assert quote(desk).trainings.rungs
    with desk.services.database.write() as tx:
        work.beat(tx, "engine", host="gpu-1", pid=1, now=desk.services.clock.now())
    found = quote(desk)
    assert (found.trainings.rungs, found.trainings.elsewhere) == ((), "gpu-1")
    assert "gpu-1" in render(quoted(found)).said
    assert socket.gethostname() != "gpu-1"


def test_a_rung_that_is_not_trained_adds_no_time_and_no_memory() -> None:
    told = RungQuote(rung="tfidf", trainings=3, seconds=12.0, memory_mb=300)
    left = RungQuote(rung="frozen", memory_mb=900, why="no weights")
    assert (Trainings(rungs=(told, left)).seconds, Trainings(rungs=(told, left)).memory_mb) == (12.0, 300)


def test_the_calls_are_quoted_in_dollars_and_by_what_replies_said_once_there_are_twenty(desk: Desk) -> None:
    ready(desk)
    guessed = quote(desk)
    assert guessed.asking.probes == 0
    assert guessed.asking.usd is not None
    assert f"${guessed.asking.usd:,.0f}"[:2] in render(quoted(guessed)).said
    _pay(desk, 20, tokens_in=400, tokens_out=100)
    measured = quote(desk)
    assert measured.asking.probes == 20
    assert measured.asking.usd is not None
    assert measured.asking.usd > 5 * guessed.asking.usd, "replies of a hundred tokens are dearer than a word"


def test_a_model_without_a_price_is_quoted_at_nothing_and_not_at_zero(desk: Desk) -> None:
    ready(desk, money=False)
    assert quote(desk).asking.usd == 0.0, "an endpoint on this very host is free"
    unpriced = replace(quoted(quote(desk)), quote=quote(desk).model_copy(update={"asking": {"usd": None, "probes": 0}}))
    assert "Nobody knows what those calls cost" in render(unpriced).said


def test_the_runs_message_corrects_the_quote_by_its_first_replies(desk: Desk) -> None:
    ready(desk)
    told: list[str] = []

    def paid(spec) -> None:
        if not told:
            _pay(desk, 25, tokens_in=400, tokens_out=100, run_id=spec.config["run_id"])
            (seen,) = investigations.status(desk, SLUG)
            told.append(next(task.note for task in seen.tasks if task.name == prompted.QUOTED))

    seen = run(desk, Script(right=BETTER, asked=paid))
    line = next(task for task in seen.tasks if task.name == prompted.QUOTED)
    assert "told from characters; never more than $5,000.00" in told[0]
    assert "measured by the first 25 replies" in line.note


def test_rows_that_were_asked_first_do_not_make_the_others_look_paid_for(desk: Desk) -> None:
    ready(desk)
    _pay(desk, 20, tokens_in=400, tokens_out=100)
    early, counts = _of_the_current_prompt(desk)
    _pay(desk, 100, tokens_in=400, tokens_out=100)
    later, _ = _of_the_current_prompt(desk)
    dev, sealed = counts[Part.DEV], counts[Part.SEALED]
    assert dev > 150
    assert later / early == pytest.approx((dev - 100 + sealed) / (dev - 20 + sealed), rel=0.05)


def _of_the_current_prompt(desk: Desk) -> tuple[float, dict[Part, int]]:
    """What its calls on dev and the sealed rows cost still, and how many rows those parts have."""
    with desk.services.database.read() as tx:
        newest = label_rows.newest(tx, 1).id or 0
        task, baseline = Task.of(features.by_id(tx, 1)), features.baseline(tx, 1)
        found = prompted.of_options(
            tx, desk.services, task, baseline, label_set_id=newest, names=[options.BASELINE], cheaper=""
        )
        assert found.usd is not None
        return found.usd, dict(label_rows.parts(tx, newest))


def _pay(desk: Desk, count: int, *, tokens_in: int, tokens_out: int, run_id: str = "inv-earlier") -> None:
    """Replies to the current prompt about the first rows of dev, as a run would have paid for them."""
    with desk.services.database.write() as tx:
        newest = label_rows.newest(tx, 1)
        url, model = "http://127.0.0.1:9/v1", "simulated-frontier-1"
        for row in label_rows.first(tx, newest.id or 0, Part.DEV, count):
            question = Question(url, model, messages("Say one.", row.input), sent_parameters(url, {}))
            paid = PaidReply(
                key=question.key, run_id=run_id, base_url=url, model=model, text="neutral", tokens_in=tokens_in,
                tokens_out=tokens_out, cost_nano=1, latency_ms=5.0, at=desk.services.clock.now(),
            )  # fmt: skip
            replies.settle(tx, paid)


def test_nobody_who_writes_waits_while_a_run_is_quoted_and_planned(desk: Desk) -> None:
    ready(desk)
    statements: list[str] = []
    held: list[str] = []

    def notice(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if statement.startswith("BEGIN"):
            statements.clear()
        statements.append(statement)
        if statements[0] == "BEGIN IMMEDIATE" and "label.input" in statement:
            held.append(statement)

    event.listen(desk.services.database.engine, "before_cursor_execute", notice)
    started = investigations.start(desk, ANN, SLUG, effort=Effort.QUICK, budget_usd=5_000.0)
    assert held == []
    frozen = plan.freeze(desk.services, started.run_id)
    held.clear()
    assert plan.plan(desk.services, frozen).train_rows
    assert held == []
    assert statements[0] == "BEGIN IMMEDIATE"
