"""A teacher's labelling by real programs: engine and job killed, no paid call repeated."""

from __future__ import annotations

import json
import os
import pathlib
import signal

import pytest
from sqlmodel import select

from engine.models.investigation import PaidReply, RunState
from engine.models.labelling import Labelling
from tests.flows.conftest import SLUG, Deployment

pytestmark = [pytest.mark.processes, pytest.mark.xdist_group("processes")]
TEXTS = 120


@pytest.fixture
def database_url(tmp_path: pathlib.Path) -> str:
    """One database is enough here: the ledger's promises are tested on both in test_replies."""
    return f"sqlite:///{tmp_path / 'assay.db'}"


def labelling(deployment: Deployment) -> Labelling | None:
    with deployment.database.read() as tx:
        return tx.exec(select(Labelling)).one_or_none()


def booked(deployment: Deployment) -> int:
    with deployment.database.read() as tx:
        return len(tx.exec(select(PaidReply.key)).all())


def kill_jobs(home: pathlib.Path) -> None:
    for owner in home.glob("jobs/ask-*/owner.json"):
        try:
            os.killpg(json.loads(owner.read_text())["pid"], signal.SIGKILL)
        except ProcessLookupError:
            continue


def test_a_labelling_whose_engine_and_job_are_killed_pays_for_no_reply_twice(deployment: Deployment) -> None:
    deployment.say(
        f'register {SLUG} model=simulated-frontier-1 prompt="Say negative, neutral or positive." rights="it is so" '
        f"base_url={deployment.model_url} labels=negative,neutral,positive"
    )
    deployment.assay("import-traffic", SLUG, str(deployment.home / "traffic.jsonl"), "--format", "assay")
    told = deployment.say(f"labels {SLUG} sample={TEXTS} budget=5")
    run_id = next(word for word in told.replace(",", " ").replace(".", " ").split() if word.startswith("lab-"))
    engine = deployment.start_engine()
    deployment.wait(lambda: booked(deployment) >= TEXTS / 4, "paid replies")
    os.killpg(engine.pid, signal.SIGKILL)
    engine.wait()
    kill_jobs(deployment.home)
    deployment.start_engine()
    deployment.wait(lambda: labelling(deployment).finished_at, "the end")  # type: ignore[union-attr] # there is one
    ended = labelling(deployment)
    assert ended is not None
    assert (ended.run_id, ended.state) == (run_id, RunState.DONE), ended.reason
    answered = deployment.seen()["answered"]
    in_flight = 8  # replies whose reader was killed: nobody can know of them
    assert sum(answered.values()) - len(answered) <= in_flight
    assert len(answered) == booked(deployment) == ended.drawn
    assert "120 labels by a teacher" in deployment.say(f"status {run_id}")
