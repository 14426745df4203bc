"""Undo gzip and zstd, told by the first bytes and not by the name. Knows nothing of what the file holds."""

from __future__ import annotations

import gzip
import io
import zlib
from typing import IO, TYPE_CHECKING, Protocol

import zstandard

from engine.errors import Invalid

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

HEAD = 64 * 1024  # bytes that tell what a file is
_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"
_OTHERS = (
    (b"PK\x03\x04", "a zip or Excel file"),
    (b"PAR1", "a Parquet file"),
    (b"SQLite format 3", "an SQLite file"),
)


def opened(stream: IO[bytes]) -> tuple[bytes, io.BufferedReader]:
    """The first 64 KB of the file, uncompressed, and the whole of it.

    Raises ``Invalid`` for a file of another kind, here or where it breaks off while it is read.
    """
    head, whole = _peeked(stream)
    other = next((told for mark, told in _OTHERS if head.startswith(mark)), None)
    if other is not None:
        raise Invalid(
            f"The file is {other}.", hint="Traffic is read from JSON lines, JSON or CSV, also as .gz or .zst."
        )
    if head.startswith(_GZIP):
        return _peeked(gzip.GzipFile(fileobj=whole))
    if head.startswith(_ZSTD):
        return _peeked(zstandard.ZstdDecompressor().stream_reader(whole, read_across_frames=True))
    return head, whole


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


class _Joined(io.RawIOBase):
    """The head that was read to look at it, and then the rest."""

    def __init__(self, head: bytes, rest: _Readable) -> None:
        super().__init__()
        self._head = head
        self._rest = rest

    def readable(self) -> bool:
        """It is for reading."""
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Fill the buffer, from the head first; 0 at the end."""
        view = memoryview(buffer)
        if self._head:
            piece, self._head = self._head[: len(view)], self._head[len(view) :]
        else:
            piece = _read(self._rest, len(view))
        view[: len(piece)] = piece
        return len(piece)


def _peeked(stream: _Readable) -> tuple[bytes, io.BufferedReader]:
    head = b""
    while len(head) < HEAD and (piece := _read(stream, HEAD - len(head))):
        head += piece
    return head, io.BufferedReader(_Joined(head, stream), HEAD)


def _read(stream: _Readable, size: int) -> bytes:
    try:
        return stream.read(size)
    except (EOFError, OSError, zlib.error, zstandard.ZstdError) as error:
        raise Invalid(
            "The file cannot be read to its end: it is broken or cut off.",
            hint="Copy it again and import it again; what was counted is not counted twice.",
        ) from error
