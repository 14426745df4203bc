"""Heavy work on a Ray cluster, by its Jobs API: what a team moves to when one host is too small (docs/scale.md).

One job is one submission under the job's own id. What a job says and leaves behind lies in the artifact store, since
Ray forgets: a head that comes back knows no jobs, and what nobody knows is submitted again. Ray is imported when used.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from enum import StrEnum
from importlib import import_module
from typing import Any, Protocol, TypeVar

from engine.errors import Invalid, Unavailable, WorkFailed
from engine.models.base import Value
from engine.runners import JobKind, JobSpec, JobState, JobStatus, Runner
from engine.runners.folder import Attempt, Ended
from engine.runners.local import CHILD_ENVIRONMENT, TOLD_SECONDS, TRIES
from engine.runners.shared import SharedFolder, job_ids

log = logging.getLogger(__name__)

HOST = "gpu_host"  # each node that takes jobs offers one of it, each job asks for one: never two jobs on one node
STOP_SECONDS = 4.8
INSTALL = "pip install 'ray[default,train]>=2.52,<3'"
T = TypeVar("T")


class Stage(StrEnum):
    """How Ray says a submission stands."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    STOPPED = "STOPPED"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"


class Node(Value):
    """One living node: how many GPUs it has, and whether it takes jobs."""

    gpus: float
    takes_jobs: bool


class Submission(Value):
    """What is submitted. ``memory`` is bytes, 0 for whatever there is."""

    job_id: str
    entrypoint: str
    environment: dict[str, str]
    gpus: float
    memory: int
    hosts: float


class Head(Protocol):
    """What we use of a cluster. All methods raise ``Unavailable`` when it does not answer."""

    def submit(self, submission: Submission) -> None:
        """Submit; somebody's earlier submission of the same id stands, and ours is none."""
        ...

    def stage(self, job_id: str) -> Stage | None:
        """How a submission stands; none when the cluster does not know it."""
        ...

    def stop(self, job_id: str) -> None:
        """Ask it to end: SIGTERM, 3 s, SIGKILL."""
        ...

    def forget(self, job_id: str) -> None:
        """Free the id of a submission that is over; nothing for one that is under way or not known."""
        ...

    def nodes(self) -> list[Node]:
        """The living nodes."""
        ...


class RayRunner:
    """Runs ``python -m engine.jobs --shared`` on the cluster. Paid calls need our database: ``local`` runs those."""

    def __init__(self, head: Head, store: str, *, local: Runner) -> None:
        self._head = head
        self._store = store
        self._local = local
        self._starting = threading.Lock()

    def ensure(self, spec: JobSpec) -> JobState:
        """Submit the job or attach to it; idempotent, also from several threads and processes at once.

        Raises ``Invalid`` where the artifact store is a folder of this host and the cluster has others.
        """
        if spec.kind is JobKind.ASK:
            return self._local.ensure(spec)
        files = self._files(spec.job_id)
        files.prepare(spec)
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
            return _over(files, ended)
        files.see()
        stage = self._head.stage(job_id)
        if stage is Stage.PENDING or stage is Stage.RUNNING:
            return _working(files, stage)
        return _ended(files)

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
            self._stop(job_id)
            ended = files.ended()
            if ended is None or ended.state != "done":
                files.begin(Attempt(number=files.attempt().number))
                files.end(Ended(attempt=files.attempt().number, state="stopped"))
        log.info("job.cancelled", extra={"job": job_id})

    def jobs(self) -> list[str]:
        """Ids of the jobs that have a folder in the store or here, sorted."""
        return sorted({*job_ids(self._store), *self._local.jobs()})

    def _files(self, job_id: str) -> SharedFolder:
        return SharedFolder(self._store, job_id)

    def _submit(self, files: SharedFolder, spec: JobSpec) -> None:
        nodes = self._head.nodes()
        _refuse_own_folder(self._store, nodes)
        known, begun = files.attempt(), files.begun()
        counts = begun is not None and begun.attempt >= known.number  # who never got a node has not tried
        tries = 0 if _is_fresh(files) else known.tries if counts else max(0, known.tries - 1)
        attempt = Attempt(number=known.number + 1, tries=tries + 1)
        self._head.forget(files.job_id)
        self._head.submit(_submission(self._store, spec, attempt.number, nodes))
        files.begin(attempt)
        log.info("job.submitted", extra={"job": files.job_id, "attempt": attempt.number})

    def _stop(self, job_id: str) -> None:
        deadline = time.monotonic() + STOP_SECONDS
        if self._head.stage(job_id) not in (Stage.PENDING, Stage.RUNNING):
            return
        self._head.stop(job_id)
        while self._head.stage(job_id) in (Stage.PENDING, Stage.RUNNING):
            if time.monotonic() > deadline:
                raise WorkFailed(f"Job {job_id} does not end; Ray still shows it. Look at the cluster's dashboard.")
            time.sleep(0.1)


