"""SIGKILL at every step of an investigation: one verdict, no paid call repeated, finished work kept."""

from __future__ import annotations

import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest

from engine.models.investigation import RunState
from tests.flows.conftest import SLUG, Deployment

pytestmark = [pytest.mark.torch, pytest.mark.processes, pytest.mark.xdist_group("processes")]


@pytest.fixture
def database_url(tmp_path: pathlib.Path) -> str:
    """One database is enough here: what differs is in the contract tests of the durable port."""
    return f"sqlite:///{tmp_path / 'assay.db'}"


def _line(deployment: Deployment, name: str) -> str:
    run = deployment.run()
    lines = run.progress.get("tasks", []) if run else []
    return next((line["state"] for line in lines if line["name"].startswith(name)), "pending")


def _is_asking(deployment: Deployment) -> bool:
    return len(deployment.seen()["answered"]) > 20


def _is_training(deployment: Deployment) -> bool:
    return any("frozen" in path.read_text() for path in deployment.home.glob("jobs/train-*/spec.json"))


def _is_scoring_sealed(deployment: Deployment) -> bool:
    return _line(deployment, "sealed rows") != "pending"  # a look may come late


def _is_deciding(deployment: Deployment) -> bool:
    return _line(deployment, "sealed rows") == "complete"


@pytest.mark.timeout(1800)
def test_an_engine_killed_in_asking_training_scoring_and_deciding_gives_one_verdict(deployment: Deployment) -> None:
    deployment.register()
    deployment.say(f"investigate {SLUG} effort=quick budget=500")
    for moment in (_is_asking, _is_training, _is_scoring_sealed, _is_deciding):
        engine = deployment.start_engine()
        deployment.wait(lambda moment=moment: moment(deployment), moment.__name__)
        os.killpg(engine.pid, signal.SIGKILL)
        engine.wait()
    restarted = time.monotonic()
    deployment.start_engine()
    run = deployment.run()
    assert run is not None
    deployment.wait(lambda: deployment.verdict(run.run_id), "the verdict")
    assert time.monotonic() - restarted < 180  # make soak-engine measures it on a machine at rest
    ended = deployment.run()
    assert ended is not None
    assert ended.state is RunState.DONE, ended.reason
    assert max(deployment.seen()["answered"].values()) == 1
    verdict = deployment.verdict(run.run_id)
    assert verdict is not None
    assert verdict.record["bill"]["paid_calls"] == len(deployment.seen()["answered"])
    begun = {path.parent.name: path.read_text().count("job.begun") for path in deployment.home.glob("jobs/*/log.txt")}
    assert set(begun.values()) == {1}, begun  # children run on without their control: nothing was begun twice


def test_a_second_engine_is_refused_with_who_holds_the_deployment(deployment: Deployment) -> None:
    deployment.register()
    deployment.start_engine()
    deployment.wait(lambda: "engine.started" in deployment.log(), "the first engine")
    command = [sys.executable, "-m", "bot.cli", "engine"]
    second = subprocess.run(command, env=deployment.environment, capture_output=True, text=True, timeout=240)
    assert second.returncode == 1
    assert "another engine (host " in second.stderr
    assert "set ASSAY_HOME / ASSAY_DATABASE_URL to another one" in second.stderr
    assert second.stderr.count("\n") == 1


def test_cancelling_ends_every_process_of_the_run(deployment: Deployment) -> None:
    deployment.register()
    told = deployment.say(f"investigate {SLUG} effort=quick budget=500")
    run_id = next(word for word in told.replace(".", " ").split() if word.startswith("inv-"))
    deployment.start_engine()
    deployment.wait(lambda: _is_training(deployment), "training")
    deployment.say(f"cancel {run_id}")
    deployment.wait(lambda: deployment.run().finished_at, "the end")  # type: ignore[union-attr] # there is one
    run = deployment.run()
    assert run is not None
    assert run.state is RunState.CANCELLED
    assert "Cancelled" in run.reason
    deployment.wait(lambda: not _jobs_alive(deployment), "no process")
    assert "ended already" in deployment.say(f"cancel {run_id}", code=1)


def _jobs_alive(deployment: Deployment) -> bool:
    found = subprocess.run(["pgrep", "-f", f"engine.jobs {deployment.home}"], capture_output=True, text=True)
    return bool(found.stdout.strip())
