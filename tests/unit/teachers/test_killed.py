"""kill -9 of the process that asks, twice: no reply that had arrived is ever asked for again (docs/engine.md)."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import httpx2
import pytest

from engine.store import replies
from engine.teachers import options
from engine.teachers.replies import Question, sent_parameters
from engine.testing.scripted_server import serving
from engine.testing.simulated_model import MODEL, digest, simulated_app
from tests.unit.teachers.asking import RUN, TRUTH, rows_of, spec_of

ROOT = Path(__file__).parents[3]
CONCURRENT = 8


@pytest.fixture
def url():
    with serving(simulated_app(TRUTH, latency_ms=40)) as found:
        yield found


def start(database, url: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.unit.teachers.asking_child", f"sqlite:///{database.path}", f"{url}/v1"]
    return subprocess.Popen(command, cwd=ROOT)


def paid(database) -> int:
    with database.read() as tx:
        return replies.bill(tx, RUN).paid_calls


def kill_after(child: subprocess.Popen[bytes], database, calls: int) -> None:
    deadline = time.monotonic() + 60
    while paid(database) < calls:
        assert child.poll() is None, "it ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.005)
    child.kill()
    child.wait()


def digests_of_booked(database, url: str) -> set[str]:
    """The digests of the messages whose reply is in the ledger."""
    config = spec_of(f"{url}/v1").config
    by_key = {}
    for row in rows_of(200):
        messages = options.messages("baseline", config["prompt"], row.input, addition="")
        question = Question(config["base_url"], MODEL, messages, sent_parameters(url, config["parameters"]))
        by_key[question.key] = digest(list(messages))
    with database.read() as tx:
        return {by_key[key] for key in replies.find(tx, list(by_key))}


@pytest.mark.processes
@pytest.mark.xdist_group("processes")
def test_killed_twice_no_reply_that_had_arrived_is_asked_for_again(database, url) -> None:
    booked: list[set[str]] = []
    asked_then: list[dict[str, int]] = []
    for calls in (40, 100):
        kill_after(start(database, url), database, calls)
        booked.append(digests_of_booked(database, url))
        asked_then.append(httpx2.get(f"{url}/seen", timeout=60).json()["asked"])
    assert start(database, url).wait(60) == 0
    asked = httpx2.get(f"{url}/seen", timeout=60).json()["asked"]
    for known, then in zip(booked, asked_then, strict=True):
        assert {name: asked[name] for name in known} == {name: then[name] for name in known}
    assert paid(database) == 200
    # What was under way at a kill may be asked twice, and nothing else.
    assert sum(asked.values()) <= 200 + 2 * CONCURRENT
    with database.read() as tx:
        assert replies.bill(tx, RUN).nano_usd > 0
