"""Calls that a batch of another run holds: a contender asks them anew at once, and nobody waits for that batch."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest
from starlette.responses import Response

from engine.models.investigation import BatchState
from engine.store import replies
from engine.teachers.batch_client import batch_client
from engine.testing.batch_server import BatchServer
from engine.testing.scripted_server import completion, serving
from tests.unit.teachers.asking import RUN, Room, rows_of

MODEL = "gpt-4o-mini"  # the bundled list has a price for it
ROWS = rows_of(12)
TOKEN = "a-token"


def right(_body: dict[str, Any]) -> Response:
    return completion(MODEL, "bug")


@pytest.fixture
def server() -> BatchServer:
    return BatchServer(right)


@pytest.fixture
def config(room: Room, server: BatchServer) -> Generator[dict[str, Any]]:
    """How the endpoint is asked; a batch of another run holds all rows there."""
    with serving(server.app) as url:
        with batch_client(f"{url}/v1", MODEL, "k") as client:
            held = room.bulk(client, MODEL, least=2).ledger.hold_batch(TOKEN, room.questions(ROWS, f"{url}/v1", MODEL))
        assert len(held) == len(ROWS)
        yield {"base_url": f"{url}/v1", "model": MODEL, "parameters": {"max_tokens": 8}, "run_id": "inv-another1"}


@pytest.mark.parametrize("state", [BatchState.SENT, BatchState.CANCELLED])
def test_a_contender_asks_anew_and_at_once_what_a_batch_holds(
    room: Room, server: BatchServer, config: dict[str, Any], state: BatchState
) -> None:
    with room.database.write() as tx:
        replies.batch_of(tx, TOKEN).state = state
    asked = room.ask(ROWS, **config)
    assert (asked.counts["paid_calls"], asked.counts["unanswered"]) == (len(ROWS), 0)
    assert all(prediction.latency_ms > 0 for prediction in asked.predictions)
    with room.database.read() as tx:
        assert len(replies.held_of(tx, TOKEN)) == len(ROWS), "the batch may still bring its replies"
        assert (replies.bill(tx, RUN).paid_calls, replies.bill(tx, "inv-another1").paid_calls) == (0, len(ROWS))


def test_what_was_asked_beside_a_batch_is_not_paid_again_once_that_ended_without_replies(
    room: Room, server: BatchServer, config: dict[str, Any]
) -> None:
    room.ask(ROWS, **config)
    with room.database.write() as tx:
        replies.end_batch(tx, TOKEN)
    again = room.ask(ROWS, **config)
    assert (again.counts["paid_calls"], again.counts["reused"]) == (0, len(ROWS))
    assert len(server.single) == len(ROWS)


def test_a_labelling_leaves_what_anothers_batch_holds_without_an_answer_and_asks_the_rest(
    room: Room, server: BatchServer, config: dict[str, Any]
) -> None:
    asked = room.ask(rows_of(15), batch_from=0, **config)
    assert (asked.counts["paid_calls"], asked.counts["unanswered"], asked.counts["stopped"]) == (3, len(ROWS), "")
    with room.database.write() as tx:
        replies.end_batch(tx, TOKEN)
    assert room.ask(rows_of(15), batch_from=0, **config).counts["paid_calls"] == len(ROWS)
