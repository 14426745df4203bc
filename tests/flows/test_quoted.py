"""What a teacher's labels cost is told before they are paid for, and measured by the first replies that were."""

from __future__ import annotations

import json
import pathlib
from typing import Any

import pytest
from starlette.responses import Response

from engine.desk import Desk, labellings
from engine.testing.scripted_server import completion, refusal, scripted_app, serving
from tests.flows.taught import SLUG, TEACHER, captured, right, taught
from tests.prepared import sqlite_in

ROWS = 80


@pytest.fixture
def database_url(tmp_path: pathlib.Path) -> str:
    """The ledger's promises are tested on both databases in test_replies; a quote only reads it."""
    return sqlite_in(tmp_path)


class Wordy:
    """A teacher with a tokenizer of its own, which thinks aloud before it answers; 401 after ``most`` replies."""

    def __init__(self, most: int = 10**6) -> None:
        self.most = most
        self.usages: dict[str, tuple[int, int]] = {}

    def script(self, body: dict[str, Any]) -> Response:
        text = body["messages"][-1]["content"]
        if len(self.usages) >= self.most:
            return refusal(401)
        fed = round(sum(len(message["content"]) for message in body["messages"]) / 2.5)
        self.usages[text] = fed, 50 + int(text.split()[0]) % 7
        said = json.loads(completion(body["model"], right(text)).body)
        said["usage"] = {"prompt_tokens": fed, "completion_tokens": self.usages[text][1]}
        return Response(json.dumps(said), media_type="application/json")

    @property
    def usd(self) -> float:
        """At ten cents a thousand tokens."""
        return sum(fed + said for fed, said in self.usages.values()) / 10_000


def test_twenty_replies_of_a_run_tell_within_a_quarter_what_all_of_it_costs(desk: Desk) -> None:
    wordy = Wordy(most=20)
    with serving(scripted_app(wordy.script)) as url:
        captured(desk, url, ROWS)
        before = labellings.quote(desk, SLUG, sample=ROWS, teacher=TEACHER)
        seen = taught(desk, sample=ROWS)
        assert seen.quoted is not None
        wordy.most = 10**6
        taught(desk, sample=ROWS)
    assert (before.probes, seen.quoted.probes) == (0, 20)
    assert before.usd < 0.5 * wordy.usd, "a guess from characters is told as one, and is not what is claimed"
    assert seen.quoted.usd == pytest.approx(wordy.usd, rel=0.25)


def test_the_next_quote_is_measured_by_what_the_same_prompt_and_teacher_said_before(desk: Desk) -> None:
    wordy = Wordy()
    with serving(scripted_app(wordy.script)) as url:
        captured(desk, url, ROWS)
        first = taught(desk, sample=30)
        quote = labellings.quote(desk, SLUG, sample=50, teacher=TEACHER)
        taught(desk, sample=50)
    assert quote.probes == 30
    assert quote.usd == pytest.approx(wordy.usd - first.spent_usd, rel=0.25)


def test_a_run_of_fewer_texts_than_probes_is_quoted_from_characters_alone(desk: Desk) -> None:
    with serving(scripted_app(Wordy().script)) as url:
        captured(desk, url, ROWS)
        assert taught(desk, sample=19).quoted is None
        assert labellings.quote(desk, SLUG, sample=20, teacher=TEACHER).probes == 0
