"""The spool's writer: a call is on record by one write(2) before the last byte of its answer is sent.

What is written survives kill -9 of the gateway; a power cut can take the last 200 ms. A full disk never stops traffic:
the last 10,000 records, and events beside them, wait in memory until there is room again (docs/gateway.md).
"""

from __future__ import annotations

import fcntl
import logging
import os
import re
import socket
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from engine.rules import frame
from engine.rules.frame import Frame
from engine.rules.redact import redact

log = logging.getLogger(__name__)

SEGMENT_BYTES = 64 * 1024 * 1024
SEGMENT_SECONDS = 300.0
WAITING_MOST = 10_000
NAMES_MOST = 10_000  # of one segment; callers choose some of them, so they must end somewhere
NAME_MOST = 200
_OTHER = "other"


@dataclass
class _Segment:
    """Three open files and how much of them is whole."""

    path: Path
    begun: float
    calls: int
    names: int
    events: int
    calls_size: int = 0
    is_synced: bool = True


class Spool:
    """Appends frames and events to segments of one worker. ``dropped`` counts records that memory could not hold."""

    def __init__(self, folder: Path, host: str = "") -> None:
        self.folder = folder
        self.dropped = 0
        self._stem = f"{_plain(host or socket.gethostname())}-{os.getpid()}-{time.time_ns() // 1_000_000}"
        self._number = 0
        self._hashes: dict[str, int] = {}
        self._fresh: list[bytes] = []
        self._waiting: deque[bytes] = deque()
        self._events: deque[bytes] = deque()
        self._segment: _Segment | None = None
        self._lost = False

    @property
    def is_writing(self) -> bool:
        """Whether records reach the disk."""
        return not self._lost

    def open(self) -> None:
        """Make the folder and the first segment. Raises OSError when they cannot be made."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._segment = self._begin()

    def name(self, text: str) -> int:
        """The hash of a name of ours, for the next `append`: the name is written before it."""
        known = self._hashes.get(text)
        return self._named(text, text) if known is None else known

    def foreign_name(self, text: str) -> int:
        """The same for a name that callers or upstreams chose: cut, without what looks like a secret, not endless."""
        known = self._hashes.get(text)
        if known is not None:
            return known
        if len(self._hashes) >= NAMES_MOST:
            return self.name(_OTHER)
        return self._named(text, redact(text[:NAME_MOST]).text)

    def _named(self, text: str, told: str) -> int:
        number = self._hashes[text] = frame.name_hash(told)
        if number:
            self._fresh.append(orjson.dumps({"hash": f"{number:016x}", "name": told}) + b"\n")
        return number

    def append(self, frames: list[Frame]) -> None:
        """Put the frames of one call on record, together. Never raises: what cannot be written waits in memory."""
        block = frame.pack(frames[0]) if len(frames) == 1 else b"".join(map(frame.pack, frames))
        if self._waiting or not self._written(block):
            self._put(block)

    def event(self, told: dict[str, Any]) -> None:
        """Put one event on record: a trip, a verdict. What cannot be written waits in memory, as frames do."""
        self._events.append(frame.event_line(orjson.dumps(told)))
        self._tell()
        while len(self._events) > WAITING_MOST:
            self._events.popleft()
            self.dropped += 1

    def body(self, told: dict[str, Any]) -> None:
        """Keep the text of a call. One that cannot be written is dropped, and counted."""
        segment = self._segment
        if segment is None or not self._write(segment.events, frame.event_line(orjson.dumps(told))):
            self.dropped += 1

    def tick(self) -> None:
        """What is due now and then: write what waits, begin another segment when this one is full or old."""
        if self._waiting or self._lost:
            self._put(b"")
        self._tell()
        segment = self._segment
        if segment is not None and segment.calls_size and not self._waiting and self._is_due(segment):
            self._turn(segment)

    def sync(self) -> None:
        """Bring what is written to the platter. Slow: called from a thread."""
        segment = self._segment
        if segment is None or segment.is_synced:
            return
        segment.is_synced = True
        try:
            for number in (segment.names, segment.events, segment.calls):
                os.fdatasync(number)
        except OSError as error:
            segment.is_synced = False
            log.warning("spool.unsynced", extra={"why": error.strerror})

    def close(self) -> None:
        """Write what waits, sync, and let the segment go."""
        if self._waiting:
            self._put(b"")
        self._tell()
        self.dropped += len(self._waiting) + len(self._events)
        self.sync()
        if self._segment is not None:
            _shut(self._segment)
            self._segment = None

    def _put(self, block: bytes) -> None:
        if block:
            self._waiting.append(block)
        while self._waiting:
            if not self._written(self._waiting[0]):
                self._lose()
                break
            self._waiting.popleft()
        else:
            if self._lost:
                self._lost = False
                log.warning("spool.recovered", extra={"dropped": self.dropped})

    def _tell(self) -> None:
        segment = self._segment
        while self._events and segment is not None and self._write(segment.events, self._events[0]):
            self._events.popleft()

    def _lose(self) -> None:
        if not self._lost:
            self._lost = True
            log.error("spool.lost", extra={"folder": str(self.folder)})
        while len(self._waiting) > WAITING_MOST:
            self.dropped += len(self._waiting.popleft()) // frame.SIZE

    def _written(self, block: bytes) -> bool:
        segment = self._segment
        if segment is None:
            return False
        if self._fresh:  # names first: a frame never stands in a file whose name it uses does not
            if not self._write(segment.names, b"".join(self._fresh)):
                return False
            self._fresh.clear()
        if block and not self._write(segment.calls, block):
            return False
        segment.calls_size += len(block)
        segment.is_synced = False
        return True

    def _write(self, number: int, block: bytes) -> bool:
        """Write all or nothing: half a frame would shift all that follow it."""
        try:
            done = os.write(number, block)
        except OSError:
            return False
        if done < len(block):
            os.ftruncate(number, os.fstat(number).st_size - done)
            return False
        return True

    def _is_due(self, segment: _Segment) -> bool:
        return segment.calls_size >= SEGMENT_BYTES or time.monotonic() >= segment.begun + SEGMENT_SECONDS

    def _turn(self, segment: _Segment) -> None:
        try:
            following = self._begin()
        except OSError as error:  # the old one will do until there is room
            log.warning("spool.unturned", extra={"why": error.strerror})
            return
        self.sync()
        _shut(segment)
        self._segment = following
        self._hashes.clear()
        self._fresh.clear()

    def _begin(self) -> _Segment:
        self._number += 1
        stem = f"{self._stem}-{self._number}"
        hidden, shown = (self.folder / f"{dot}calls-{stem}.bin" for dot in (".", ""))
        flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC
        opened: list[int] = []
        try:
            for path in (hidden, self.folder / f"names-{stem}.jsonl", self.folder / f"events-{stem}.jsonl"):
                opened.append(os.open(path, flags, 0o600))
            # Locked before it is seen: an unlocked segment is a finished one, which its reader may delete.
            fcntl.flock(opened[0], fcntl.LOCK_EX | fcntl.LOCK_NB)
            hidden.rename(shown)
            _sync_folder(self.folder)
        except OSError:
            for number in opened:
                os.close(number)
            raise
        calls, names, events = opened
        return _Segment(shown, time.monotonic(), calls, names, events)


def _shut(segment: _Segment) -> None:
    for number in (segment.names, segment.events, segment.calls):  # the lock goes last
        os.close(number)


def _sync_folder(folder: Path) -> None:
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def _plain(host: str) -> str:
    return re.sub(r"[^A-Za-z0-9.]+", "_", host) or "host"
