"""A labelling that may use the endpoint's Batch API: quoted with it, resumed, and ended with the labelling."""

from __future__ import annotations

import pathlib

import pytest

from bot.blockkit.render import render
from bot.messages.labelling import quoted
from engine.desk import Desk, labellings
from engine.errors import Cancelled
from engine.flows.label import label
from engine.models.investigation import RunState
from engine.models.labelling import Teaching
from engine.store import replies
from engine.teachers import batches
from engine.testing.batch_server import BatchServer
from engine.testing.direct import DirectStepper
from engine.testing.scripted_server import completion, serving
from tests.flows.taught import ANN, SLUG, TEACHER, asking, captured, right
from tests.prepared import sqlite_in


@pytest.fixture
def database_url(tmp_path: pathlib.Path) -> str:
    """What is held and booked is tested on both databases in test_replies."""
    return sqlite_in(tmp_path)


def answers(body):
    return completion(TEACHER, right(body["messages"][-1]["content"]))


def test_a_quote_of_many_texts_offers_the_batch_api_and_one_of_few_says_that_it_is_too_early(desk: Desk) -> None:
    captured(desk, "http://127.0.0.1:9", 200)
    few = labellings.quote(desk, SLUG, sample=200, teacher=TEACHER, batch=True)
    assert (few.batch, few.batch_usd) == (True, None)
    assert "Too few texts for a batch" in render(quoted(few, "words")).said
    many = few.model_copy(update={"batch_usd": 1.5, "batch": False})
    assert "batch=yes" in render(quoted(many, "words")).said
    wanted = render(quoted(many.model_copy(update={"batch": True}), "words")).said
    assert "handed to the Batch API" in wanted
    assert "$1.5" in wanted
    assert batches.is_worth_it(2_020)
    assert not batches.is_worth_it(2_019)


def test_a_labelling_by_a_batch_that_is_cancelled_ends_the_batch_and_keeps_what_it_paid_for(desk: Desk) -> None:
    server = BatchServer(answers, looks=10**6, most=40)
    with serving(server.app) as url:
        captured(desk, url, 150)
        started = labellings.start(desk, ANN, SLUG, sample=150, teacher=TEACHER, batch=True)
        ask = asking(desk).works
        (kind, work), *_ = ask.items()

        def interrupted(spec):
            assert spec.config["batch_from"] == batches.CALLS_LEAST

            def stop(step: int, of: int, loss: float | None) -> None:
                if server.batches:
                    labellings.cancel(desk, ANN, started.run_id)
                    raise Cancelled("stopped as the job's process is")

            return work(spec.model_copy(update={"config": {**spec.config, "batch_from": 100}}), stop)

        ask[kind] = interrupted
        label(DirectStepper(desk.services), Teaching(run_id=started.run_id))
    seen = labellings.show(desk, started.run_id)
    assert (seen.state, seen.version) == (RunState.CANCELLED, "")
    assert [batch["status"] for batch in server.batches.values()] == ["cancelled"]
    assert seen.paid_calls == 20 + 40
    with desk.services.database.read() as tx:
        assert replies.batches(tx, started.run_id) == []
