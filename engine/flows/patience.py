"""How long a poll is tried again: a cluster, a store or a database that is away must not fail the work it holds."""

from __future__ import annotations

import itertools
import logging
import time
from collections.abc import Callable
from typing import TypeVar

from engine.errors import KeyRejected, Upstream
from engine.flows.durable import Pending

log = logging.getLogger(__name__)

WAITS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0)  # seconds after each failure in a row; the last one from then on
GIVES_UP_SECONDS = 24 * 3600.0
R = TypeVar("R")


def patient(call: Callable[[], R], *, wait: Callable[[float], None], clock: Callable[[], float] = time.monotonic) -> R:
    """The call's answer, tried again while a service lets us down. ``wait`` gets seconds; ``clock`` counts them.

    Raises the last ``Upstream`` after a day, and ``KeyRejected`` at once: trying again mends no key.
    """
    began = clock()
    for seconds in itertools.chain(WAITS, itertools.repeat(WAITS[-1])):
        try:
            return call()
        except KeyRejected:
            raise
        except Upstream as error:
            if clock() - began >= GIVES_UP_SECONDS:
                raise
            log.warning("poll.failed", extra={"why": type(error).__name__, "seconds": seconds})
            wait(seconds)
    raise AssertionError("the waits have no end")


def answered(poll: Callable[[], R | Pending], *, wait: Callable[[float], None]) -> R:
    """The first answer that is not ``Pending``, polled patiently; between two polls ``wait`` gets the seconds asked."""
    while True:
        answer = patient(poll, wait=wait)
        if not isinstance(answer, Pending):
            return answer
        wait(answer.seconds)
