"""A Ray cluster as far as we use it: the Jobs API and the list of nodes. Ray is imported when first asked.

Ray's client is untyped; what comes in is made ours here.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from importlib import import_module
from typing import Any, Protocol, TypeVar

from engine.errors import Invalid, Unavailable
from engine.models.base import Value

HOST = "gpu_host"  # each node that takes jobs offers one of it, each job asks for one: never two jobs on one node
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

    id: str
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

    def stage(self, submission_id: str) -> Stage | None:
        """How a submission stands; none when the cluster does not know it."""
        ...

    def stop(self, submission_id: str) -> None:
        """Ask it to end: SIGTERM, 3 s, SIGKILL."""
        ...

    def forget(self, submission_id: str) -> None:
        """Free the id of a submission that is over; nothing for one that is under way or not known."""
        ...

    def nodes(self) -> list[Node]:
        """The living nodes."""
        ...


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
            "submission_id": submission.id,
            "entrypoint": submission.entrypoint,
            "runtime_env": {"env_vars": submission.environment},
            "entrypoint_num_gpus": submission.gpus or None,
            "entrypoint_memory": submission.memory or None,
            "entrypoint_resources": {HOST: submission.hosts},
        }
        try:
            self._asked(lambda client: client.submit_job(**asked))
        except RuntimeError as error:
            if self.stage(submission.id) is None:
                raise Unavailable("Ray took no job; its dashboard's log says why.") from error

    def stage(self, submission_id: str) -> Stage | None:
        """How a submission stands; none when the cluster does not know it."""
        try:
            return Stage(str(self._asked(lambda client: client.get_job_status(submission_id))))
        except RuntimeError as error:
            if "404" in str(error):
                return None
            raise Unavailable("Ray did not say how a job stands.") from error

    def stop(self, submission_id: str) -> None:
        """Ask it to end."""
        self._quietly(lambda client: client.stop_job(submission_id))

    def forget(self, submission_id: str) -> None:
        """Free the id of a submission that is over."""
        self._quietly(lambda client: client.delete_job(submission_id))

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
