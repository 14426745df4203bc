"""Work a job of a cluster on this node: what it says and keeps goes to the artifact store, and comes from there."""

from __future__ import annotations

import logging
import os
import shutil
import socket
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from engine.errors import Unavailable
from engine.jobs import job
from engine.runners.folder import Attempt, Ended, JobFolder, Step
from engine.runners.shared import Begun, SharedFolder
from engine.settings import load_settings

log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
SEEN_EVERY = 30  # looks between two at whether control still watches
WAITS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0, 60.0)  # a result is worth waiting for the store


def run(job_id: str, attempt: int, *, leads: bool = True) -> int:
    """Work one attempt. 0 when it ended well, 1 when it failed or was stopped; the store says how.

    Of those who share a training one ``leads``: the others say nothing, but for what went wrong with them first.
    """
    settings = load_settings()
    os.environ["OMP_NUM_THREADS"] = str(len(os.sched_getaffinity(0)))  # Ray says 1; read when torch is loaded
    home = settings.home.resolve()
    shared = SharedFolder(settings.artifacts_url, job_id)
    folder = JobFolder(home / "jobs" / job_id)
    scratch = job.scratch_of(folder)
    for path in (folder.path, scratch):
        shutil.rmtree(path, ignore_errors=True)  # what counts is in the store
    folder.prepare(shared.spec())
    folder.begin(Attempt(number=attempt, tries=1))
    folder.polled.touch()
    shared.fetch(scratch)
    if leads:
        shared.take_up(Begun(attempt=attempt, host=socket.gethostname()))
    with mirrored(shared, folder, scratch) if leads else watched(folder):
        code = job.run(folder.path, leads=leads)
    ended = folder.ended() or Ended(attempt=attempt, state="stopped")
    if leads or ended.state == "failed":
        hand_in(shared, ended)
    if code == 0:
        shutil.rmtree(scratch, ignore_errors=True)
    return code


@contextmanager
def mirrored(shared: SharedFolder, folder: JobFolder, scratch: Path) -> Generator[None]:
    """Bring progress and checkpoints into the store while the job works; a store that is away is tried again."""
    over = threading.Event()
    mirror = threading.Thread(target=_mirror, args=(shared, folder, scratch, over), daemon=True)
    mirror.start()
    try:
        yield
    finally:
        over.set()
        mirror.join()


def _mirror(shared: SharedFolder, folder: JobFolder, scratch: Path, over: threading.Event) -> None:
    told: Step | None = None
    seen, looks = "", 0
    while not over.wait(LOOK_SECONDS):
        try:
            step = folder.newest_step()
            if step is not None and step != told:
                shared.tell(step)
                told = step
            shared.keep(scratch)
            if looks % SEEN_EVERY == 0 and (now := shared.seen()) != seen:
                seen = now
                folder.polled.touch()  # by when we heard of it: two hosts' clocks may differ
            looks += 1
        except Unavailable as error:
            folder.polled.touch()  # control cannot say that it looks
            log.warning("mirror.failed", extra={"why": str(error)})


@contextmanager
def watched(folder: JobFolder) -> Generator[None]:
    """For one who helps: whoever leads stops when nobody looks any more, and that ends all of them."""
    over = threading.Event()

    def touch() -> None:
        while not over.wait(LOOK_SECONDS * SEEN_EVERY):
            folder.polled.touch()

    threading.Thread(target=touch, daemon=True).start()
    try:
        yield
    finally:
        over.set()


def hand_in(shared: SharedFolder, ended: Ended) -> None:
    """Say how the attempt ended; tried again while the store is away. Of several who failed the first one is heard."""
    for seconds in (*WAITS, 0.0):
        try:
            if not _is_echo(shared, ended):
                shared.end(ended)
            if ended.state == "done":  # last: a host that dies before has its checkpoints to go on from
                shared.forget_scratch()
        except Unavailable as error:
            log.warning("result.kept_back", extra={"why": str(error), "seconds": seconds})
            time.sleep(seconds)
        else:
            return


def _is_echo(shared: SharedFolder, ended: Ended) -> bool:
    """Whether it failed because another host of the same attempt did, or was told to stop."""
    told = shared.ended()
    return ended.state == "failed" and told is not None and told.attempt == ended.attempt
