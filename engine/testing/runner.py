"""A runner for tests: it is told what each kind of job gives, and remembers what it was asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine.runners import JobKind, JobSpec, JobState, JobStatus

Work = Callable[[JobSpec], dict[str, Any]]


class ScriptedRunner:
    """Runs a job at once, in this process, by the function given for its kind. Implements ``Runner``."""

    def __init__(self, works: dict[JobKind, Work] | None = None) -> None:
        self.works = works or {}
        self.ran: list[JobSpec] = []
        self.cancelled: list[str] = []
        self._states: dict[str, JobState] = {}

    def ensure(self, spec: JobSpec) -> JobState:
        """Run the job, or give back what it gave."""
        if spec.job_id not in self._states:
            self.ran.append(spec)
            result = self.works[spec.kind](spec)
            self._states[spec.job_id] = JobState(job_id=spec.job_id, status=JobStatus.DONE, progress=1.0, result=result)
        return self._states[spec.job_id]

    def poll(self, job_id: str) -> JobState:
        """How a job stands."""
        return self._states.get(job_id) or JobState(job_id=job_id, status=JobStatus.GONE)

    def cancel(self, job_id: str) -> None:
        """Remember that the job was to end."""
        self.cancelled.append(job_id)

    def jobs(self) -> list[str]:
        """Ids of the jobs that ran."""
        return list(self._states)
