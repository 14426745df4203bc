"""A parent that keeps workers alive: it forks them, starts those that ended again, and hands signals on."""

from __future__ import annotations

import logging
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass

from engine.errors import AssayError

log = logging.getLogger(__name__)

BACKOFF_LEAST, BACKOFF_MOST = 0.1, 5.0  # seconds before a worker that ended is started again
STEADY_SECONDS = 10.0  # a worker that lived that long did not fail at its start
_LOOK_SECONDS = 0.05


@dataclass
class _Slot:
    """The place of one worker: its process, 0 while there is none."""

    pid: int = 0
    begun: float = 0.0
    due: float = 0.0
    backoff: float = BACKOFF_LEAST


def keep(count: int, work: Callable[[int], int]) -> int:
    """Keep workers alive until a signal ends them; 0 then. ``work`` is given a pipe that ends with this process."""
    told: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda given, _frame: told.append(given))
    pipe = os.pipe()
    slots = [_Slot() for _ in range(count)]
    is_stopping = False
    while True:
        _reap(slots)
        while told:
            is_stopping = True
            _hand_on(slots, told.pop())
        if is_stopping and not any(slot.pid for slot in slots):
            return 0
        for slot in slots:
            if not slot.pid and not is_stopping and time.monotonic() >= slot.due:
                _start(slot, work, pipe)
        time.sleep(_LOOK_SECONDS)


def _start(slot: _Slot, work: Callable[[int], int], pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    pid = os.fork()
    if pid:
        slot.pid, slot.begun = pid, time.monotonic()
        return
    code = 1
    try:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        os.close(writer)
        code = work(reader)
    except AssayError as error:
        log.error("worker.refused", extra={"why": str(error)})  # noqa: TRY400 (a sentence for a person)
    finally:
        os._exit(code)  # never back into the parent's frames


def _reap(slots: list[_Slot]) -> None:
    for slot in slots:
        if not slot.pid or os.waitpid(slot.pid, os.WNOHANG)[0] == 0:
            continue
        now = time.monotonic()
        lived = now - slot.begun
        slot.backoff = BACKOFF_LEAST if lived >= STEADY_SECONDS else min(slot.backoff * 2, BACKOFF_MOST)
        log.warning("worker.ended", extra={"pid": slot.pid, "lived_s": round(lived, 1)})
        slot.pid, slot.due = 0, now + slot.backoff


def _hand_on(slots: list[_Slot], number: int) -> None:
    for slot in slots:
        if slot.pid:
            os.kill(slot.pid, number)
