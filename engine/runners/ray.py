"""Heavy work on a Ray cluster, by its Jobs API: what a team moves to when one host is too small (docs/scale.md).

One job is one submission, named by the job's id and the deployment's: the same job of another deployment is another
one. What a job says and leaves behind lies in the artifact store under that name, since Ray forgets: a head that comes
back knows no jobs, and what nobody knows is submitted again.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from engine.errors import Invalid, WorkFailed
from engine.life import CHILD_ENVIRONMENT
from engine.runners import JobKind, JobSpec, JobState, JobStatus, Runner
from engine.runners.folder import Attempt, Ended
from engine.runners.local import TOLD_SECONDS, TRIES
from engine.runners.ray_head import Head, Node, Stage, Submission
from engine.runners.shared import SharedFolder, job_names

log = logging.getLogger(__name__)

STOP_SECONDS = 4.8
_STAYS = {"RAY_CHDIR_TO_TRIAL_DIR": "0"}  # Ray Train moves its workers to a folder; ASSAY_HOME may be relative
FORGET_SECONDS = 3.0  # Ray's actor of a stopped job dies late, and writes its end over a new job of that id (seen)


def submission_id(job_id: str, deployment: str) -> str:
    """What a deployment's job is called on a cluster and in the store; no other deployment's is called so."""
    return f"{job_id}-{deployment}"


class RayRunner:
    """Runs ``python -m engine.jobs --shared`` on the cluster. Paid calls need our database: ``local`` runs those.

    ``deployment`` gives the id of this deployment, the same for ever; it is asked when a job is.
    """

    def __init__(self, head: Head, store: str, *, local: Runner, deployment: Callable[[], str]) -> None:
        self._head = head
        self._store = store
        self._local = local
        self._deployment = deployment
        self._starting = threading.Lock()

    def ensure(self, spec: JobSpec) -> JobState:
        """Submit the job or attach to it; idempotent, also from several threads and processes at once.

        Raises ``Invalid`` where the artifact store is a folder of this host and the cluster has others.
        """
        if spec.kind is JobKind.ASK:
            return self._local.ensure(spec)
        files = self._files(spec.job_id)
        files.prepare(spec)
        files.see()  # a job that is done too: what it made is wanted
        with self._starting:
            state = self.poll(spec.job_id)
            if state.status is JobStatus.GONE or (state.status is JobStatus.FAILED and state.retryable):
                self._submit(files, spec)
        return self.poll(spec.job_id)

    def poll(self, job_id: str) -> JobState:
        """How it stands. A result in the store counts, whatever the cluster still knows."""
        if _is_local(job_id):
            return self._local.poll(job_id)
        files = self._files(job_id)
        if not files.exists:
            return JobState(job_id=job_id, status=JobStatus.GONE)
        ended = files.ended()
        if ended is not None and ended.state == "done":
            return _over(job_id, files, ended)
        files.see()
        stage = self._head.stage(files.name)
        if stage is Stage.PENDING or stage is Stage.RUNNING:
            return _working(job_id, files, stage)
        return _ended(job_id, files)

    def cancel(self, job_id: str) -> None:
        """End it; returns when Ray says that it is over, raises ``WorkFailed`` when it is not within 5 s.

        What the job had checkpointed stays; ``ensure`` begins again from there. A finished job stays finished.
        """
        if _is_local(job_id):
            self._local.cancel(job_id)
            return
        files = self._files(job_id)
        if not files.exists:
            return
        with self._starting:
            self._stop(files.name)
            ended = files.ended()
            if ended is None or ended.state != "done":
                files.begin(Attempt(number=files.attempt().number))
                files.end(Ended(attempt=files.attempt().number, state="stopped"))
        log.info("job.cancelled", extra={"job": job_id})

    def jobs(self) -> list[str]:
        """Ids of this deployment's jobs that have a folder in the store or here, sorted."""
        mark = submission_id("", self._deployment())
        own = (name.removesuffix(mark) for name in job_names(self._store) if name.endswith(mark))
        return sorted({*own, *self._local.jobs()})

    def _files(self, job_id: str) -> SharedFolder:
        return SharedFolder(self._store, submission_id(job_id, self._deployment()))

    def _submit(self, files: SharedFolder, spec: JobSpec) -> None:
        nodes = self._head.nodes()
        _refuse_own_folder(self._store, nodes)
        _refuse_too_many(spec.resources.workers, nodes)
        known, begun = files.attempt(), files.begun()
        counts = begun is not None and begun.attempt >= known.number  # who never got a node has not tried
        tries = 0 if _is_fresh(files) else known.tries if counts else max(0, known.tries - 1)
        attempt = Attempt(number=known.number + 1, tries=tries + 1)
        if self._head.stage(files.name) is not None:
            time.sleep(FORGET_SECONDS)
            self._head.forget(files.name)
        self._head.submit(_submission(self._store, files.name, spec, attempt.number, nodes=nodes))
        files.begin(attempt)
        log.info("job.submitted", extra={"job": files.name, "attempt": attempt.number})

    def _stop(self, name: str) -> None:
        deadline = time.monotonic() + STOP_SECONDS
        if self._head.stage(name) not in (Stage.PENDING, Stage.RUNNING):
            return
        self._head.stop(name)
        while self._head.stage(name) in (Stage.PENDING, Stage.RUNNING):
            if time.monotonic() > deadline:
                raise WorkFailed(f"Job {name} does not end; Ray still shows it. Look at the cluster's dashboard.")
            time.sleep(0.1)


