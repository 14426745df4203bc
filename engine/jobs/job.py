"""One attempt at a job: reads ``spec.json``, beats, holds the device, works, and writes ``result.json`` last."""

from __future__ import annotations

import errno
import fcntl
import importlib
import logging
import os
import shutil
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Generator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

from engine.errors import AssayError, OutOfMemory, Refused, Upstream
from engine.jobs.work import UNWATCHED_SECONDS, Job, Reporter, Stopped
from engine.life import start_ticks
from engine.runners import JobKind
from engine.runners.folder import Ended, JobFolder, Owner, age
from engine.settings import load_settings
from engine.store.artifacts import Artifacts
from engine.train.ladder import host_here

log = logging.getLogger(__name__)

BEAT_SECONDS = 2.0
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def run(path: Path, *, leads: bool = True) -> int:
    """Work the job in ``path``. 0 when it ended well, 1 when it failed or was stopped; the folder says how.

    ``leads`` is false for those who help another process with it.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    folder = JobFolder(path.resolve())
    attempt = folder.attempt().number
    log.info("job.begun")
    if threading.current_thread() is threading.main_thread():  # Ray Train works in another, and ends the process itself
        signal.signal(signal.SIGTERM, _stopper(folder, attempt))
    threading.Thread(target=_beat, args=(folder.heartbeat,), daemon=True).start()
    with _Ending(folder, attempt) as ending:
        ending.result = _work(folder, leads=leads)
    return 0 if ending.result is not None else 1


def run_here(path: Path) -> int:
    """As ``run``, where control is on this host; nothing is left beside the result."""
    code = run(path)
    if code == 0:
        shutil.rmtree(scratch_of(JobFolder(path.resolve())), ignore_errors=True)
    return code


def scratch_of(folder: JobFolder) -> Path:
    """Where a job keeps its checkpoints. They are of no use once its result is written, and not a moment before."""
    return folder.path.parent.parent / "scratch" / folder.job_id


def _work(folder: JobFolder, *, leads: bool) -> dict[str, Any]:
    home = folder.path.parent.parent
    settings = load_settings().model_copy(update={"home": home})
    spec = folder.spec()
    host = host_here(settings)
    scratch = scratch_of(folder)
    scratch.mkdir(parents=True, exist_ok=True)
    paid = spec.kind is JobKind.ASK
    own(folder, "")
    with nullcontext() if paid else _device(home, host.device, folder):
        own(folder, "network" if paid else host.device)
        job = Job(
            spec=spec,
            settings=settings,
            artifacts=Artifacts(settings.artifacts_url),
            host=host,
            scratch=scratch,
            progress=Reporter(folder),
            leads=leads,
        )
        return _worker(spec.kind)(job)


def _worker(kind: JobKind) -> Callable[[Job], dict[str, Any]]:
    """``run`` of ``engine.jobs.<kind>``; by name, so that a job loads what its own kind needs and no more."""
    return importlib.import_module(f"engine.jobs.{kind}").run


def own(folder: JobFolder, device: str) -> None:
    """Say which process this is and which device it holds ("" while it waits)."""
    folder.own(Owner(pid=os.getpid(), ticks=start_ticks(os.getpid()), device=device))


@contextmanager
def _device(home: Path, device: str, folder: JobFolder) -> Generator[None]:
    locks = home / "devices"
    locks.mkdir(parents=True, exist_ok=True)
    with (locks / f"{device.replace(':', '')}.lock").open("a") as file:
        while not _locked(file.fileno()):
            if age(folder.polled) > UNWATCHED_SECONDS:
                raise Stopped
            time.sleep(0.1)
        yield


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _beat(heartbeat: Path) -> None:
    while True:
        heartbeat.touch()
        time.sleep(BEAT_SECONDS)


def _stopper(folder: JobFolder, attempt: int) -> Callable[[int, FrameType | None], None]:
    def stop(_number: int, _frame: FrameType | None) -> None:
        if folder.ended() is None:  # told to stop while it clears up it has its result
            folder.end(Ended(attempt=attempt, state="stopped"))
        os._exit(143)  # at once: every file of ours is whole at any moment, and a library may be deep in C

    return stop


class _Ending:
    """Writes how the attempt ended, whatever ended it. The traceback goes to the log without its messages."""

    def __init__(self, folder: JobFolder, attempt: int) -> None:
        self.result: dict[str, Any] | None = None
        self._folder = folder
        self._attempt = attempt

    def __enter__(self) -> _Ending:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if error is None:
            self._folder.end(Ended(attempt=self._attempt, state="done", result=self.result or {}))
            return True
        if isinstance(error, Stopped):
            self._folder.end(Ended(attempt=self._attempt, state="stopped"))
            return True
        with suppress(OSError):  # on a full disk there is no room for it either, and the cause is to be told
            sys.stderr.write("".join(traceback.format_tb(trace)) + f"{type(error).__name__}\n")
            sys.stderr.flush()
        cause, retryable = _cause(error, trace)
        self._folder.end(Ended(attempt=self._attempt, state="failed", cause=cause, retryable=retryable))
        return isinstance(error, Exception)


def _cause(error: BaseException, trace: TracebackType | None) -> tuple[str, bool]:
    """A sentence, and whether trying again may help. Foreign messages are left out: they may quote a text."""
    if isinstance(error, OutOfMemory):
        return str(error), False
    if isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and _is_memory(str(error))):
        return "the device ran out of memory", True
    if isinstance(error, OSError) and error.errno in _NO_ROOM:
        return "the disk is full", True
    if isinstance(error, Refused):
        return str(error), False
    if isinstance(error, AssayError):
        return str(error), isinstance(error, Upstream)
    last = traceback.extract_tb(trace)[-1:] or [None]
    where = f" in {Path(last[0].filename).name} line {last[0].lineno}" if last[0] else ""
    return f"the job broke: {type(error).__name__}{where}", False


def _is_memory(message: str) -> bool:
    return "out of memory" in message.lower() or "allocate memory" in message
