"""Where a request's head and body end, as far as two readers could differ: what is doubtful is refused.

llhttp reads what is let through; this only looks at it.
"""

from __future__ import annotations

import re

from engine.gateway.caller import Refusal
from engine.gateway.wire import HEAD_MOST

_CHUNK_LINE_MOST = 32
_DIGITS = 20
_CODING, _LENGTH = b"\r\ntransfer-encoding:", b"\r\ncontent-length:"
_UPGRADE = re.compile(rb"\r\nupgrade:[^\r\n]*", re.IGNORECASE)


def wrong_head(head: bytes) -> Refusal | None:
    """What is wrong with a head, whole or as far as it has come, without the empty line at its end.

    Two readers may differ on where it ends when it has a line feed alone or a line that is folded; behind a CONNECT
    comes no HTTP.
    """
    if len(head) > HEAD_MOST:
        return Refusal(413, "too_large", "The headers are over 64 KiB.")
    is_plain = head.count(b"\n") == head.count(b"\r\n") and b"\n " not in head and b"\n\t" not in head
    if not is_plain or head.startswith(b"CONNECT "):
        return Refusal(400, "bad_body", "The head is not plain HTTP/1.1.")
    return None


def read_head(head: bytes) -> tuple[bytes, Body | Chunks]:
    """A head without the offer of another protocol, and what walks along the body behind it.

    We speak no other, and httptools would leave the body out for it. llhttp refuses two lengths, a length and chunks,
    and a length that is no number.
    """
    low = head.lower()
    if b"\r\nupgrade:" in low:
        head = _UPGRADE.sub(b"", head)
    if _CODING in low:
        return head, Chunks()
    start = low.find(_LENGTH)
    told = low[start + len(_LENGTH) :].partition(b"\r\n")[0].strip() if start >= 0 else b"0"
    return head, Body(int(told) if told.isdigit() and len(told) < _DIGITS else 0)


class Body:
    """A body whose length is told."""

    def __init__(self, length: int) -> None:
        self._left = length

    @property
    def is_over(self) -> bool:
        """Whether it is whole."""
        return not self._left

    def own(self, received: bytes) -> int:
        """How many of these bytes, from the first on, are the body's."""
        size = min(self._left, len(received))
        self._left -= size
        return size


class Chunks:
    """A chunked body. Extensions and trailers are refused: nobody needs them, and readers differ there."""

    def __init__(self) -> None:
        self.is_over = False
        self._left = 0
        self._line = b""
        self._is_last = False

    def own(self, received: bytes) -> int:
        """How many of these bytes, from the first on, are the body's; -1 where its frame holds more than sizes."""
        at = 0
        while at < len(received) and not self.is_over:
            if self._left:
                step = min(self._left, len(received) - at)
                self._left -= step
                at += step
                continue
            end = received.find(b"\n", at) + 1
            self._line += received[at : end or None]
            at = end or len(received)
            if len(self._line) > _CHUNK_LINE_MOST or (end and not self._take_line()):
                return -1
        return at

    def _take_line(self) -> bool:
        line, self._line = self._line, b""
        if self._is_last:
            self.is_over = line == b"\r\n"
            return self.is_over
        if not re.fullmatch(rb"[0-9A-Fa-f]{1,16}\r\n", line):
            return False
        size = int(line, 16)
        self._is_last = size == 0
        self._left = size + 2 if size else 0
        return True
