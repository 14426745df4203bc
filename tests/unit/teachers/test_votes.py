"""A row that is asked several times: each sample is a paid call of its own, and the majority is the answer."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from starlette.responses import Response

from engine.evals.rows import DatasetRow
from engine.testing.scripted_server import completion, refusal, scripted_app, serving
from tests.unit.teachers.asking import Room

ROWS = [DatasetRow(id=f"r{n}", input=f"What is {n} plus 1?", output=str(n + 1)) for n in range(4)]
VOTES: dict[str, Any] = {
    "contender": "votes", "approach": "reason", "classes": [], "prompt": "Work it out.",
    "samples": 5, "temperature": 0.7, "parameters": {"temperature": 0, "seed": 4},
}  # fmt: skip
Say = Callable[[str, int], Response | str]


class Endpoint:
    """Answers each sample of a text as ``say`` decides by its number, and keeps what it was sent."""

    def __init__(self, say: Say) -> None:
        self.say, self.bodies, self.asked = say, list[dict[str, Any]](), Counter[str]()

    def script(self, body: dict[str, Any]) -> Response:
        text = body["messages"][-1]["content"]
        self.bodies.append(body)
        self.asked[text] += 1
        said = self.say(text, self.asked[text] - 1)
        return said if isinstance(said, Response) else completion(body["model"], said)


def right(text: str) -> str:
    return str(int(text.split()[2]) + 1)


def test_each_sample_is_asked_once_and_the_majority_of_the_answers_is_graded(room: Room) -> None:
    def say(text: str, sample: int) -> str:  # right three times of five, in two spellings
        return f"So: {right(text)}\nAnswer: ${right(text)}.00" if sample % 2 == 0 else f"Answer: {100 + sample}"

    endpoint = Endpoint(say)
    with serving(scripted_app(endpoint.script)) as url:
        asked = room.ask(ROWS, base_url=f"{url}/v1", **VOTES)
        again = room.ask(ROWS, base_url=f"{url}/v1", **VOTES)
    assert [one.output for one in asked.predictions] == ["1", "2", "3", "4"]
    assert all(one.correct and one.confidence == 0.6 for one in asked.predictions)
    assert {(one.tokens_in, one.tokens_out) for one in asked.predictions} == {(100, 10)}  # all five are its cost
    assert asked.counts["alone"] == pytest.approx(0.6)
    assert (asked.counts["paid_calls"], asked.counts["nano_usd"]) == (20, 20 * (20 * 2_000 + 2 * 8_000))
    assert set(endpoint.asked.values()) == {5}, "what was paid is never asked again"
    assert again.predictions == asked.predictions
    assert {body["temperature"] for body in endpoint.bodies} == {0.7}
    assert not any("seed" in body for body in endpoint.bodies), "a fixed seed is the same sample five times"


def test_a_row_votes_only_when_all_of_its_samples_are_there_and_invalid_ones_have_no_vote(room: Room) -> None:
    turns: defaultdict[str, int] = defaultdict(int)
    broken = {ROWS[0].input}

    def say(text: str, sample: int) -> Response | str:
        turns[text] += 1
        if text in broken and sample >= 3:
            return refusal(500)
        return "Answer:" + " " * 3 if text == ROWS[1].input and sample < 4 else f"Answer: {right(text)}"

    endpoint = Endpoint(say)
    with serving(scripted_app(endpoint.script)) as url:
        short = room.ask(ROWS, base_url=f"{url}/v1", **VOTES)
        paid = turns[ROWS[1].input]
        broken.clear()
        endpoint.asked.clear()
        whole = room.ask(ROWS, base_url=f"{url}/v1", **VOTES)
    assert [one.row_id for one in short.predictions] == ["r1", "r2", "r3"]
    assert (short.counts["unanswered"], short.counts["stopped"]) == (1, "")
    assert (whole.counts["unanswered"], whole.counts["paid_calls"]) == (0, 2), "the two missing samples alone"
    assert turns[ROWS[1].input] == paid == 5
    lone = next(one for one in whole.predictions if one.row_id == "r1")
    assert (lone.output, lone.correct, lone.confidence) == ("2", True, 0.2)


def test_samples_that_are_too_old_are_all_asked_anew_under_numbers_of_their_own(room: Room) -> None:
    endpoint = Endpoint(lambda text, sample: f"Answer: {right(text)}")
    later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    with serving(scripted_app(endpoint.script)) as url:
        room.ask(ROWS, base_url=f"{url}/v1", **VOTES)
        again = room.ask(ROWS, base_url=f"{url}/v1", fresh_since=later, **VOTES)
    assert (again.counts["paid_calls"], again.counts["reused"]) == (20, 0)
    assert set(endpoint.asked.values()) == {10}


def test_the_cap_holds_in_the_middle_of_a_vote(room: Room) -> None:
    endpoint = Endpoint(lambda text, sample: f"Answer: {right(text)}")
    with serving(scripted_app(endpoint.script)) as url:
        asked = room.ask(
            ROWS, base_url=f"{url}/v1", **VOTES | {"parameters": {"max_tokens": 8}, "budget_nano": 1_200_000}
        )
    assert "budget" in asked.counts["stopped"]
    assert asked.counts["nano_usd"] <= 1_200_000
    assert len(asked.predictions) < len(ROWS)
