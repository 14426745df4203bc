"""What the work of a job is given, and the two things it must do on the way: tell progress, and stop when told."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.approaches import Task
from engine.runners import JobSpec
from engine.runners.folder import JobFolder, Step, age
from engine.settings import Settings
from engine.store.artifacts import Artifacts
from engine.train import Host, Progress

UNWATCHED_SECONDS = 15 * 60.0  # a job that no control has polled for so long stops at its next checkpoint
_BETWEEN_SECONDS = 0.5  # lines of progress are at least so far apart


class Stopped(BaseException):
    """The job ends without a result and is to go on when somebody starts it again.

    Not an ``Exception``, so that no library between the loop and the job's boundary swallows it.
    """


@dataclass(frozen=True, kw_only=True)
class Job:
    """One attempt at one spec. ``scratch`` outlives the attempt: checkpoints lie there.

    Of several processes that share a training one ``leads``; the others give nothing but their part of each step.
    """

    spec: JobSpec
    settings: Settings
    artifacts: Artifacts
    host: Host
    scratch: Path
    progress: Progress
    leads: bool = True

    @property
    def config(self) -> dict[str, Any]:
        """The spec's settings."""
        return self.spec.config

    @property
    def task(self) -> Task:
        """What is to be answered."""
        return Task.read(self.config)

    def input(self, name: str) -> Path:
        """An input artifact as a verified folder. Raises ``NotFound``, or ``WorkFailed`` for a damaged file."""
        return self.artifacts.path(self.spec.inputs[name], self.settings.home / "cache" / "artifacts")


class Reporter:
    """The job's ``Progress``: writes ``progress.jsonl`` and raises ``Stopped`` when nobody watches any more."""

    def __init__(self, folder: JobFolder) -> None:
        self._folder = folder
        self._began = self._counted_from = time.monotonic()
        self._first: int | None = None
        self._written = -_BETWEEN_SECONDS

    def __call__(self, step: int, of: int, loss: float | None) -> None:
        """Tell a step; cheap enough to be called at every one."""
        now = time.monotonic()
        if self._first in (None, step):
            self._first, self._counted_from = step, now  # what comes before the first step says nothing of its pace
        if now - self._written < _BETWEEN_SECONDS and step < of:
            return
        self._written = now
        seconds, counted = now - self._began, now - self._counted_from
        rate = (step - self._first) / counted if counted > 0 else 0.0
        eta = (of - step) / rate if rate > 0 else 0.0
        told = Step(step=step, of=of, loss=loss, seconds=round(seconds, 1), rate=round(rate, 2), eta=round(eta, 1))
        self._folder.add(told)
        if age(self._folder.polled) > UNWATCHED_SECONDS:
            raise Stopped
