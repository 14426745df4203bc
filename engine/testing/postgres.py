"""A PostgreSQL server of a test's own, in a folder, on a free port. It does not run as root: then as user postgres."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

START_SECONDS = 180
TRIES = 4


@dataclass(frozen=True)
class Server:
    """A running server and the URL of its first database. Whoever stops it is alone with it."""

    url: str
    user: str
    program: Path
    where: Path
    options: str

    def start(self) -> None:
        """Start it again, where it was."""
        cluster, log = self.where / "cluster", self.where / "log"
        _run(self.user, self.program, "-D", cluster, "-o", self.options, "-l", log, "-w", "start")

    def stop(self) -> None:
        """End it without a word to anybody, as a host that dies does."""
        _run(self.user, self.program, "-D", self.where / "cluster", "-m", "immediate", "stop")


def binaries() -> Path | None:
    """The newest installed server's programs, none where PostgreSQL is missing."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return found[-1].parent if found else None


@contextmanager
def start_server(folder: Path) -> Generator[Server | None]:
    """A server in ``folder``; none where PostgreSQL is not installed."""
    programs = binaries()
    if programs is None:
        yield None
        return
    where = Path(tempfile.gettempdir()) / f"assay-pg-{folder.name}-{os.getpid()}"  # postgres must reach it
    shutil.rmtree(where, ignore_errors=True)
    where.mkdir(mode=0o777)
    user = _user(where)
    cluster = where / "cluster"
    _run(user, programs / "initdb", "-D", cluster, "-U", "assay", "-A", "trust", "--no-sync", "-E", "UTF8")
    server = _started(user, programs / "pg_ctl", where)
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(where, ignore_errors=True)


def _started(user: str, program: Path, where: Path) -> Server:
    """A server on a free port; on another where somebody took it between our look and its start."""
    for tries_left in reversed(range(TRIES)):
        port = _free_port()
        options = f"-p {port} -k {where} -c listen_addresses=127.0.0.1 -c fsync=off -c max_connections=300"
        server = Server(f"postgresql+psycopg://assay@127.0.0.1:{port}/postgres", user, program, where, options)
        try:
            server.start()
        except AssertionError:
            if not tries_left:
                raise
        else:
            return server
    raise AssertionError


def _user(where: Path) -> str:
    if os.geteuid() != 0:
        return ""
    owner = pwd.getpwnam("postgres")
    os.chown(where, owner.pw_uid, owner.pw_gid)
    return "postgres"


def _run(user: str, *words: object) -> None:
    command = ["runuser", "-u", user, "--"] if user else []
    done = subprocess.run(  # noqa: S603 (PostgreSQL's own programs)
        [*command, *map(str, words)], capture_output=True, text=True, timeout=START_SECONDS, cwd="/", check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])
