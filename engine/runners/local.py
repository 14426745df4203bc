"""Heavy work on this host: one child process a job, in a session of its own, known by its folder.

Control may die and come back: a child works on and is attached to. Knows nothing of what a job does.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from engine.errors import WorkFailed
from engine.runners import JobSpec, JobState, JobStatus
from engine.runners.folder import Attempt, Ended, JobFolder, Owner, age, start_ticks

log = logging.getLogger(__name__)

TRIES = 3  # starts of one job before it is given up
STALE_SECONDS = 60.0  # a heartbeat older than this is no life (a job beats every 2 s)
TOLD_SECONDS = 60.0  # a failure is told for so long; asked for after that, the work is begun afresh
TERM_SECONDS = 3.0
KILL_SECONDS = 1.5
CHILD_ENVIRONMENT = {
    "OPENBLAS_NUM_THREADS": "1",  # scikit-learn's matrices are small; torch has its own threads
    "OMP_WAIT_POLICY": "PASSIVE",  # threads that spin took 3 times the CPU on a busy host (measured)
    "TOKENIZERS_PARALLELISM": "false",
    "HF_HUB_OFFLINE": "1",
}


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
        self._reap()
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
        self._reap()
        log.info("job.cancelled", extra={"job": job_id})

    def jobs(self) -> list[str]:
        """Ids of the jobs that have a folder here, sorted."""
        if not self.root.is_dir():
            return []
        return sorted(path.name for path in self.root.iterdir() if JobFolder(path).exists)

    def _start(self, folder: JobFolder) -> None:
        life = folder.hold_life()
        if life is None:
            return
        try:
            self._reap()
            known = folder.attempt()
            afresh = _is_fresh(folder)
            attempt = Attempt(number=known.number + 1, tries=1 if afresh else known.tries + 1)
            folder.begin(attempt)
            folder.heartbeat.touch()
            pid = self._spawn(folder, life)
            self._children.add(pid)
            folder.own_if_unknown(Owner(pid=pid, ticks=start_ticks(pid)))
        finally:
            os.close(life)
        log.info("job.started", extra={"job": folder.job_id, "attempt": attempt.number, "pid": pid})

    def _spawn(self, folder: JobFolder, life: int) -> int:
        written = os.open(folder.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        quiet = os.open(os.devnull, os.O_RDONLY)
        try:
            return os.posix_spawn(
                sys.executable,
                [sys.executable, "-m", "engine.jobs", str(folder.path)],
                self._child_environment(),
                file_actions=[
                    (os.POSIX_SPAWN_DUP2, quiet, 0),
                    (os.POSIX_SPAWN_DUP2, written, 1),
                    (os.POSIX_SPAWN_DUP2, written, 2),
                    (os.POSIX_SPAWN_DUP2, life, _LIFE),
                ],
                setsid=True,
            )
        finally:
            os.close(written)
            os.close(quiet)

    def _child_environment(self) -> dict[str, str]:
        return {
            **os.environ,  # the child reads the same settings as we did
            "OMP_NUM_THREADS": str(len(os.sched_getaffinity(0))),
            **CHILD_ENVIRONMENT,
            "ASSAY_HOME": str(self.root.parent),
            **self._environment,
        }

    def _reap(self) -> None:
        for pid in tuple(self._children):
            try:
                ended = os.waitpid(pid, os.WNOHANG)[0]
            except ChildProcessError:
                ended = pid  # another thread was quicker
            if ended:
                self._children.discard(pid)

    def _end_stale(self, folder: JobFolder) -> None:
        with folder.exclusive():
            if folder.is_alive() and age(folder.heartbeat) > STALE_SECONDS:
                log.warning("job.stalled", extra={"job": folder.job_id, "seconds": round(age(folder.heartbeat))})
                _kill(folder, 0.0)


_LIFE = 200  # the descriptor number under which a child holds its life; above any the interpreter opens at start


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
    if not folder.is_alive():
        return
    _signal(folder, signal.SIGTERM if grace else signal.SIGKILL)
    if _is_dead_within(folder, grace):
        return
    _signal(folder, signal.SIGKILL)
    if not _is_dead_within(folder, KILL_SECONDS):
        raise WorkFailed(f"Job {folder.job_id} does not end; its process group ignores SIGKILL. Look at the host.")


def _signal(folder: JobFolder, number: signal.Signals) -> None:
    owner = folder.owner()
    if owner is None or start_ticks(owner.pid) != owner.ticks:
        return  # not started yet or another's pid by now; the wait that follows looks again
    try:
        os.killpg(owner.pid, number)
    except ProcessLookupError:
        return


def _is_dead_within(folder: JobFolder, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while folder.is_alive():
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.02)
    return True
