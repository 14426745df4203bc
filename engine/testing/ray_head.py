"""A Ray head for tests and for trying things out: each submission is a process group of this host. Needs no Ray."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from engine.errors import Unavailable
from engine.runners.ray_head import Node, Stage, Submission


class HeadHere:
    """Implements ``Head``. ``home`` is the ASSAY_HOME of its one node; an id is submitted once, as with Ray."""

    def __init__(self, home: Path, *, nodes: list[Node] | None = None) -> None:
        self.submitted: list[Submission] = []
        self.is_away = False
        self._home = home
        self.has_nodes = nodes or [Node(gpus=0.0, takes_jobs=True)]
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._stopped: set[str] = set()

    def submit(self, submission: Submission) -> None:
        """Start its entrypoint; nothing for an id that is known."""
        self._answer()
        if submission.id in self._running:
            return
        self.submitted.append(submission)
        words = [sys.executable, *submission.entrypoint.split()[1:]]
        environment = {**os.environ, **submission.environment, "ASSAY_HOME": str(self._home)}
        self._home.mkdir(parents=True, exist_ok=True)
        with (self._home / f"{submission.id}.log").open("ab") as written:
            self._running[submission.id] = subprocess.Popen(  # noqa: S603 (our own entrypoint)
                words, env=environment, start_new_session=True, stdout=written, stderr=written
            )

    def stage(self, submission_id: str) -> Stage | None:
        """How it stands, by its process."""
        self._answer()
        started = self._running.get(submission_id)
        if started is None:
            return None
        code = started.poll()
        if code is None:
            return Stage.RUNNING
        if submission_id in self._stopped:
            return Stage.STOPPED
        return Stage.FAILED if code else Stage.SUCCEEDED

    def stop(self, submission_id: str) -> None:
        """End its process group: SIGTERM, 3 s, SIGKILL."""
        self._answer()
        started = self._running[submission_id]
        self._stopped.add(submission_id)
        os.killpg(started.pid, signal.SIGTERM)
        try:
            started.wait(3)
        except subprocess.TimeoutExpired:
            self.kill(submission_id)

    def forget(self, submission_id: str) -> None:
        """Free the id of a submission that is over."""
        if self.stage(submission_id) not in (None, Stage.RUNNING):
            self._stopped.discard(submission_id)
            del self._running[submission_id]

    def nodes(self) -> list[Node]:
        """The nodes it was given."""
        self._answer()
        return self.has_nodes

    def kill(self, submission_id: str) -> None:
        """The job's host dies under it."""
        started = self._running[submission_id]
        if started.poll() is None:
            os.killpg(started.pid, signal.SIGKILL)
            started.wait()

    def come_back_empty(self) -> None:
        """The head died with its jobs, and another one answers now that knows none of them."""
        for submission_id in tuple(self._running):
            self.kill(submission_id)
        self._running.clear()
        self.is_away = False

    def close(self) -> None:
        """End what still runs."""
        self.come_back_empty()

    def _answer(self) -> None:
        if self.is_away:
            raise Unavailable("Ray does not answer at this address.")
