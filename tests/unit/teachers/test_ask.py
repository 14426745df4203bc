"""Every row of the table in docs/engine.md, against a real loopback server."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from starlette.responses import JSONResponse, Response

from engine.evals.rows import DatasetRow
from engine.store import replies
from engine.teachers.options import shots
from engine.teachers.pace import DOWN
from engine.testing.clock import FixedClock
from engine.testing.scripted_server import completion, refusal, scripted_app, serving
from tests.unit.teachers.asking import BUDGET, RUN, rows_of


def test_every_row_is_answered_graded_and_paid_once(room) -> None:
    asked = room.ask(rows_of(60))
    assert [prediction.row_id for prediction in asked.predictions] == [f"r{number}" for number in range(60)]
    assert all(prediction.valid for prediction in asked.predictions)
    assert 0.5 < sum(prediction.correct for prediction in asked.predictions) / 60 < 0.9
    counts = asked.counts
    assert (counts["paid_calls"], counts["reused"], counts["unanswered"], counts["stopped"]) == (60, 0, 0, "")
    with room.database.read() as tx:
        bill = replies.bill(tx, RUN)
    assert (bill.paid_calls, bill.nano_usd) == (60, counts["nano_usd"])
    assert bill.nano_usd == (bill.input_tokens * 2 + bill.output_tokens * 8) * 1000


def test_a_reply_in_the_ledger_is_never_asked_again(room) -> None:
    first = room.ask(rows_of(40))
    second = room.ask(rows_of(60))
    assert (second.counts["paid_calls"], second.counts["reused"]) == (20, 40)
    assert second.predictions[:40] == first.predictions
    assert set(room.seen()["asked"].values()) == {1}


def test_a_reply_that_is_too_old_is_asked_for_again_and_the_old_one_stays(room) -> None:
    first = room.ask(rows_of(10))
    later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    again = room.ask(rows_of(10), fresh_since=later)
    assert (again.counts["paid_calls"], again.counts["reused"]) == (10, 0)
    assert again.counts["oldest_at"] > first.counts["oldest_at"]
    since = again.counts["oldest_at"]  # the second replies are new enough, the first are not
    assert room.ask(rows_of(10), fresh_since=since).counts["reused"] == 10
    whatever = room.ask(rows_of(10))
    assert whatever.counts["oldest_at"] == first.counts["oldest_at"]
    assert set(room.seen()["asked"].values()) == {2}


def test_identical_messages_of_two_rows_are_one_call(room) -> None:
    row = rows_of(1)[0]
    twin = DatasetRow(id="twin", input=row.input, output="other")
    asked = room.ask([row, twin])
    assert asked.counts["paid_calls"] == 1
    assert [prediction.row_id for prediction in asked.predictions] == ["r0", "twin"]
    assert asked.predictions[0].output == asked.predictions[1].output


def test_a_new_prompt_model_or_parameter_is_a_new_question(room) -> None:
    room.ask(rows_of(5))
    assert room.ask(rows_of(5), prompt="Classify it.").counts["paid_calls"] == 5
    assert room.ask(rows_of(5), parameters={"temperature": 1}).counts["paid_calls"] == 5
    assert room.ask(rows_of(5), contender="few_shot").counts["paid_calls"] == 5


def test_a_busy_endpoint_is_asked_again_until_it_answers(room) -> None:
    room.fail(status=429, times=6)
    asked = room.ask(rows_of(20))
    assert (asked.counts["unanswered"], asked.counts["paid_calls"]) == (0, 20)
    assert sum(room.seen()["answered"].values()) == 20


@pytest.mark.parametrize("fault", [{"status": 500}, {"garbage": True}])
def test_a_row_without_an_answer_in_six_tries_is_counted_and_can_be_asked_later(room, fault) -> None:
    room.fail(times=10_000, **fault)
    asked = room.ask(rows_of(3))
    assert (asked.counts["unanswered"], asked.counts["stopped"], asked.predictions) == (3, "", [])
    assert set(room.seen()["asked"].values()) == {6}
    room.fail()
    assert room.ask(rows_of(3)).counts["paid_calls"] == 3


def test_an_endpoint_that_is_down_ends_the_pass_after_a_few_tries_and_not_after_six_for_every_row(room) -> None:
    calls: list[int] = []

    def down(_body: dict[str, Any]) -> Response:
        calls.append(1)
        return refusal(503)

    with serving(scripted_app(down)) as url:
        asked = room.ask(rows_of(150), base_url=f"{url}/v1")
    assert (asked.counts["unanswered"], asked.counts["stopped"]) == (150, "")
    assert DOWN <= len(calls) <= DOWN + 8


def test_an_endpoint_that_fails_now_and_then_is_not_taken_for_down(room) -> None:
    room.fail(status=503, times=8)
    assert room.ask(rows_of(60)).counts["paid_calls"] == 60
    room.fail(status=503, times=8)
    assert room.ask(rows_of(120)).counts["paid_calls"] == 60


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_a_refused_key_stops_at_once_with_one_sentence(room, status) -> None:
    calls = []
    with serving(scripted_app(lambda body: calls.append(1) or refusal(status))) as url:
        asked = room.ask(rows_of(50), base_url=f"{url}/v1")
    assert str(status) in asked.counts["stopped"]
    assert "CANARY" not in asked.counts["stopped"]
    assert len(calls) <= 8
    assert asked.counts["unanswered"] == 50


def test_an_account_out_of_credit_is_not_asked_again(room) -> None:
    calls = []
    with serving(scripted_app(lambda body: calls.append(1) or refusal(429, code="insufficient_quota"))) as url:
        asked = room.ask(rows_of(50), base_url=f"{url}/v1")
    assert "credit" in asked.counts["stopped"]
    assert len(calls) <= 8


def test_an_endpoint_that_asks_for_an_hour_is_left_alone(room) -> None:
    calls = []
    with serving(scripted_app(lambda body: calls.append(1) or refusal(429, retry_after="3600"))) as url:
        asked = room.ask(rows_of(50), base_url=f"{url}/v1")
    assert (asked.counts["unanswered"], asked.counts["stopped"]) == (50, "")
    assert len(calls) <= 8


def test_refused_cut_and_foreign_answers_are_invalid_and_paid_for(room) -> None:
    says = {
        "a": completion("m", None, refusal="I cannot"),
        "b": completion("m", "billing", finish="length"),
        "c": completion("m", "billing", finish="content_filter"),
        "d": completion("m", "no such label"),
        "e": completion("m", ' "Billing". '),
        "f": refusal(400, code="content_filter"),
    }
    rows = [DatasetRow(id=name, input=name, output="billing") for name in says]
    with serving(scripted_app(lambda body: says[body["messages"][-1]["content"]])) as url:
        asked = room.ask(rows, base_url=f"{url}/v1")
    assert {prediction.row_id: prediction.valid for prediction in asked.predictions} == {
        "a": False, "b": False, "c": False, "d": False, "e": True, "f": False,
    }  # fmt: skip
    assert [prediction.correct for prediction in asked.predictions] == [False] * 4 + [True, False]
    assert asked.counts["paid_calls"] == 6
    assert asked.counts["unanswered"] == 0


@pytest.mark.parametrize(
    "said",
    [
        {"code": "context_length_exceeded", "message": "CANARY"},
        {"code": None, "message": "This model's maximum context length is 4096 tokens; CANARY"},
    ],
)
def test_an_input_that_does_not_fit_the_context_is_counted_as_cut_and_the_others_go_on(room, said) -> None:
    def answer(body: dict[str, Any]) -> Response:
        text = body["messages"][-1]["content"]
        return completion("m", "billing") if text != "long" else JSONResponse({"error": said}, 400)

    rows = [DatasetRow(id=name, input=name, output="billing") for name in ("a", "long", "b")]
    with serving(scripted_app(answer)) as url:
        asked = room.ask(rows, base_url=f"{url}/v1")
    assert (asked.counts["cut"], asked.counts["unanswered"], asked.counts["stopped"]) == (1, 0, "")
    assert [prediction.valid for prediction in asked.predictions] == [True, False, True]
    assert asked.counts["nano_usd"] == 2 * (20 * 2 + 2 * 8) * 1000, "what was not read is not paid for"


def test_a_clock_that_jumps_a_day_either_way_repeats_no_paid_call_and_passes_no_cap(room) -> None:
    now = datetime.now(UTC)
    for jump, rows in ((0, 40), (-1, 50), (1, 60), (0, 60)):
        room.ask(rows_of(rows), clock=FixedClock(now + timedelta(days=jump)))
    assert set(room.seen()["asked"].values()) == {1}
    with room.database.read() as tx:
        paid = replies.bill(tx, RUN)
    assert paid.paid_calls == 60
    after = room.ask(rows_of(150), clock=FixedClock(now - timedelta(days=2)), budget_nano=paid.nano_usd + 1)
    assert after.counts["paid_calls"] == 0


def test_the_budget_is_never_passed_and_the_sentence_names_both_sums(room) -> None:
    budget = 20_000_000  # 2 cents: a worst case is a little over 1.6
    asked = room.ask(rows_of(150), budget_nano=budget)
    with room.database.read() as tx:
        bill = replies.bill(tx, RUN)
    assert 0 < bill.paid_calls < 150
    assert bill.nano_usd <= budget
    assert "$0.02" in asked.counts["stopped"]
    assert f"${bill.nano_usd / 1e9:,.4f}" in asked.counts["stopped"]
    assert asked.counts["unanswered"] == 150 - bill.paid_calls
    assert room.ask(rows_of(150), budget_nano=BUDGET).counts["paid_calls"] == 150 - bill.paid_calls


def test_an_unknown_price_stops_a_remote_model_and_not_a_local_one(room) -> None:
    far = room.ask(rows_of(3), base_url="https://llm.example.com/v1", model="acme-frontier-1")
    assert "/assay settings prices" in far.counts["stopped"]
    with serving(scripted_app(lambda body: completion("acme", "billing"))) as url:
        near = room.ask(rows_of(3), base_url=f"{url}/v1", model="acme-frontier-1")
    assert (near.counts["paid_calls"], near.counts["nano_usd"], near.counts["stopped"]) == (3, 0, "")


def test_a_host_without_a_key_is_never_sent_one(room) -> None:
    asked = room.ask(rows_of(3), base_url="https://llm.example.com/v1", model="gpt-4o-mini")
    assert "ASSAY_UPSTREAM_KEYS=llm.example.com:443" in asked.counts["stopped"]


def test_progress_that_raises_ends_the_pass_and_keeps_what_was_paid(room) -> None:
    def stop(step, of, loss) -> None:
        if step >= 10:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        room.ask(rows_of(200), progress=stop)
    with room.database.read() as tx:
        bill = replies.bill(tx, RUN)
    assert 10 <= bill.paid_calls < 60
    assert sum(room.seen()["answered"].values()) == bill.paid_calls


def test_a_limit_on_tokens_is_always_sent(room) -> None:
    bodies = []
    with serving(scripted_app(lambda body: bodies.append(body) or completion("m", "bug"))) as url:
        room.ask(rows_of(1), base_url=f"{url}/v1", parameters={"n": 5, "stream": True, "top_k": 3})
        room.ask(rows_of(1), base_url=f"{url}/v1", parameters={"max_tokens": 5})
    assert [body["max_tokens"] for body in bodies] == [2048, 5]
    assert bodies[0]["top_k"] == 3
    assert not {"n", "stream"} & set(bodies[0])


def test_a_broken_prompt_is_told_and_nothing_is_asked(room) -> None:
    asked = room.ask(rows_of(3), prompt="{{ input }} {{ nothing }}")
    assert "cannot be rendered" in asked.counts["stopped"]
    assert room.seen()["asked"] == {}


def test_examples_are_drawn_by_seed_over_all_labels() -> None:
    rows = rows_of(60)
    drawn = shots(rows, 7)
    assert drawn == shots(list(reversed(rows)), 7)
    assert len(drawn) == 5
    assert {row.output for row in drawn} == {"billing", "bug", "other"}
    assert drawn != shots(rows, 8)
