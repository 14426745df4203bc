"""Many questions answered by a Batch API: half the price, nothing handed over twice, single calls for the rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from sqlmodel import select
from starlette.responses import Response

from engine.clock import SystemClock
from engine.evals.rows import DatasetRow
from engine.models.investigation import BatchState, PaidBatch, Reservation
from engine.models.money import Price
from engine.store import prices, replies
from engine.teachers import batches
from engine.teachers.batch_client import BatchClient, batch_client
from engine.testing.batch_server import BatchServer
from engine.testing.scripted_server import completion, refusal, serving
from tests.unit.teachers.asking import BUDGET, RUN, Room

LEAST = 100
ROWS = LEAST + 30
MODEL = "gpt-4o-mini"  # the bundled list has a price of batches for it


def many(count: int = ROWS) -> list[DatasetRow]:
    return [DatasetRow(id=f"r{number}", input=f"ticket {number}", output="bug") for number in range(count)]


def right(_body: dict[str, Any]) -> Response:
    return completion(MODEL, "bug\u2028")  # only a line feed ends a line of a file of replies


class Seen:
    """A script that counts what is asked."""

    def __init__(self, say: Callable[[dict[str, Any]], Response] = right) -> None:
        self.say = say
        self.asked: Counter[str] = Counter()

    def __call__(self, body: dict[str, Any]) -> Response:
        self.asked[body["messages"][-1]["content"]] += 1
        return self.say(body)


def ask(room: Room, server: BatchServer, rows: list[DatasetRow] | None = None, **config: Any):
    with serving(server.app) as url:
        server_url = f"{url}/v1"
        config = {
            "base_url": server_url,
            "model": MODEL,
            "batch_from": LEAST,
            "parameters": {"max_tokens": 8},
            **config,
        }
        return room.ask(many() if rows is None else rows, **config)


def rows_in(room: Room, table: type) -> list[Any]:
    with room.database.read() as tx:
        found = list(tx.exec(select(table)))
        tx.expunge_all()
        return found


def test_probes_go_one_by_one_and_the_rest_in_one_batch_at_half_the_price(room: Room) -> None:
    seen = Seen()
    server = BatchServer(seen)
    asked = ask(room, server)
    assert (asked.counts["paid_calls"], asked.counts["unanswered"], asked.counts["stopped"]) == (ROWS, 0, "")
    assert (len(server.single), server.uploads, len(server.batches)) == (20, 1, 1)
    assert set(seen.asked.values()) == {1}
    with room.database.read() as tx:
        costs = Counter(
            one.cost_nano for one in replies.find(tx, [row.key for row in tx.exec(select(replies.PaidReply))]).values()
        )
    (dear, singles), (cheap, batched) = sorted(costs.items(), reverse=True)
    assert (singles, batched) == (20, ROWS - 20)
    assert cheap == pytest.approx(dear / 2, abs=1)
    assert [row.state for row in rows_in(room, PaidBatch)] == [BatchState.ENDED]
    assert rows_in(room, Reservation) == []


def test_few_questions_or_nobody_asking_for_it_make_no_batch(room: Room) -> None:
    server = BatchServer(right)
    ask(room, server, many(LEAST + 19))
    assert (len(server.single), server.batches) == (LEAST + 19, {})
    assert not any(row.batch for row in rows_in(room, Reservation))


def test_an_endpoint_without_a_batch_api_is_asked_one_by_one(room: Room) -> None:
    server = BatchServer(right, offers=False)
    assert ask(room, server).counts["paid_calls"] == ROWS
    assert len(server.single) == ROWS


@pytest.mark.parametrize("trouble", [{"refuses": True}, {"most": 50}])
def test_a_refused_or_expired_batch_leaves_the_rest_for_single_calls(room: Room, trouble: dict[str, Any]) -> None:
    seen = Seen()
    server = BatchServer(seen, **trouble)
    asked = ask(room, server)
    assert (asked.counts["paid_calls"], asked.counts["unanswered"]) == (ROWS, 0)
    assert len(server.single) == ROWS - trouble.get("most", 0)
    assert set(seen.asked.values()) == {1}
    assert rows_in(room, Reservation) == []


def test_calls_that_fail_inside_a_batch_are_made_again_alone_and_a_filtered_one_is_an_answer(room: Room) -> None:
    failed: set[str] = set()

    def say(body: dict[str, Any]) -> Response:
        text = body["messages"][-1]["content"]
        if text == "ticket 70":
            return refusal(400, code="content_filter")
        if text in {f"ticket {number}" for number in range(80, 90)} - failed:
            failed.add(text)
            return refusal(500)
        return completion(MODEL, "bug")

    server = BatchServer(say)
    asked = ask(room, server)
    assert (asked.counts["unanswered"], asked.counts["refused"]) == (0, 1)
    assert len(server.single) == 20 + 10


def test_a_contender_whose_latency_counts_is_asked_anew_where_a_batch_answered(room: Room) -> None:
    server = BatchServer(right)
    with serving(server.app) as url:
        config = {"base_url": f"{url}/v1", "model": MODEL, "parameters": {"max_tokens": 8}}
        room.ask(many(), batch_from=LEAST, **config)
        again = room.ask(many(), batch_from=0, **config)
        timed = room.ask(many(), **config)
    assert (again.counts["paid_calls"], timed.counts["paid_calls"]) == (0, ROWS - 20)
    assert all(prediction.latency_ms > 0 for prediction in timed.predictions)


class Killed(BaseException):
    """The process dies here."""


def dying(room: Room, url: str, where: str) -> None:
    """A pass that is killed when its batch is over at the endpoint, or created there and not yet stored here."""

    class Dying(BatchClient):
        def hand_over(self, token, questions):
            made = super().hand_over(token, questions)
            if where == "created":
                raise Killed
            return made

        def look(self, batch_id):
            if where == "looked":
                raise Killed
            return super().look(batch_id)

    questions = room.questions(many(), f"{url}/v1", MODEL)
    with batch_client(f"{url}/v1", MODEL, "k") as real:
        bulk = room.bulk(Dying(real.base_url, real.model, real.sdk), MODEL, least=LEAST)
        with pytest.raises(Killed):
            batches.hand_over(bulk, questions, lambda done, of: None)


@pytest.mark.parametrize("where", ["created", "looked"])
def test_a_killed_pass_finds_its_batch_again_and_hands_nothing_over_twice(room: Room, where: str) -> None:
    seen = Seen()
    server = BatchServer(seen)
    with serving(server.app) as url:
        dying(room, url, where)
        assert len(rows_in(room, Reservation)) == ROWS, "the money of the whole batch is held"
        asked = room.ask(many(), base_url=f"{url}/v1", model=MODEL, batch_from=LEAST, parameters={"max_tokens": 8})
    assert (asked.counts["unanswered"], asked.counts["paid_calls"]) == (0, ROWS)
    assert (server.uploads, len(server.batches), server.single) == (1, 1, [])
    assert set(seen.asked.values()) == {1}


def test_a_pass_killed_before_its_file_was_created_uploads_it_once(room: Room) -> None:
    server = BatchServer(right)
    with serving(server.app) as url:
        questions = room.questions(many(), f"{url}/v1", MODEL)
        with batch_client(f"{url}/v1", MODEL, "k") as client:
            room.bulk(client, MODEL, least=LEAST).ledger.hold_batch("a-token", questions)
        asked = room.ask(many(), base_url=f"{url}/v1", model=MODEL, batch_from=LEAST, parameters={"max_tokens": 8})
    assert (asked.counts["paid_calls"], server.uploads, len(server.batches)) == (ROWS, 1, 1)
    (batch,) = server.batches.values()
    assert batch["metadata"] == {"assay": "a-token"}


def test_the_cap_holds_a_whole_batch_before_it_is_sent_and_is_never_passed(room: Room) -> None:
    with room.database.write() as tx:
        dear = Price(
            model="dear", starts_on=SystemClock().now().date(), input_nano=10**12, output_nano=10**12, source="t",
            by="U1", created_at=SystemClock().now(),
        )  # fmt: skip
        prices.add(tx, dear)
    server = BatchServer(lambda body: completion("dear", "bug"))
    budget = 9 * BUDGET  # a worst case is about 0.13 dollars, a call costs 0.022: so some 65 at once, 400 in all
    asked = ask(room, server, model="dear", budget_nano=budget)
    with room.database.read() as tx:
        bill = replies.bill(tx, RUN)
    assert bill.nano_usd <= budget
    (row,) = rows_in(room, PaidBatch)
    assert 10 <= row.calls < ROWS - 20
    assert asked.counts["unanswered"] == 0
    assert len(server.single) == ROWS - row.calls


def test_an_endpoint_that_is_down_for_a_while_is_waited_for(room: Room) -> None:
    seen = Seen()
    server = BatchServer(seen, then_down=5)
    assert ask(room, server).counts["paid_calls"] == ROWS
    assert server.then_down == 0
    assert set(seen.asked.values()) == {1}


def test_a_batch_that_is_called_off_is_ended_and_what_it_answered_is_paid_and_booked(room: Room) -> None:
    server = BatchServer(right, looks=100, most=30)
    with serving(server.app) as url:
        dying(room, url, "looked")
        with room.database.write() as tx:
            (left,) = replies.call_off(tx, RUN)
            tx.expunge_all()
        with batch_client(f"{url}/v1", MODEL, "k") as client:
            batches.call_off(client, room.database, SystemClock(), left)
    assert [one["status"] for one in server.batches.values()] == ["cancelled"]
    with room.database.read() as tx:
        assert replies.bill(tx, RUN).paid_calls == 30
    assert rows_in(room, Reservation) == []


def test_what_a_called_off_batch_brought_later_is_booked_by_the_next_pass_to_the_run_that_paid(room: Room) -> None:
    seen = Seen()
    server = BatchServer(seen, looks=1)
    with serving(server.app) as url:
        dying(room, url, "looked")
        with room.database.write() as tx:
            replies.call_off(tx, RUN)  # the endpoint could not be reached then
        asked = room.ask(
            many(),
            base_url=f"{url}/v1",
            model=MODEL,
            batch_from=LEAST,
            parameters={"max_tokens": 8},
            run_id="inv-another1",
        )
    with room.database.read() as tx:
        assert replies.bill(tx, RUN).paid_calls == ROWS
    assert (asked.counts["paid_calls"], asked.counts["reused"]) == (0, ROWS)
    assert set(seen.asked.values()) == {1}


def called_off_unheard(room: Room) -> None:
    """The labelling was cancelled while the endpoint could not be reached."""
    with room.database.write() as tx:
        replies.call_off(tx, RUN)


def test_a_called_off_batch_that_was_not_ended_then_is_ended_by_the_next_pass_and_not_waited_for(room: Room) -> None:
    server = BatchServer(right, looks=500, most=30)
    with serving(server.app) as url:
        dying(room, url, "looked")
        called_off_unheard(room)
        config = {"base_url": f"{url}/v1", "model": MODEL, "batch_from": LEAST, "parameters": {"max_tokens": 8}}
        room.ask(many(), run_id="inv-another1", **config)
    first = next(iter(server.batches.values()))
    assert (first["status"], first["looked"] < 100) == ("cancelled", True)


def test_a_called_off_batch_that_the_endpoint_does_not_know_any_more_stops_no_other_pass(room: Room) -> None:
    server = BatchServer(right)
    with serving(server.app) as url:
        dying(room, url, "looked")
        called_off_unheard(room)
    other = BatchServer(right)
    with serving(other.app) as elsewhere:
        with room.database.write() as tx:
            row = tx.exec(select(PaidBatch)).one()
            row.base_url = f"{elsewhere}/v1"  # the same address, another account behind it
            tx.add(row)
        asked = room.ask(
            [DatasetRow(id=f"n{number}", input=f"new {number}", output="bug") for number in range(ROWS)],
            base_url=f"{elsewhere}/v1",
            model=MODEL,
            batch_from=LEAST,
            parameters={"max_tokens": 8},
            run_id="inv-another1",
        )
    assert (asked.counts["unanswered"], asked.counts["stopped"]) == (0, "")


def test_texts_of_a_called_off_batch_are_asked_by_a_pass_without_batches_too(room: Room) -> None:
    server = BatchServer(right, looks=1, most=30)
    with serving(server.app) as url:
        dying(room, url, "looked")
        called_off_unheard(room)
        config = {"base_url": f"{url}/v1", "model": MODEL, "batch_from": 0, "parameters": {"max_tokens": 8}}
        asked = room.ask(many(), run_id="inv-another1", **config)
    assert asked.counts["unanswered"] == 0
