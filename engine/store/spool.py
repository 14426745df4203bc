"""Read the gateway's spool: its segments' files, and how far they are stored. Knows nothing of what frames mean.

A segment is three files (``engine.rules.frame``). Whoever writes one holds ``flock`` on it; an unlocked one is whole.
"""

from __future__ import annotations

import errno
import fcntl
import json
import logging
import os
import zlib
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast

import numpy as np
from sqlmodel import Session, col, delete, select

from engine.errors import Conflict
from engine.models.spool import ForgottenUnit, SpoolPosition, Tally
from engine.rules import frame
from engine.rules.evidence import signed
from engine.rules.hours import Frames
from engine.store.database import add_up

log = logging.getLogger(__name__)

_TYPE = "calls-"
_ENDING = ".bin"
LOCK = "ingest.lock"
REMEMBERED = timedelta(days=1)


@dataclass(frozen=True, order=True)
class Segment:
    """One worker's stretch of the spool, by when it began. ``is_live`` says that its writer may still append."""

    begun_ms: int
    stem: str
    folder: Path
    is_live: bool = True

    @property
    def worker(self) -> str:
        """Who writes it: host, process and the moment that process began."""
        return self.stem.rsplit("-", 1)[0]

    @property
    def calls(self) -> Path:
        """Its frames."""
        return self.folder / f"{_TYPE}{self.stem}{_ENDING}"

    @property
    def names(self) -> Path:
        """What its hashes stand for."""
        return self.folder / f"names-{self.stem}.jsonl"

    @property
    def events(self) -> Path:
        """Feedback, trips and bodies."""
        return self.folder / f"events-{self.stem}.jsonl"

    @property
    def host(self) -> str:
        """The host that wrote it."""
        return self.stem.split("-", 1)[0]


@dataclass(frozen=True)
class Block:
    """Whole frames of a stretch of a file, where it ends, and how many bytes of it were no frame of ours."""

    frames: Frames
    end: int
    torn: int = 0


@dataclass(frozen=True)
class Told:
    """Whole events of a stretch of a file with their places, where it ends, and how many lines were torn."""

    events: list[tuple[int, dict[str, Any]]]
    end: int
    torn: int = 0


@contextmanager
def alone(folder: Path) -> Generator[None]:
    """Be the one ingester of a spool on this host. Raises ``Conflict`` when somebody else is."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK).open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Conflict(
                f"Another program is reading the spool in {folder}.",
                hint="assay engine does so by itself; assay ingest is for hosts without one.",
            ) from None
        yield


def segments(folder: Path) -> list[Segment]:
    """All segments, oldest first. Whether each is live is asked before anything of it is read."""
    found: list[Segment] = []
    for path in folder.glob(f"{_TYPE}*{_ENDING}"):
        stem = path.name[len(_TYPE) : -len(_ENDING)]
        parts = stem.rsplit("-", 2)
        if len(parts) == 3 and parts[1].isdigit() and parts[2].isdigit():
            found.append(Segment(int(parts[1]), stem, folder, _is_locked(path)))
    return sorted(found)


def block(segment: Segment, start: int, most: int) -> Block:
    """Whole frames from ``start`` on, at most ``most`` bytes. A torn end of a live segment is left for later."""
    with segment.calls.open("rb") as file:
        file.seek(start)
        raw = file.read(most // frame.SIZE * frame.SIZE)
    rest = len(raw) % frame.SIZE
    is_end = len(raw) < most // frame.SIZE * frame.SIZE
    whole = raw[: len(raw) - rest]
    frames = np.frombuffer(whole, dtype=np.dtype(frame.DTYPE))
    good = _good(whole, frames)
    strange = good & (frames["version"] != frame.VERSION)
    if strange.any():  # a newer gateway's: not ours to lose
        log.error("spool.version_unknown", extra={"segment": segment.stem})
        return Block(frames[:0], start)
    if good.all():
        torn = rest if rest and not segment.is_live else 0
        return Block(frames, start + len(whole) + torn, torn)
    first = int(np.argmin(good))
    if first:  # all before it now; the bad stretch begins the next block
        return Block(frames[:first], start + first * frame.SIZE)
    return _behind(segment, raw, start, is_end=is_end)


def names(segment: Segment) -> dict[int, str]:
    """What the hashes of a segment's frames stand for. A torn last line names nothing that a frame uses."""
    found: dict[int, str] = {}
    try:
        lines = segment.names.read_bytes().split(b"\n")
    except FileNotFoundError:
        return found
    for line in lines:
        told = _parsed(line)
        if isinstance(told.get("hash"), str) and isinstance(told.get("name"), str):
            found[int(told["hash"], 16)] = told["name"]
    return found


