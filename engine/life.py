"""Child processes that outlive their parent: each in a session of its own, known by a lock that it holds to its death.

Whoever starts one locks a file and lets the child inherit the lock, so "is it alive" has one answer for everybody, and
a reused pid or a zombie never looks alive.
"""

from __future__ import annotations

import fcntl
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

_INHERITED = 200  # the descriptor under which a child holds its life; above any the interpreter opens at start
_KILL_SECONDS = 20.0  # a process with gigabytes, or a device, takes seconds to be gone on a busy host
CHILD_ENVIRONMENT = {
    "OPENBLAS_NUM_THREADS": "1",  # scikit-learn's matrices are small; torch has its own threads
    "OMP_WAIT_POLICY": "PASSIVE",  # threads that spin took 3 times the CPU on a busy host (measured)
    "TOKENIZERS_PARALLELISM": "false",
    "HF_HUB_OFFLINE": "1",
}


def hold(lock: Path) -> int | None:
    """The locked descriptor a new process is to inherit; none while one lives. The caller closes it."""
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
    for _ in range(5):  # somebody else's look at the lock lasts microseconds; a child's hold lasts its life
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(0.01)
        else:
            return descriptor
    os.close(descriptor)
    return None


def is_alive(lock: Path) -> bool:
    """Whether a process holds the lock."""
    try:
        descriptor = os.open(lock, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        return False
    finally:
        os.close(descriptor)


def spawn(module: Sequence[str], *, life: int, log: Path, environment: dict[str, str]) -> int:
    """Start ``python -m MODULE …`` in a session of its own, holding the ``hold`` it inherits; its pid."""
    written = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    quiet = os.open(os.devnull, os.O_RDONLY)
    try:
        return os.posix_spawn(
            sys.executable,
            [sys.executable, "-m", *module],
            environment,
            file_actions=[
                (os.POSIX_SPAWN_DUP2, quiet, 0),
                (os.POSIX_SPAWN_DUP2, written, 1),
                (os.POSIX_SPAWN_DUP2, written, 2),
                (os.POSIX_SPAWN_DUP2, life, _INHERITED),
            ],
            setsid=True,
        )
    finally:
        os.close(written)
        os.close(quiet)


def working_environment(home: Path) -> dict[str, str]:
    """The environment of a child that loads weights: ours, and threads that suit the host."""
    return {
        **os.environ,  # the child reads the same settings as we did
        "OMP_NUM_THREADS": str(len(os.sched_getaffinity(0))),
        **CHILD_ENVIRONMENT,
        "ASSAY_HOME": str(home),
    }


def end(lock: Path, pid: int, ticks: int, *, grace: float) -> bool:
    """End the process group that holds a lock: SIGTERM, ``grace`` seconds, SIGKILL. False when it does not die."""
    if not is_alive(lock):
        return True
    _signal(pid, ticks, signal.SIGTERM if grace else signal.SIGKILL)
    if _is_dead_within(lock, grace):
        return True
    _signal(pid, ticks, signal.SIGKILL)
    return _is_dead_within(lock, _KILL_SECONDS)


def reap(children: set[int]) -> None:
    """Let those of our children that ended go, and forget them."""
    for pid in tuple(children):
        try:
            ended = os.waitpid(pid, os.WNOHANG)[0]
        except ChildProcessError:
            ended = pid  # another thread was quicker
        if ended:
            children.discard(pid)


def start_ticks(pid: int) -> int:
    """When a process started, in clock ticks since boot; 0 when there is none or the system does not say."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return int(stat.rpartition(")")[2].split()[19])  # proc(5): field 22; the name may hold spaces and brackets


def replace(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    draft = path.with_name(f".{path.name}-{os.getpid()}-{time.monotonic_ns()}")
    draft.write_text(text, encoding="utf-8")
    draft.rename(path)


def _signal(pid: int, ticks: int, number: signal.Signals) -> None:
    if not pid or start_ticks(pid) != ticks:
        return  # not started yet or another's pid by now; the wait that follows looks again
    try:
        os.killpg(pid, number)
    except ProcessLookupError:
        return


def _is_dead_within(lock: Path, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while is_alive(lock):
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.02)
    return True