def _is_local(job_id: str) -> bool:
    return job_id.startswith(f"{JobKind.ASK}-")


def _submission(store: str, name: str, spec: JobSpec, attempt: int, *, nodes: list[Node]) -> Submission:
    needs = spec.resources
    spread = needs.workers > 1  # then the job only leads, and each of its workers asks for a host of its own
    has_gpus = any(node.takes_jobs and node.gpus >= 1 for node in nodes)
    return Submission(
        id=name,
        entrypoint=f"python -m engine.jobs --shared {name} {attempt}",
        environment={**CHILD_ENVIRONMENT, **_STAYS, "ASSAY_ARTIFACTS": store},
        gpus=0.0 if spread else needs.gpus or (1.0 if has_gpus else 0.0),
        memory=0 if spread else needs.memory_gb << 30,
        hosts=0.01 if spread else 1.0,
    )


def _refuse_own_folder(store: str, nodes: list[Node]) -> None:
    if store.startswith("file://") and len(nodes) > 1:
        raise Invalid(
            f"ASSAY_ARTIFACTS is a folder of one host, and the Ray cluster has {len(nodes)} nodes.",
            hint="Set it to a store that all of them reach, for example s3://bucket/assay (docs/scale.md).",
        )


def _refuse_too_many(workers: int, nodes: list[Node]) -> None:
    hosts = sum(node.takes_jobs for node in nodes)
    if workers > max(hosts, 1):
        raise Invalid(
            f"A training is to be spread over {workers} hosts, and the Ray cluster has {hosts} that take jobs.",
            hint="Add hosts, or set ASSAY_RAY_WORKERS to fewer (docs/scale.md).",
        )


def _working(job_id: str, files: SharedFolder, stage: Stage) -> JobState:
    status = JobStatus.QUEUED if stage is Stage.PENDING else JobStatus.RUNNING
    step = files.newest_step()
    if step is None or status is JobStatus.QUEUED:
        return JobState(job_id=job_id, status=status)
    share = min(step.step / step.of, 1.0) if step.of else 0.0
    return JobState(job_id=job_id, status=status, progress=share, step=step.step, of=step.of, loss=step.loss)


def _ended(job_id: str, files: SharedFolder) -> JobState:
    ended, attempt = files.ended(), files.attempt()
    if ended is not None:
        return _over(job_id, files, ended)
    if attempt.tries < TRIES:
        return JobState(job_id=job_id, status=JobStatus.GONE)
    cause = f"the job ended {TRIES} times without a result; see its log in Ray's dashboard, submission {files.name}"
    return _over(job_id, files, Ended(attempt=attempt.number, state="failed", cause=cause))


def _over(job_id: str, files: SharedFolder, ended: Ended) -> JobState:
    if ended.state == "done":
        return JobState(job_id=job_id, status=JobStatus.DONE, progress=1.0, result=ended.result)
    if _is_fresh(files) or ended.state == "stopped":
        return JobState(job_id=job_id, status=JobStatus.GONE)
    files.told()
    again = ended.retryable and files.attempt().tries < TRIES
    return JobState(job_id=job_id, status=JobStatus.FAILED, cause=ended.cause, retryable=again)


def _is_fresh(files: SharedFolder) -> bool:
    ended = files.ended()
    return (ended is not None and ended.state == "stopped") or files.told_seconds() > TOLD_SECONDS
