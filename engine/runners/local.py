"""Heavy work on this host: one child process a job, in a session of its own, known by its folder.

Control may die and come back: a child works on and is attached to. Knows nothing of what a job does.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Mapping
from pathlib import Path

from engine import life
from engine.errors import WorkFailed
from engine.runners import JobSpec, JobState, JobStatus
from engine.runners.folder import Attempt, Ended, JobFolder, Owner, age

log = logging.getLogger(__name__)

TRIES = 3  # starts of one job before it is given up
STALE_SECONDS = 60.0  # a heartbeat older than this is no life (a job beats every 2 s)
TOLD_SECONDS = 60.0  # a failure is told for so long; asked for after that, the work is begun afresh
TERM_SECONDS = 3.0


class LocalRunner:
    """Runs ``python -m engine.jobs FOLDER``. ``root`` lies in ASSAY_HOME; ``environment`` adds to the child's."""

    def __init__(self, root: Path, *, environment: Mapping[str, str] | None = None) -> None:
        self.root = root.resolve()
        self._environment = dict(environment or {})
        self._children: set[int] = set()

    def ensure(self, spec: JobSpec) -> JobState:
        """Start the job or attach to it; idempotent, also from several threads and processes at once."""
        folder = JobFolder(self.root / spec.job_id)
        folder.prepare(spec)
        folder.polled.touch()
        with folder.exclusive():
            state = _state(folder)
            if state.status is JobStatus.GONE or (state.status is JobStatus.FAILED and state.retryable):
                self._start(folder)
        return _state(folder)

    def poll(self, job_id: str) -> JobState:
        """How it stands; a job without a heartbeat is ended, and ``gone``. Keeps the job from stopping unwatched."""
        folder = JobFolder(self.root / job_id)
        if not folder.exists:
            return JobState(job_id=job_id, status=JobStatus.GONE)
        folder.polled.touch()
        life.reap(self._children)
        if folder.is_alive() and age(folder.heartbeat) > STALE_SECONDS:
            self._end_stale(folder)
        state = _state(folder)
        if state.status is JobStatus.FAILED and not folder.told.exists():
            folder.told.touch()
        return state

    def cancel(self, job_id: str) -> None:
        """End its process group: SIGTERM, 3 s, SIGKILL. Returns when it is dead; raises ``WorkFailed`` if it is not.

        What the job had checkpointed stays; ``ensure`` begins again from there. A finished job stays finished.
        """
        folder = JobFolder(self.root / job_id)
        if not folder.exists:
            return
        with folder.exclusive():
            _kill(folder, TERM_SECONDS)
            ended = folder.ended()
            if ended is None or ended.state != "done":
                folder.begin(Attempt(number=folder.attempt().number))
        time.sleep(0.02)  # a life's lock is given back a moment before its process can be reaped
        life.reap(self._children)
        log.info("job.cancelled", extra={"job": job_id})

    def jobs(self) -> list[str]:
        """Ids of the jobs that have a folder here, sorted."""
        if not self.root.is_dir():
            return []
        return sorted(path.name for path in self.root.iterdir() if JobFolder(path).exists)

    def _start(self, folder: JobFolder) -> None:
        held = life.hold(folder.life)
        if held is None:
            return
        try:
            life.reap(self._children)
            known = folder.attempt()
            afresh = _is_fresh(folder)
            attempt = Attempt(number=known.number + 1, tries=1 if afresh else known.tries + 1)
            folder.begin(attempt)
            folder.heartbeat.touch()
            environment = {**life.working_environment(self.root.parent), **self._environment}
            pid = life.spawn(["engine.jobs", str(folder.path)], life=held, log=folder.log, environment=environment)
            self._children.add(pid)
            folder.own_if_unknown(Owner(pid=pid, ticks=life.start_ticks(pid)))
        finally:
            os.close(held)
        log.info("job.started", extra={"job": folder.job_id, "attempt": attempt.number, "pid": pid})

    def _end_stale(self, folder: JobFolder) -> None:
        with folder.exclusive():
            if folder.is_alive() and age(folder.heartbeat) > STALE_SECONDS:
                log.warning("job.stalled", extra={"job": folder.job_id, "seconds": round(age(folder.heartbeat))})
                _kill(folder, 0.0)


def _state(folder: JobFolder) -> JobState:
    ended = folder.ended()
    alive = folder.is_alive()
    if ended is None and not alive:
        ended = folder.ended()  # it may have ended between the two looks
    if ended is not None and (ended.state == "done" or not alive):
        return _over(folder, ended)
    if alive:
        return _working(folder)
    if folder.attempt().tries >= TRIES:
        cause = f"the job ended {TRIES} times without a result; see log.txt in its folder {folder.job_id}"
        return _over(folder, Ended(attempt=folder.attempt().number, state="failed", cause=cause))
    return JobState(job_id=folder.job_id, status=JobStatus.GONE)


def _over(folder: JobFolder, ended: Ended) -> JobState:
    if ended.state == "done":
        return JobState(job_id=folder.job_id, status=JobStatus.DONE, progress=1.0, result=ended.result)
    if ended.state == "stopped" or age(folder.told) > TOLD_SECONDS:
        return JobState(job_id=folder.job_id, status=JobStatus.GONE)
    again = ended.retryable and folder.attempt().tries < TRIES
    return JobState(job_id=folder.job_id, status=JobStatus.FAILED, cause=ended.cause, retryable=again)


def _working(folder: JobFolder) -> JobState:
    owner, step = folder.owner(), folder.newest_step()
    status = JobStatus.RUNNING if owner is not None and owner.device else JobStatus.QUEUED
    if step is None or status is JobStatus.QUEUED:
        return JobState(job_id=folder.job_id, status=status)
    share = min(step.step / step.of, 1.0) if step.of else 0.0
    return JobState(job_id=folder.job_id, status=status, progress=share, step=step.step, of=step.of, loss=step.loss)


def _is_fresh(folder: JobFolder) -> bool:
    ended = folder.ended()
    return (ended is not None and ended.state == "stopped") or age(folder.told) > TOLD_SECONDS


def _kill(folder: JobFolder, grace: float) -> None:
    owner = folder.owner() or Owner(pid=0, ticks=0)
    if not life.end(folder.life, owner.pid, owner.ticks, grace=grace):
        raise WorkFailed(f"Job {folder.job_id} does not end; its process group ignores SIGKILL. Look at the host.")
