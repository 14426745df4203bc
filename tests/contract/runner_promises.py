"""What every runner promises, on real child processes: one job is one process, whoever asks and whatever is killed."""

from __future__ import annotations

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from engine.evals.rows import DatasetRow
from engine.runners import JobSpec, JobState, JobStatus, Runner
from engine.store.artifacts import Artifacts
from engine.testing.corpus import CLASSES
from tests.training.home import WAITING
from tests.waiting import eventually

CANARY = "xyzzy-canary-7731"
ROWS = [DatasetRow(id=f"r{number}", input=f"{CANARY} text {number}", output=CLASSES[number % 2]) for number in range(9)]


class Site(Protocol):
    """Where a runner's jobs can be watched. A job started while the device is busy waits for it."""

    path: Path

    @property
    def runner(self) -> Runner: ...

    @property
    def artifacts(self) -> Artifacts: ...

    def training(self, rows: list[DatasetRow], *, rung: str = "majority") -> JobSpec: ...

    def run(self, spec: JobSpec) -> JobState: ...

    def wait(self, spec: JobSpec) -> JobState: ...

    def busy_device(self) -> AbstractContextManager[None]: ...


def processes_of(site: Site, spec: JobSpec) -> list[int]:
    """The living processes that work on a job of this site; another one on this machine may have the same job."""
    found: list[int] = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            words = (path / "cmdline").read_bytes().split(b"\0")
            is_here = str(site.path).encode() in (path / "environ").read_bytes()
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
        if is_here and b"engine.jobs" in words and any(spec.job_id.encode() in word for word in words):
            found.append(int(path.name))
    return found


def started(site: Site, spec: JobSpec) -> int:
    """Start a job that waits for the device; its pid."""
    site.runner.ensure(spec)
    eventually(lambda: len(processes_of(site, spec)) == 1)
    return processes_of(site, spec)[0]


class RunnerPromises:
    """Inherited by the test class of each runner, which gives the fixture ``site``."""

    def test_a_job_ends_with_a_result_that_stays(self, site: Site) -> None:
        spec = site.training(ROWS)
        state = site.run(spec)
        assert state.status is JobStatus.DONE
        assert state.progress == 1.0
        assert site.artifacts.has(state.result["artifact"])
        assert site.runner.ensure(spec).result == state.result
        site.runner.cancel(spec.job_id)
        assert site.runner.poll(spec.job_id).result == state.result
        assert site.runner.jobs() == [spec.job_id]

    def test_asked_for_five_times_at_once_it_is_one_process(self, site: Site) -> None:
        spec = site.training(ROWS)
        with site.busy_device():
            runner = site.runner
            with ThreadPoolExecutor(5) as pool:
                states = list(pool.map(runner.ensure, [spec] * 5))
            assert {state.status for state in states} <= set(WAITING)
            eventually(lambda: len(processes_of(site, spec)) == 1)
            assert site.runner.ensure(spec).status in WAITING
            assert len(processes_of(site, spec)) == 1
        assert site.wait(spec).status is JobStatus.DONE

    def test_an_unknown_job_is_gone(self, site: Site) -> None:
        assert site.runner.poll("train-0").status is JobStatus.GONE
        assert site.runner.jobs() == []
        site.runner.cancel("train-0")

    def test_cancel_leaves_no_process_and_the_job_begins_again(self, site: Site) -> None:
        spec = site.training(ROWS)
        with site.busy_device():
            started(site, spec)
            site.runner.cancel(spec.job_id)  # it waits for a device that is busy: nothing else can end it
            eventually(lambda: processes_of(site, spec) == [])
            assert site.runner.poll(spec.job_id).status is JobStatus.GONE
        assert site.run(spec).status is JobStatus.DONE

    def test_a_killed_job_is_gone_and_starts_again(self, site: Site) -> None:
        spec = site.training(ROWS)
        with site.busy_device():
            os.kill(started(site, spec), signal.SIGKILL)
            eventually(lambda: site.runner.poll(spec.job_id).status is JobStatus.GONE)
            site.runner.ensure(spec)
        assert site.wait(spec).status is JobStatus.DONE

    def test_a_refusal_is_the_cause_and_is_not_tried_again(self, site: Site) -> None:
        state = site.run(site.training(ROWS, rung="tfidff"))
        assert (state.status, state.retryable) == (JobStatus.FAILED, False)
        assert "Nearest: tfidf" in state.cause
