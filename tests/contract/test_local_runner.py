"""The runner on this host: what every runner promises, and what it does with devices, heartbeats and logs."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from engine.evals.rows import DatasetRow
from engine.runners import JobSpec, JobStatus
from engine.runners.folder import Attempt, Ended
from tests.contract.runner_promises import CANARY, ROWS, RunnerPromises
from tests.training.home import Home
from tests.waiting import eventually

FULL_AT = 400  # bytes of a file: there is room to say how a job ended, and none for a model card

pytestmark = [pytest.mark.processes, pytest.mark.xdist_group("processes")]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


class TestLocalRunner(RunnerPromises):
    @pytest.fixture
    def site(self, home: Home) -> Home:
        return home


def started(home: Home, spec: JobSpec) -> int:
    """Start a job that waits for the device; its pid, which the job itself has said."""
    home.runner.ensure(spec)
    eventually(lambda: (owner := home.folder(spec).owner()) is not None and owner.ticks > 0)
    owner = home.folder(spec).owner()
    assert owner is not None
    return owner.pid


def made_older(path: Path, seconds: float) -> None:
    os.utime(path, (time.time() - seconds, time.time() - seconds))


def test_a_job_waits_for_the_device(home: Home) -> None:
    spec = home.training(ROWS)
    with home.busy_device():
        started(home, spec)
        assert home.runner.poll(spec.job_id).status is JobStatus.QUEUED
    assert home.wait(spec).status is JobStatus.DONE


def test_cancel_ends_a_job_that_does_not_listen(home: Home) -> None:
    spec = home.training(ROWS)
    with home.busy_device():
        os.kill(started(home, spec), signal.SIGSTOP)  # a stopped process takes SIGKILL alone
        home.runner.cancel(spec.job_id)
        assert not home.folder(spec).is_alive()


def test_a_job_that_dies_three_times_has_failed_and_may_be_asked_for_later(home: Home) -> None:
    spec = home.training(ROWS)
    with home.busy_device():
        for _ in range(3):
            os.kill(started(home, spec), signal.SIGKILL)
            eventually(lambda: not home.folder(spec).is_alive())
        state = home.runner.poll(spec.job_id)
        assert (state.status, state.retryable) == (JobStatus.FAILED, False)
        assert "3 times" in state.cause
        assert home.runner.ensure(spec).status is JobStatus.FAILED
    made_older(home.folder(spec).told, 120)
    assert home.runner.poll(spec.job_id).status is JobStatus.GONE
    assert home.run(spec).status is JobStatus.DONE


def test_a_job_without_a_heartbeat_is_ended(home: Home) -> None:
    spec = home.training(ROWS)
    with home.busy_device():
        os.kill(started(home, spec), signal.SIGSTOP)
        made_older(home.folder(spec).heartbeat, 61)
        assert home.runner.poll(spec.job_id).status is JobStatus.GONE
        assert not home.folder(spec).is_alive()


def test_a_job_that_nobody_polls_stops_and_goes_on_when_asked_for(home: Home) -> None:
    spec = home.training(ROWS)
    with home.busy_device():
        started(home, spec)
        made_older(home.folder(spec).polled, 16 * 60)
        eventually(lambda: not home.folder(spec).is_alive())
        ended = home.folder(spec).ended()
        assert ended is not None
        assert ended.state == "stopped"
    assert home.run(spec).status is JobStatus.DONE
    assert home.folder(spec).attempt().tries == 1


def test_a_job_that_is_told_to_stop_while_it_clears_up_keeps_its_result(home: Home) -> None:
    folder = home.folder(home.training(ROWS))
    folder.prepare(home.training(ROWS))
    folder.begin(Attempt(number=1, tries=1))
    folder.end(Ended(attempt=1, state="done", result={"artifact": "a"}))
    stop = (
        "import sys; from pathlib import Path; from engine.jobs import job; "
        "job._stopper(job.JobFolder(Path(sys.argv[1])), 1)(15, None)"
    )
    assert subprocess.run([sys.executable, "-c", stop, str(folder.path)], check=False).returncode == 143
    assert home.runner.poll(folder.job_id).status is JobStatus.DONE


def test_a_result_of_another_attempt_is_refused(home: Home) -> None:
    spec = home.training(ROWS)
    home.folder(spec).prepare(spec)
    home.folder(spec).end(Ended(attempt=3, state="done", result={"artifact": "stale"}))
    assert home.runner.poll(spec.job_id).status is JobStatus.GONE
    assert home.run(spec).result["artifact"] != "stale"


def test_a_job_whose_disk_is_full_says_so_and_goes_on_once_there_is_room(home: Home) -> None:
    spec = home.training(ROWS)
    with home.busy_device():
        pid = started(home, spec)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (FULL_AT, FULL_AT))  # what it writes beyond fails
    state = home.wait(spec)
    assert (state.status, state.cause, state.retryable) == (JobStatus.FAILED, "the disk is full", True)
    assert home.run(spec).status is JobStatus.DONE


def test_no_text_reaches_log_or_cause(home: Home) -> None:
    broken = [*ROWS, DatasetRow(id="bad", input=CANARY, output=f"{CANARY}-label")]
    spec = home.training(broken, rung="tfidf", settings={"c": 1.0})
    state = home.run(spec)
    assert state.status is JobStatus.FAILED
    written = "".join(
        path.read_text() for path in home.folder(spec).path.iterdir() if path.suffix in {".txt", ".json", ".jsonl"}
    )
    assert written
    assert CANARY not in state.cause + written


def test_a_surprise_is_told_without_its_message(home: Home) -> None:
    spec = home.training(ROWS, rung="tfidf", settings={"c": -1.0})  # scikit-learn refuses a negative C
    state = home.run(spec)
    assert state.status is JobStatus.FAILED
    assert state.cause.startswith("the job broke: ")
    assert CANARY not in home.folder(spec).log.read_text()
