"""A real Ray cluster on this machine: a head with token authentication, and as many nodes as a test wants.

It is ended by its process groups; ``ray stop`` would end every Ray of the host.
"""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

RAY = str(Path(sys.executable).with_name("ray"))
START_SECONDS = 150  # 8 to 18 on a quiet machine; seen to take longer where others keep both cores busy
TOKEN = secrets.token_hex(32)  # Ray's client reads its token once in a process


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@dataclass
class Cluster:
    """``path`` is short: Ray's sockets lie below it, and a socket's path has 107 characters at most."""

    path: Path
    gcs: int = field(default_factory=free_port)
    dashboard: int = field(default_factory=free_port)
    groups: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict[str, "subprocess.Popen[bytes]"])

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.dashboard}"

    @property
    def environment(self) -> dict[str, str]:
        return {
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN": TOKEN,
            "RAY_USAGE_STATS_ENABLED": "0",
        }

    def start_head(self, *, takes_jobs: bool = True) -> None:
        words = ["--head", f"--port={self.gcs}", "--dashboard-host=127.0.0.1", f"--dashboard-port={self.dashboard}"]
        self._start("head", [*words, f"--temp-dir={self.path / 'ray'}"], takes_jobs=takes_jobs)
        self._wait_for(self._answers)

    def start_node(self, name: str) -> None:
        self._start(name, [f"--address=127.0.0.1:{self.gcs}"], takes_jobs=True)

    def end(self, *names: str) -> None:
        """End nodes by their process groups, at once."""
        for name in names or tuple(self.groups):
            started = self.groups.pop(name)
            os.killpg(started.pid, signal.SIGKILL)
            started.wait()

    def _start(self, name: str, words: list[str], *, takes_jobs: bool) -> None:
        home = self.path / name
        home.mkdir(exist_ok=True)
        offers = ['--resources={"gpu_host": 1}'] if takes_jobs else []
        bin_folder = str(Path(sys.executable).parent)
        environment = {
            **os.environ,
            **self.environment,
            "PATH": f"{bin_folder}:{os.environ['PATH']}",
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "ASSAY_HOME": str(home),
        }
        with (self.path / f"{name}.log").open("w") as written:
            ports = ["--min-worker-port=0", "--max-worker-port=0", f"--dashboard-agent-listen-port={free_port()}"]
            started = subprocess.Popen(
                [RAY, "start", "--block", "--num-cpus=2", "--disable-usage-stats", *ports, *offers, *words],
                env=environment,
                stdout=written,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.groups[name] = started

    def _answers(self) -> bool:
        asked = urllib.request.Request(f"{self.address}/api/version", headers={"Authorization": f"Bearer {TOKEN}"})
        try:
            with urllib.request.urlopen(asked, timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def _wait_for(self, claim: object) -> None:
        assert callable(claim)
        ends = time.monotonic() + START_SECONDS
        while not claim():
            logs = "\n".join(path.read_text()[-2000:] for path in self.path.glob("*.log"))
            assert time.monotonic() < ends, f"no Ray within {START_SECONDS} s:\n{logs}"
            time.sleep(0.2)


@contextmanager
def running(path: Path) -> Generator[Cluster]:
    cluster = Cluster(path)
    try:
        yield cluster
    finally:
        cluster.end()
