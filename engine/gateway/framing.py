"""Where a request's head and chunks end, as far as two readers could differ: what is doubtful is refused.

llhttp reads what is let through; this only looks at it.
"""

from __future__ import annotations

import re

from engine.gateway.caller import Refusal
from engine.gateway.wire import HEAD_MOST

_CHUNK_LINE_MOST = 32


def wrong_head(head: bytes) -> Refusal | None:
    """What is wrong with a head, whole or as far as it has come, without the empty line at its end.

    Two readers may differ on where it ends when it has a line feed alone or a line that is folded.
    """
    if len(head) > HEAD_MOST:
        return Refusal(413, "too_large", "The headers are over 64 KiB.")
    if head.count(b"\n") != head.count(b"\r\n") or b"\n " in head or b"\n\t" in head:
        return Refusal(400, "bad_body", "The head is not plain HTTP/1.1.")
    return None


def is_chunked(head: bytes) -> bool:
    """Whether a head names a transfer coding, whichever."""
    return b"transfer-encoding" in head.lower()


class Chunks:
    """Walks along the frame of a chunked body. Extensions are refused: nobody needs them, and readers differ there."""

    def __init__(self) -> None:
        self._left = 0
        self._line = b""
        self._is_over = False

    def is_plain(self, received: bytes) -> bool:
        """Whether the frame holds sizes alone, as far as it has come."""
        at = 0
        while at < len(received) and not self._is_over:
            step = min(self._left, len(received) - at)
            self._left -= step
            at += step
            if self._left or at == len(received):
                return True
            end = received.find(b"\n", at)
            self._line += received[at:] if end < 0 else received[at:end]
            if len(self._line) > _CHUNK_LINE_MOST:
                return False
            if end < 0:
                return True
            at = end + 1
            if not self._take_line():
                return False
        return True

    def _take_line(self) -> bool:
        line, self._line = self._line, b""
        if not re.fullmatch(rb"[0-9A-Fa-f]{1,16}\r", line):
            return False
        size = int(line, 16)
        self._is_over = size == 0
        self._left = size + 2
        return True
