"""How many calls may be under way at once: fewer after a 429, more after clean replies, none once stopped."""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

CONCURRENCY = 8  # calls under way at first, and at most (docs/engine.md)
_CLEAN = 50  # replies in a row that allow one call more
DOWN = 3 * CONCURRENCY  # tries in a row that brought nothing: the endpoint is down, not its rows hard


@dataclass(frozen=True)
class Tempo:
    """How often a call is tried, and the waits between tries in seconds, doubling from ``first`` to ``longest``.

    An endpoint that asks for a longer wait than ``patience`` is not waited for: the row stays without an answer.
    """

    tries: int = 6
    first: float = 0.5
    longest: float = 30.0
    patience: float = 120.0

    def wait(self, attempt: int) -> float:
        """Seconds after the try of that number (0 is the first)."""
        return min(self.first * 2**attempt, self.longest)


class Pace:
    """Shared by the threads of one pass. ``stop`` ends it for all of them; calls under way still come in."""

    def __init__(self, limit: int = CONCURRENCY) -> None:
        self.limit = limit
        self._most = limit
        self._under_way = 0
        self._clean = 0
        self._failed = 0
        self._change = threading.Condition()
        self._stopped = threading.Event()
        self.why = ""

    @property
    def is_stopped(self) -> bool:
        """Whether nothing more is to be sent."""
        return self._stopped.is_set()

    @contextmanager
    def slot(self) -> Generator[bool]:
        """Wait for leave to send; false when the pass was stopped meanwhile."""
        with self._change:
            self._change.wait_for(lambda: self._stopped.is_set() or self._under_way < self.limit)
            self._under_way += 1
        try:
            yield not self._stopped.is_set()
        finally:
            with self._change:
                self._under_way -= 1
                self._change.notify_all()

    def halve(self) -> None:
        """After a 429."""
        with self._change:
            self.limit = max(self.limit // 2, 1)
            self._clean = 0

    def clean(self) -> None:
        """After a reply; ``_CLEAN`` of them in a row allow one call more."""
        with self._change:
            self._clean += 1
            self._failed = 0
            if self._clean >= _CLEAN and self.limit < self._most:
                self.limit += 1
                self._clean = 0
                self._change.notify_all()

    def failed(self) -> None:
        """After a try that brought no reply; ``DOWN`` of them in a row end the pass for now."""
        with self._change:
            self._failed += 1
        if self._failed >= DOWN:
            self.stop()

    def stop(self, why: str = "") -> None:
        """Send nothing more; the first reason given stays."""
        with self._change:
            self.why = self.why or why
            self._stopped.set()
            self._change.notify_all()

    def rest(self, seconds: float) -> bool:
        """Wait; false when the pass was stopped meanwhile."""
        return not self._stopped.wait(seconds)
