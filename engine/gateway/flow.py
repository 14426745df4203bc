"""A stream on its way through: events come out as they came in, but the usage nobody asked for and the very last."""

from __future__ import annotations

import time

from engine.gateway.call import Try
from engine.gateway.stream import Scanner
from engine.gateway.wire import Broke


class Flow:
    """One stream. ``last`` is its final event, which waits for the record; ``broke`` says what ended it badly.

    Strict is for the tuned side, where an error event ends the answer; the baseline's pass as they are.
    """

    def __init__(self, one: Try, *, strips_usage: bool, is_strict: bool) -> None:
        self.said = one.said
        self.last = b""
        self.broke: Broke | None = None
        self._one = one
        self._scanner = Scanner()
        self._strips_usage = strips_usage
        self._is_strict = is_strict

    @property
    def is_over(self) -> bool:
        """Whether nothing more is to be read."""
        return self.said.is_done or self.broke is not None

    def feed(self, block: bytes) -> bytes:
        """What a block of the stream lets go on; b"" is the stream's end."""
        try:
            events = self._scanner.feed(block) if block else self._scanner.end()
        except Broke as broke:
            self.broke = broke
            return b""
        going = [raw for raw, payload in events if not self.is_over and self._goes_on(raw, payload)]
        if self._one.first_at is None and self.said.has_content:
            self._one.first_at = time.monotonic()
        return going[0] if len(going) == 1 else b"".join(going)

    def _goes_on(self, raw: bytes, payload: bytes) -> bool:
        try:
            is_usage = bool(payload) and self.said.read_event(payload)
        except Broke as broke:
            if self._is_strict:
                self.broke = broke
            return not self._is_strict
        if self.said.is_done:
            self.last = raw
            return False
        return not (is_usage and self._strips_usage)