def told(segment: Segment, start: int, most: int) -> Told:
    """Whole events from ``start`` on, at most ``most`` bytes or one line that is longer."""
    try:
        with segment.events.open("rb") as file:
            file.seek(start)
            raw = file.read(most)
            is_end = len(raw) < most
            if raw and b"\n" not in raw:
                raw += file.readline()
    except FileNotFoundError:
        return Told([], start)
    *lines, rest = raw.split(b"\n")
    events: list[tuple[int, dict[str, Any]]] = []
    at, torn = start, 0
    for line in lines:
        try:
            events.append((at, _parsed(frame.event_payload(line))))
        except ValueError:
            torn += 1
        at += len(line) + 1
    if rest and is_end and not segment.is_live:  # its writer died in the middle of it
        return Told(events, at + len(rest), torn + 1)
    return Told(events, at, torn)


def remove(segment: Segment) -> None:
    """Delete a segment that is stored. The frames go last: while they are there, so is all they need."""
    for path in (segment.names, segment.events, segment.calls):
        path.unlink(missing_ok=True)
    folder = os.open(segment.folder, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def position(tx: Session, path: Path, now: datetime) -> SpoolPosition:
    """How far a file is stored, held until the transaction ends so that nobody stores the same stretch."""
    query = select(SpoolPosition).where(SpoolPosition.file == path.name).with_for_update()
    return tx.exec(query).one_or_none() or SpoolPosition(file=path.name, at=now)


def kept(tx: Session, path: Path) -> str:
    """How far keeping a file's raw calls by day is, "" while it was not begun."""
    row = tx.get(SpoolPosition, path.name)
    return row.kept if row is not None else ""


def forget(tx: Session, segment: Segment) -> None:
    """Drop the positions of a segment whose files are gone."""
    for path in (segment.calls, segment.events):
        row = tx.get(SpoolPosition, path.name)
        if row is not None:
            tx.delete(row)


def positions(tx: Session) -> dict[str, int]:
    """How far every file is stored, by its name."""
    return {row.file: row.offset for row in tx.exec(select(SpoolPosition))}


def tally(tx: Session, name: str, n: int) -> None:
    """Count what could not be stored as asked."""
    add_up(tx, Tally, [{"name": name, "n": n}], keys=("name",))


def tallies(tx: Session) -> dict[str, int]:
    """Everything that was counted so."""
    return {row.name: row.n for row in tx.exec(select(Tally))}


def forgotten(tx: Session) -> frozenset[int]:
    """Hashes of units that were forgotten while calls of theirs may still be in the spool."""
    return frozenset(row.unit % 2**64 for row in tx.exec(select(ForgottenUnit)))


def forget_unit(tx: Session, unit: int, now: datetime) -> None:
    """Have the calls of a unit that are still in the spool lose it."""
    row = tx.get(ForgottenUnit, signed(unit)) or ForgottenUnit(unit=signed(unit), at=now)
    row.at = now
    tx.add(row)


def drop_forgotten(tx: Session, now: datetime) -> None:
    """Forget that a unit was forgotten, once no segment can hold calls of before."""
    tx.exec(delete(ForgottenUnit).where(col(ForgottenUnit.at) < now - REMEMBERED))


def _is_locked(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return True  # gone this moment: nothing to read
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
            return True
        raise
    return False


def _good(raw: bytes, frames: Frames) -> Any:  # noqa: ANN401 (an array of truth values)
    view = memoryview(raw)
    crc, size = zlib.crc32, frame.SIZE
    found = np.fromiter((crc(view[at + 4 : at + size]) for at in range(0, len(raw), size)), np.uint32, len(frames))
    return found == frames["crc"]


def _behind(segment: Segment, raw: bytes, start: int, *, is_end: bool) -> Block:
    """Find the next whole frame behind bytes that are none: a disk that filled up may have cut one in the middle."""
    empty = np.frombuffer(b"", dtype=np.dtype(frame.DTYPE))
    for at in range(1, len(raw) - frame.SIZE + 1):
        if raw[at + 4] == frame.VERSION and frame.is_whole(raw[at : at + frame.SIZE]):
            return Block(empty, start + at, at)
    if is_end and segment.is_live:
        return Block(empty, start)  # the rest of it may come
    keep = 0 if is_end else frame.SIZE - 1
    return Block(empty, start + len(raw) - keep, len(raw) - keep)


def _parsed(text: bytes) -> dict[str, Any]:
    try:
        found: object = json.loads(text or b"{}")
    except ValueError:
        return {}
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}
