"""A job's folder: what control and the job say to each other, as files. Knows nothing of starting or working."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import Field, ValidationError

from engine.life import is_alive, replace
from engine.models.base import Value
from engine.runners import JobSpec

V = TypeVar("V", bound=Value)


class Owner(Value):
    """The process that is the job. ``ticks`` is its start in clock ticks; ``device`` is "" while it waits for one."""

    pid: int
    ticks: int
    device: str = ""


class Attempt(Value):
    """``number`` counts starts for ever; ``tries`` counts those since the work was last begun afresh."""

    number: int = 0
    tries: int = 0


class Ended(Value):
    """How an attempt ended. ``stopped``: told to, or looked after by nobody; it goes on when it is started again."""

    attempt: int
    state: Literal["done", "failed", "stopped"]
    result: dict[str, Any] = Field(default_factory=dict)
    cause: str = ""
    retryable: bool = False


class Step(Value):
    """One line of progress. ``eta`` and ``seconds`` are seconds; ``rate`` is steps a second."""

    step: int
    of: int
    loss: float | None = None
    seconds: float = 0.0
    rate: float = 0.0
    eta: float = 0.0


class JobFolder:
    """The files of one job. Every file is replaced whole, but ``progress.jsonl`` and ``log.txt``, which grow."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.job_id = path.name
        self.log = path / "log.txt"
        self.heartbeat = path / "heartbeat"
        self.polled = path / "polled"
        self.told = path / "told"
        self._spec = path / "spec.json"
        self._owner = path / "owner.json"
        self._attempt = path / "attempt.json"
        self._result = path / "result.json"
        self._progress = path / "progress.jsonl"

    @property
    def exists(self) -> bool:
        """Whether somebody ever asked for this job."""
        return self._spec.exists()

    def prepare(self, spec: JobSpec) -> None:
        """Make the folder and write the spec, once."""
        if not self.exists:
            self.path.mkdir(parents=True, exist_ok=True)
            replace(self._spec, spec.model_dump_json())

    def spec(self) -> JobSpec:
        """The job's only input."""
        return JobSpec.model_validate_json(self._spec.read_bytes())

    def attempt(self) -> Attempt:
        """The newest attempt; number 0 before the first."""
        return _read(self._attempt, Attempt) or Attempt()

    def begin(self, attempt: Attempt) -> None:
        """Forget how the attempt before ended, and note the new one."""
        for path in (self._result, self._owner, self.told):
            path.unlink(missing_ok=True)
        replace(self._attempt, attempt.model_dump_json())

    def owner(self) -> Owner | None:
        """The process; none before it has started."""
        return _read(self._owner, Owner)

    def own(self, owner: Owner) -> None:
        """Said by the job: this is me."""
        replace(self._owner, owner.model_dump_json())

    def own_if_unknown(self, owner: Owner) -> None:
        """Said by control for a job that has not spoken yet; never overwrites what the job said."""
        draft = self.path / f".owner-{os.getpid()}-{time.monotonic_ns()}"
        draft.write_text(owner.model_dump_json(), encoding="utf-8")
        try:
            os.link(draft, self._owner)
        except FileExistsError:
            pass
        finally:
            draft.unlink()

    def end(self, ended: Ended) -> None:
        """Written last, by rename: the attempt is over."""
        replace(self._result, ended.model_dump_json())

    def ended(self) -> Ended | None:
        """How the newest attempt ended; a stale attempt's result is none."""
        ended = _read(self._result, Ended)
        return ended if ended is not None and ended.attempt == self.attempt().number else None

    def add(self, step: Step) -> None:
        """Append a line of progress."""
        with self._progress.open("a", encoding="utf-8") as file:
            file.write(step.model_dump_json() + "\n")

    def newest_step(self) -> Step | None:
        """The last whole line of progress."""
        if not self._progress.exists():
            return None
        with self._progress.open("rb") as file:
            file.seek(max(0, self._progress.stat().st_size - 4096))
            lines = file.read().split(b"\n")[:-1]
        return Step.model_validate_json(lines[-1]) if lines else None

    @contextmanager
    def exclusive(self) -> Generator[None]:
        """One at a time may start or end this job, over all threads and processes of the host."""
        with (self.path / "ensure.lock").open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    @property
    def life(self) -> Path:
        """The lock a job holds from before its birth (its parent locks, it inherits) to its death."""
        return self.path / "alive.lock"

    def is_alive(self) -> bool:
        """Whether a process of this job lives."""
        return is_alive(self.life)


def age(path: Path) -> float:
    """Seconds since a file was touched; 0 for none."""
    try:
        return max(0.0, time.time() - path.stat().st_mtime)
    except FileNotFoundError:
        return 0.0


def _read(path: Path, kind: type[V]) -> V | None:
    try:
        return kind.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except (ValidationError, json.JSONDecodeError):
        return None  # written by another version: as good as not there
