"""The real program: started, asked when it is ready, ended by its id."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx2

from tests.gateway.running import KEY, until
from tests.house_rules import ROOT
from tests.waiting import SECONDS


@dataclass
class Program:
    """A running ``assay gateway``; ``told`` grows with each line of its log."""

    process: subprocess.Popen[str]
    told: list[dict] = field(default_factory=list)

    @property
    def url(self) -> str:
        port = next(one["port"] for one in self.told if one["event"] == "gateway.listening")
        return f"http://127.0.0.1:{port}"

    def pids(self) -> list[int]:
        """The workers that were started, the newest last."""
        return [one["pid"] for one in self.told if one["event"] == "gateway.listening"]

    def said(self, event: str) -> list[dict]:
        return [one for one in self.told if one["event"] == event]

    def end(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(90)


@contextmanager
def program(home: Path, *options: str, **environ: str) -> Iterator[Program]:
    """Start it on a free port and wait until it is ready; killed at the end, if it runs still."""
    words = [sys.executable, "-m", "bot.cli", "gateway", "--port", "0", *options]
    given = {**os.environ, "ASSAY_HOME": str(home), "PYTHONPATH": str(ROOT), **environ}
    process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True, env=given, cwd=home)
    running = Program(process)
    reader = threading.Thread(target=_read, args=[running], daemon=True)
    reader.start()
    try:
        until(lambda: running.pids() or process.poll() is not None)
        assert process.poll() is None, running.told
        until(lambda: _is_ready(running))
        yield running
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        for pid in running.pids():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        reader.join(SECONDS)
        assert process.stderr is not None
        process.stderr.close()


def ask(url: str, **fields) -> httpx2.Response:
    told = {"model": "m", "messages": [{"role": "user", "content": "x"}]} | fields
    headers = {"authorization": f"Bearer {KEY}"}
    return httpx2.post(f"{url}/f/triage/v1/chat/completions", json=told, headers=headers, timeout=SECONDS)


def alive(pid: int) -> bool:
    with suppress(FileNotFoundError, ProcessLookupError):
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        return state != "Z"
    return False


def _is_ready(running: Program) -> bool:
    with suppress(httpx2.TransportError):
        return httpx2.get(f"{running.url}/readyz", timeout=5).status_code == 200
    time.sleep(0.05)
    return False


def _read(running: Program) -> None:
    assert running.process.stderr is not None
    for line in running.process.stderr:
        with suppress(ValueError):
            running.told.append(json.loads(line))
