"""Cut the rows out of one large JSON document while it is read. Knows nothing of what a row means.

Rows are the elements of an array at the top, of its ``data``, or of the spans of an OTLP export. Memory is bounded by
the longest row; strings are jumped over by a regular expression, so the cost is one step a bracket.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import IO, NamedTuple

CHUNK = 64 * 1024
LONGEST = 4_000_000  # bytes of a row; a longer one is refused without being held whole
ROWS = ((), ("data",), ("resourceSpans", "[]", "scopeSpans", "[]", "spans"))  # paths of arrays whose elements are rows
RESOURCE = ("resourceSpans", "[]", "resource")  # what the spans after it belong to
_EXPORT = ("resourceSpans", "[]")

_STRING = rb'"(?:[^"\\]++|\\.)*+"'
_OUTER = re.compile(rb'[^"{}\[\],:]*+')
_TEXT = re.compile(_STRING, re.DOTALL)
_DEEP = re.compile(rb'(?:[^"{}\[\]]++|' + _STRING + rb")*+", re.DOTALL)
_FLAT = re.compile(rb'(?:[^"{}\[\],]++|' + _STRING + rb")*+", re.DOTALL)
_REST_OF_TEXT = re.compile(rb'(?:[^"\\]++|\\.)*+', re.DOTALL)
_OPEN, _CLOSE = b"{[", b"}]"


class Element(NamedTuple):
    """One row as it stands in the document, and the OTLP resource it belongs to; ``is_whole`` is false if cut."""

    text: bytes
    resource: bytes = b""
    is_whole: bool = True


def elements(stream: IO[bytes]) -> Iterator[Element]:
    """The rows of a document in their order; what ends before it is closed gives a last one that is not whole."""
    cutter = _Cutter()
    while piece := stream.read(CHUNK):
        yield from cutter.fed(piece)
    if cutter.is_inside:
        yield Element(b"", is_whole=False)


def has_rows(head: bytes) -> bool:
    """Whether a document that begins so holds an array of rows."""
    cutter = _Cutter()
    for _ in cutter.fed(head):
        return True
    return cutter.is_inside


def _end(pattern: re.Pattern[bytes], text: bytes, start: int) -> int:
    """Where a pattern that matches nothing too ends."""
    found = pattern.match(text, start)
    return start if found is None else found.end()


class _Cutter:
    """Goes through a document piece by piece. ``_path`` names the containers open outside rows, the root left out."""

    def __init__(self) -> None:
        self._buffer = b""
        self._at = 0
        self._open: list[bytes] = []
        self._path: list[str] = []
        self._key = ""
        self._start: int | None = None  # where the row (or resource) under way begins
        self._depth = 0
        self._resource = b""
        self._in_resource = False
        self._in_text = False  # inside a string of a row
        self._too_long = False

    @property
    def is_inside(self) -> bool:
        """Whether a row may be under way: the array of rows was opened and not closed."""
        return self._start is not None and not self._in_resource

    def fed(self, piece: bytes) -> Iterator[Element]:
        """The rows that end in this piece."""
        keep = self._at if self._start is None else self._start
        self._buffer = self._buffer[keep:] + piece
        self._at -= keep
        if self._start is not None:
            self._start = 0
        while self._at < len(self._buffer):
            before = self._at
            found = self._outer() if self._start is None else self._inner()
            if found is not None:
                yield found
            if self._at == before:
                break  # a string goes on in the next piece
        if self._start is not None and len(self._buffer) - self._start > LONGEST:
            self._drop()

    def _outer(self) -> None:
        """One step outside rows: a string, a bracket, a comma."""
        self._at = _end(_OUTER, self._buffer, self._at)
        sign = self._buffer[self._at : self._at + 1]
        if sign == b'"':
            text = _TEXT.match(self._buffer, self._at)
            if text is None:
                return
            self._key = text[0][1:-1].decode(errors="replace")
            self._at = text.end()
            return
        if sign and sign in _OPEN:
            self._opened(sign)
        elif sign and sign in _CLOSE and self._open:
            self._open.pop()
            if self._path:
                self._path.pop()
        self._at += 1

    def _opened(self, sign: bytes) -> None:
        if self._open:
            self._path.append(self._key if self._open[-1] == b"{" else "[]")
        self._open.append(sign)
        path = tuple(self._path)
        if path == _EXPORT:
            self._resource = b""
        self._in_resource = path == RESOURCE and sign == b"{"
        if self._in_resource or (sign == b"[" and path in ROWS):
            self._start = self._at + 1
            self._depth = 0

    def _inner(self) -> Element | None:
        """One step inside the array of rows: to the next bracket, or comma between rows."""
        if self._in_text:
            return self._through_text()
        pattern = _DEEP if self._depth else _FLAT
        self._at = _end(pattern, self._buffer, self._at)
        sign = self._buffer[self._at : self._at + 1]
        if not sign:
            return None
        self._at += 1
        if sign == b'"':  # a string that goes on in the next piece
            self._in_text = True
        elif sign in _OPEN:
            self._depth += 1
        elif sign in _CLOSE and self._depth:
            self._depth -= 1
        elif sign == b"," and not self._in_resource:
            return self._cut(self._at)
        elif sign in _CLOSE:
            return self._closed()
        return None

    def _through_text(self) -> None:
        self._at = _end(_REST_OF_TEXT, self._buffer, self._at)
        if self._buffer[self._at : self._at + 1] == b'"':
            self._in_text = False
            self._at += 1

    def _closed(self) -> Element | None:
        """The array of rows, or the resource, ends here."""
        found = self._cut(None)
        if self._open:
            self._open.pop()
        if self._path:
            self._path.pop()
        if self._in_resource:
            self._in_resource = False
            self._resource = b"{" + found.text + b"}" if found else b""
            return None
        return found

    def _cut(self, start: int | None) -> Element | None:
        """The row that ends before the sign just read; the next begins at ``start``, or there is none."""
        text = b"" if self._too_long else self._buffer[self._start : self._at - 1].strip()
        found = Element(text, self._resource) if text or self._too_long else None
        self._start, self._too_long = start, False
        return found

    def _drop(self) -> None:
        """Forget a row that is too long, but not where in it we are."""
        self._too_long = True
        self._buffer = self._buffer[self._at :]
        self._at = self._start = 0
