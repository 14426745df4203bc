"""Server-sent events, however their bytes are split: whole events come out byte-true, with what they say.

Line ends may be LF, CR LF or CR, comments and several data lines are fine (WHATWG HTML, 9.2.6).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from engine.gateway.wire import Broke
from engine.rules.frame import Fault

EVENT_MOST = 1024 * 1024

DONE = b"[DONE]"
# Two line ends in a row. The groups are atomic: a CR LF is one line end and never two.
_END = re.compile(rb"(?>\r\n|\n|\r)(?>\r\n|\n|\r)")
_OVERLAP = 3  # an end may begin that many bytes before the next block


# One event: all its bytes with the empty line, and its data lines joined, b"" when it has none (a comment).
Event = tuple[bytes, bytes]


class Scanner:
    """Cuts a stream of bytes into events. What is not yet whole waits here."""

    def __init__(self) -> None:
        self._rest = b""
        self._from = 0

    def feed(self, block: bytes) -> list[Event]:
        """The events that a block ends. Raises ``Broke`` when one grows over 1 MiB."""
        if not self._rest and block.endswith(b"\n\n") and block.count(b"\n") == 2 and b"\r" not in block:
            return [(block, payload_of(block))]  # one event, whole, as almost every block is
        waiting = self._rest + block if self._rest else block
        events: list[Event] = []
        start = 0
        for end in _ends(waiting, self._from):
            raw = waiting[start:end]
            events.append((raw, payload_of(raw)))
            start = end
        self._rest = waiting[start:]
        if len(self._rest) > EVENT_MOST:
            raise Broke(Fault.BROKEN, "an event of its stream is over 1 MiB")
        self._from = max(0, len(self._rest) - _OVERLAP)
        return events

    def end(self) -> list[Event]:
        """What is left when the stream ends: an event whose empty line never came, if it says anything."""
        raw, self._rest = self._rest, b""
        return [(raw, payload)] if (payload := payload_of(raw)) else []


def _ends(waiting: bytes, begun: int) -> Iterator[int]:
    """Where events end, from a place on. Without a CR, as models send, two line feeds are found without the pattern."""
    if b"\r" in waiting:
        yield from (end.end() for end in _END.finditer(waiting, begun))
        return
    at = waiting.find(b"\n\n", begun)
    while at >= 0:
        yield at + 2
        at = waiting.find(b"\n\n", at + 2)


def payload_of(raw: bytes) -> bytes:
    """The data of one event's bytes: its ``data:`` lines, joined by line feeds."""
    if raw.startswith(b"data: ") and raw.find(b"\n") == len(raw) - 2 and b"\r" not in raw:
        return raw[6:-2]  # the one line of almost every event
    lines = raw.removeprefix(b"\xef\xbb\xbf").splitlines()  # of bytes: LF, CR LF and CR alone
    told = [line[5:].removeprefix(b" ") for line in lines if line.startswith(b"data:") or line == b"data"]
    return told[0] if len(told) == 1 else b"\n".join(told)


def event(payload: bytes) -> bytes:
    """The bytes of an event of our own."""
    return b"data: " + payload + b"\n\n"