class JobsApi:
    """A real cluster, through Ray's own client. Implements ``Head``; nothing is connected before the first call.

    The token comes from ``RAY_AUTH_MODE=token`` and ``RAY_AUTH_TOKEN``, which Ray's client reads itself.
    """

    def __init__(self, address: str) -> None:
        self._address = address
        self._client: Any = None

    def submit(self, submission: Submission) -> None:
        """Submit. Ray answers a known id with ``RuntimeError``: then it is attached to."""
        asked: dict[str, Any] = {
            "submission_id": submission.job_id,
            "entrypoint": submission.entrypoint,
            "runtime_env": {"env_vars": submission.environment},
            "entrypoint_num_gpus": submission.gpus or None,
            "entrypoint_memory": submission.memory or None,
            "entrypoint_resources": {HOST: submission.hosts},
        }
        try:
            self._asked(lambda client: client.submit_job(**asked))
        except RuntimeError as error:
            if self.stage(submission.job_id) is None:
                raise Unavailable("Ray took no job; its dashboard's log says why.") from error

    def stage(self, job_id: str) -> Stage | None:
        """How a submission stands; none when the cluster does not know it."""
        try:
            return Stage(str(self._asked(lambda client: client.get_job_status(job_id))))
        except RuntimeError as error:
            if "404" in str(error):
                return None
            raise Unavailable("Ray did not say how a job stands.") from error

    def stop(self, job_id: str) -> None:
        """Ask it to end."""
        self._quietly(lambda client: client.stop_job(job_id))

    def forget(self, job_id: str) -> None:
        """Free the id of a submission that is over."""
        self._quietly(lambda client: client.delete_job(job_id))

    def nodes(self) -> list[Node]:
        """The living nodes."""
        state = _ray("ray.util.state")
        try:
            found = self._asked(lambda _: state.list_nodes(address=self._address, detail=True, timeout=4))
        except state.exception.RayStateApiException as error:
            raise Unavailable("Ray did not list its nodes.") from error
        totals = [dict(node.resources_total or {}) for node in found if node.state == "ALIVE"]
        return [Node(gpus=total.get("GPU", 0.0), takes_jobs=total.get(HOST, 0.0) > 0) for total in totals]

    def _quietly(self, call: Callable[[Any], object]) -> None:
        try:
            self._asked(call)
        except RuntimeError:
            return  # over, under way or not known: exactly what was asked for, or not ours to end

    def _asked(self, call: Callable[[Any], T]) -> T:
        rejected = _ray("ray.exceptions").AuthenticationError
        try:
            if self._client is None:
                self._client = _ray("ray.job_submission").JobSubmissionClient(self._address)
            return call(self._client)
        except rejected as error:
            raise Invalid(
                "Ray refused the token of this host.",
                hint="Set RAY_AUTH_MODE=token and RAY_AUTH_TOKEN to the cluster's, and start the engine again.",
            ) from error
        except OSError as error:  # requests' errors are such, and so is the client's own ConnectionError
            self._client = None
            raise Unavailable(f"Ray does not answer at {self._address}.") from error


def _ray(name: str) -> Any:  # noqa: ANN401 (ray is untyped at this edge)
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        raise Invalid(
            "ASSAY_RUNNER is ray, and Ray is not installed here.", hint=f"{INSTALL}, or set ASSAY_RUNNER=local."
        ) from error


def _is_local(job_id: str) -> bool:
    return job_id.startswith(f"{JobKind.ASK}-")


def _submission(store: str, spec: JobSpec, attempt: int, nodes: list[Node]) -> Submission:
    needs = spec.resources
    spread = needs.workers > 1  # then the job only leads, and each of its workers asks for a host of its own
    has_gpus = any(node.takes_jobs and node.gpus >= 1 for node in nodes)
    return Submission(
        job_id=spec.job_id,
        entrypoint=f"python -m engine.jobs --shared {spec.job_id} {attempt}",
        environment={**CHILD_ENVIRONMENT, "ASSAY_ARTIFACTS": store},
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


def _working(files: SharedFolder, stage: Stage) -> JobState:
    status = JobStatus.QUEUED if stage is Stage.PENDING else JobStatus.RUNNING
    step = files.newest_step()
    if step is None or status is JobStatus.QUEUED:
        return JobState(job_id=files.job_id, status=status)
    share = min(step.step / step.of, 1.0) if step.of else 0.0
    return JobState(job_id=files.job_id, status=status, progress=share, step=step.step, of=step.of, loss=step.loss)


def _ended(files: SharedFolder) -> JobState:
    ended, attempt = files.ended(), files.attempt()
    if ended is not None:
        return _over(files, ended)
    if attempt.tries < TRIES:
        return JobState(job_id=files.job_id, status=JobStatus.GONE)
    cause = f"the job ended {TRIES} times without a result; see its log in Ray's dashboard, submission {files.job_id}"
    return _over(files, Ended(attempt=attempt.number, state="failed", cause=cause))


def _over(files: SharedFolder, ended: Ended) -> JobState:
    if ended.state == "done":
        return JobState(job_id=files.job_id, status=JobStatus.DONE, progress=1.0, result=ended.result)
    if _is_fresh(files) or ended.state == "stopped":
        return JobState(job_id=files.job_id, status=JobStatus.GONE)
    files.told()
    again = ended.retryable and files.attempt().tries < TRIES
    return JobState(job_id=files.job_id, status=JobStatus.FAILED, cause=ended.cause, retryable=again)


def _is_fresh(files: SharedFolder) -> bool:
    ended = files.ended()
    return (ended is not None and ended.state == "stopped") or files.told_seconds() > TOLD_SECONDS
