"""A tracking server that never answers holds no run, and what waits for it is ended."""

from __future__ import annotations

import io
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import pytest

from engine.flows.steps import trackers
from tests.waiting import eventually

FACTS = {"feature": "ticket-router", "run": "inv-one", "lineage": {}, "candidates": []}


@pytest.fixture
def silent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[socket.socket]:
    """A tracking server that takes every connection and never answers; MLflow's client waits for it without an end."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        (tmp_path / "mlflow.py").write_text(
            f"import socket\n\ndef set_experiment(name):\n"
            f"    socket.create_connection(('127.0.0.1', {port})).recv(1) or exit('no answer')\n"
        )
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), str(Path.cwd())]))
        server.settimeout(60)
        yield server


def test_a_run_goes_on_while_a_tracker_hangs_and_its_end_is_logged(silent: socket.socket, logged: io.StringIO) -> None:
    assert trackers.tell(["mlflow"], FACTS, patience=0.05) == ()
    waiting, _ = silent.accept()  # only now: whoever told it did not wait for it
    assert "tracker.failed" not in logged.getvalue()
    waiting.close()
    eventually(lambda: "tracker.failed" in logged.getvalue())


def test_a_tracker_that_hangs_is_ended_at_its_deadline(silent: socket.socket, logged: io.StringIO) -> None:
    assert trackers.tell(["mlflow"], FACTS, patience=60, deadline=1) == ()
    assert "no answer within 1 s" in logged.getvalue()


def test_a_tracker_that_hangs_ends_by_itself_where_the_engine_is_gone(silent: socket.socket) -> None:
    command = [sys.executable, "-m", "engine.jobs.trackers", "mlflow", "1"]
    done = subprocess.run(command, input=json.dumps(FACTS), text=True, timeout=60, check=False)
    assert done.returncode == -signal.SIGALRM
