"""Where heavy work runs. The flow ensures, polls and cancels; it never waits inside."""

from __future__ import annotations

import hashlib
import json
from enum import StrEnum
from typing import Any, Protocol

from pydantic import Field

from engine.models.base import Value


class JobKind(StrEnum):
    """What a child process can be asked to do. ``ask`` is every run of paid calls and alone opens the database."""

    TRAIN = "train"
    PREDICT = "predict"
    ASK = "ask"
    PARITY = "parity"


class Resources(Value):
    """What a job wants of a cluster; one host gives what it has. 0 ``gpus``: one where there are any.

    ``workers`` above 1 spreads one training over so many hosts; ``memory_gb`` 0 is whatever there is.
    """

    gpus: float = 0.0
    workers: int = 1
    memory_gb: int = 0


class JobSpec(Value):
    """Everything a job is made from. ``inputs`` are artifact ids by name.

    Its id is the hash of all but ``resources``: where work runs does not change what it is.
    """

    kind: JobKind
    inputs: dict[str, str]
    config: dict[str, Any]
    seed: int = 0
    schema_version: int = 1
    resources: Resources = Field(default_factory=Resources)

    @property
    def job_id(self) -> str:
        """``kind-`` and 20 hex digits of the sha256 of the canonical JSON: the same work has the same id."""
        body = json.dumps(self.model_dump(mode="json", exclude={"resources"}), sort_keys=True, separators=(",", ":"))
        return f"{self.kind}-{hashlib.sha256(body.encode()).hexdigest()[:20]}"


class JobStatus(StrEnum):
    """Where a job stands. ``gone``: nobody knows it."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    GONE = "gone"


class JobState(Value):
    """A job as polled. ``progress`` is 0..1; ``result`` is set when done; ``cause`` and ``retryable`` when failed."""

    job_id: str
    status: JobStatus
    progress: float = 0.0
    step: int = 0
    of: int = 0
    loss: float | None = None
    result: dict[str, Any] = Field(default_factory=dict)
    cause: str = ""
    retryable: bool = False


class Runner(Protocol):
    """Runs jobs somewhere. All methods return within seconds."""

    def ensure(self, spec: JobSpec) -> JobState:
        """Start the job or attach to it; idempotent, also when called at the same time."""
        ...

    def poll(self, job_id: str) -> JobState:
        """How it stands."""
        ...

    def cancel(self, job_id: str) -> None:
        """End its process group; returns when it is dead, raises ``WorkFailed`` after 5 s."""
        ...

    def jobs(self) -> list[str]:
        """Ids of the jobs known here, for the orphan sweep."""
        ...
