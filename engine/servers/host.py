"""Serve candidates on this host: ``engine.servers.local`` as a child process for each, which outlives the engine.

A candidate's folder holds its port, its process and its log. An engine that comes back finds the child by its lock.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import socket
import urllib.error
import urllib.request
from collections.abc import Callable, Generator
from pathlib import Path

from engine import life
from engine.errors import Unavailable, WorkFailed
from engine.models.base import Value
from engine.servers import Condition, Endpoint, Health
from engine.store.artifacts import Artifacts

SAID = "Cannot serve: "  # begins the last line of a child that knows why it ends
HEALTH_SECONDS = 2.0
GRACE_SECONDS = 4.0  # answers under way may end
EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 (what a person may have set, not what we bind)


class _Child(Value):
    """The process that serves, and the port it has; 0 for none yet."""

    pid: int = 0
    ticks: int = 0
    port: int = 0


class HostServer:
    """Implements ``Server``. ``root`` lies in ASSAY_HOME; ``host`` is the address to listen at.

    ``prompt_of`` gives the prompt that callers of a candidate write around its input, "" for none.
    """

    look_seconds = 1.0

    def __init__(
        self,
        root: Path,
        artifacts: Artifacts,
        *,
        host: str = "127.0.0.1",
        prompt_of: Callable[[str], str] = lambda _artifact: "",
    ) -> None:
        self._root = root.resolve()
        self._artifacts = artifacts
        self._host = host
        self._prompt_of = prompt_of
        self._children: set[int] = set()

    def ensure(self, artifact: str) -> Endpoint:
        """Start the child, or say where it listens; the port it had is taken again when it is free.

        Raises ``NotFound`` and ``WorkFailed`` for an artifact that is not there or damaged.
        """
        folder = self._root / artifact
        folder.mkdir(parents=True, exist_ok=True)
        with _exclusive(folder):
            life.reap(self._children)
            held = life.hold(folder / "alive.lock")
            if held is not None:
                try:
                    self._start(folder, held)
                finally:
                    os.close(held)
            return self._endpoint(artifact, _child(folder).port)

    def health(self, artifact: str) -> Health:
        """Down without a process; ready when it answers under the artifact's own name."""
        folder = self._root / artifact
        life.reap(self._children)
        if not life.is_alive(folder / "alive.lock"):
            return Health(condition=Condition.DOWN, why=_last_words(folder / "log.txt"))
        url = self._endpoint(artifact, _child(folder).port).base_url.removesuffix("/v1") + "/healthz"
        try:
            with urllib.request.urlopen(url, timeout=HEALTH_SECONDS) as answer:  # noqa: S310 (our own child)
                named = json.load(answer).get("model")
        except (OSError, ValueError, urllib.error.URLError):
            return Health(condition=Condition.STARTING, why="its process does not answer yet")
        if named != artifact:
            raise Unavailable(f"Port {_child(folder).port} answers for another model.")
        return Health(condition=Condition.READY)

    def unload(self, artifact: str) -> None:
        """End the child: SIGTERM, a moment for answers under way, SIGKILL. Raises ``WorkFailed`` if it lives on."""
        folder = self._root / artifact
        if not folder.is_dir():
            return
        with _exclusive(folder):
            known = _child(folder)
            if not life.end(folder / "alive.lock", known.pid, known.ticks, grace=GRACE_SECONDS):
                raise WorkFailed(f"The server of {artifact[:12]} does not end; its process is {known.pid}.")
        life.reap(self._children)

    def served(self) -> list[str]:
        """The artifacts that have a living child."""
        if not self._root.is_dir():
            return []
        return sorted(path.name for path in self._root.iterdir() if life.is_alive(path / "alive.lock"))

    def _start(self, folder: Path, held: int) -> None:
        home = self._root.parent
        weights = self._artifacts.path(folder.name, home / "cache" / "artifacts")
        port = _free_port(self._host, _child(folder).port)
        log, prompt = folder / "log.txt", folder / "prompt.txt"
        life.replace(prompt, self._prompt_of(folder.name))
        if log.exists():
            log.rename(folder / "log.before.txt")
        pid = life.spawn(
            ["engine.servers.local", str(weights), str(port), str(prompt)],
            life=held,
            log=log,
            environment={**life.working_environment(home), "ASSAY_SERVE_HOST": self._host},
        )
        self._children.add(pid)
        made = _Child(pid=pid, ticks=life.start_ticks(pid), port=port)
        life.replace(folder / "child.json", made.model_dump_json())

    def _endpoint(self, artifact: str, port: int) -> Endpoint:
        host = socket.gethostname().partition(".")[0] if self._host in EVERYWHERE else self._host
        return Endpoint(base_url=f"http://{f'[{host}]' if ':' in host else host}:{port}/v1", model=artifact)


@contextlib.contextmanager
def _exclusive(folder: Path) -> Generator[None]:
    with (folder / "ensure.lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _child(folder: Path) -> _Child:
    try:
        return _Child.model_validate_json((folder / "child.json").read_bytes())
    except (FileNotFoundError, ValueError):
        return _Child()


def _free_port(host: str, liked: int) -> int:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for port in dict.fromkeys((liked, 0)):
        with socket.socket(family) as asked:
            asked.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                asked.bind((host, port))
                return int(asked.getsockname()[1])
    raise Unavailable(f"No port is free at {host}.")


def _last_words(log: Path) -> str:
    """What a child said that knew why it ended; never a line of a library, which may quote a text."""
    try:
        last = log.read_text(encoding="utf-8", errors="replace").rstrip().rpartition("\n")[2]
    except FileNotFoundError:
        return ""
    return last.removeprefix(SAID) if last.startswith(SAID) else "its process ended; its log is log.txt in its folder"
