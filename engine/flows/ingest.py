"""Bring the gateway's spool into the database, once a second: no durable flow, for the stored offset is its durability.

Every stretch of a file is stored in one transaction with how far that is, so a kill at any moment stores it once.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import numpy as np

from engine.errors import Conflict, Unavailable
from engine.flows.steps import blocks, events, gateways, heard, route
from engine.models.base import Value
from engine.rules import frame
from engine.rules.evidence import signed
from engine.rules.frame import name_hash
from engine.services import Services
from engine.store import calls, columns, evidence, examples, features, feedback, policies, spool
from engine.store.database import Tx
from engine.store.spool import Segment

log = logging.getLogger(__name__)

EVERY_SECONDS = 1.0
MINUTE = 60.0
WAIT_SECONDS = 30.0  # how long a second ``--once`` waits for the first
THOROUGH_PASSES = 60  # what is seldom due is looked at each so many passes
GRACE = timedelta(hours=1)  # a unit's day is folded so long after its end: calls may come late
COLUMNS_AT_ONCE = 2  # days that become columns in one pass: 10 million calls of one take minutes
INDEX_DAYS = 10  # how long feedback finds its call
DONE = "done"


class Forgotten(Value):
    """What was deleted of a unit: lines of raw calls, examples; and calls still in the spool that will lose it."""

    lines: int
    waiting: int
    examples: int


class Passed(Value):
    """What one pass stored: calls, events, feedback that met its call; segments finished; bytes left for later."""

    calls: int = 0
    events: int = 0
    feedback: int = 0
    finished: int = 0

    def plus(self, other: Passed) -> Passed:
        """Both together."""
        return Passed(**{name: getattr(self, name) + getattr(other, name) for name in Passed.model_fields})


def run(
    services: Services, until: Callable[[], bool], *, each_minute: Callable[[], object], patience: float = MINUTE
) -> None:
    """Pass over the spool once a second until told to stop; ``each_minute`` is called after the first, and so often.

    It is called too where no pass goes through for ``patience`` seconds: what calls show is old then, and must not look
    fresh. The spool is held for a pass at a time, so that others may have their turn.
    """
    passes, due = 0, time.monotonic() + patience
    while not until():
        began = time.monotonic()
        try:
            passed = _pass(services, thorough=passes % THOROUGH_PASSES == 0)
            if passed.calls or passed.events:
                log.info("spool.stored", extra={"calls": passed.calls, "events": passed.events})
            due = due if passes else began
            passes += 1
        except Conflict:
            log.debug("spool.taken")
        except (Unavailable, OSError) as error:  # nothing is lost: the spool keeps it until it is stored
            log.warning("spool.waiting", extra={"why": type(error).__name__})
        if time.monotonic() >= due:
            due = time.monotonic() + patience
            try:
                each_minute()
            except Unavailable as error:  # the next minute tries again
                log.warning("minute.missed", extra={"why": str(error)})
        while not until() and time.monotonic() < began + EVERY_SECONDS:
            time.sleep(0.05)


def once(services: Services, *, patience: float = WAIT_SECONDS) -> Passed:
    """Store all that is in the spool now. Raises ``Conflict`` when another ingester keeps it, ``Unavailable``."""
    return _patiently(lambda: _pass(services, thorough=True), patience)


def forget(services: Services, unit: str) -> Forgotten:
    """Delete what is kept of a unit's calls: raw lines, examples, feedback that waits, what it met on open days.

    Sums stay: nobody can be told from them. Raises ``Conflict`` when another ingester keeps the spool, ``Unavailable``.
    """
    return _patiently(lambda: _forget(services, name_hash(unit)), WAIT_SECONDS)


def _pass(services: Services, *, thorough: bool) -> Passed:
    with spool.alone(services.settings.spool_folder):
        passed = pass_over(services, services.settings.spool_folder, thorough=thorough)
    route.refresh(services)
    return passed


def _forget(services: Services, unit: int) -> Forgotten:
    folder = services.settings.spool_folder
    with spool.alone(folder):
        pass_over(services, folder, thorough=False)  # what is half kept is kept first: files are about to shrink
        raw = services.settings.home / "calls"
        live: list[str] = []
        for segment in spool.segments(folder):
            frames = _whole_frames(segment)
            live += [bytes(call).hex() for call in frames["id"][frames["unit"] == np.uint64(unit)]]
        ids, lines = calls.calls_of_unit(raw, unit)
        older = columns.forget_unit(raw, unit) if columns.are_possible() else []
        ids, lines = [*ids, *older], lines + len(older)
        with services.database.write() as tx:
            spool.forget_unit(tx, unit, services.clock.now())
            gone = examples.forget(tx, signed(unit), [*ids, *live])
            evidence.forget_unit(tx, signed(unit))
            feedback.forget_calls(tx, [*ids, *live])
    return Forgotten(lines=lines, waiting=len(live), examples=gone)


T = TypeVar("T")


def _patiently(act: Callable[[], T], patience: float) -> T:
    ends = time.monotonic() + patience
    while True:
        try:
            return act()
        except Conflict:
            if time.monotonic() >= ends:
                raise
            time.sleep(0.1)


def pass_over(services: Services, folder: Path, *, thorough: bool, block_bytes: int = blocks.BLOCK_BYTES) -> Passed:
    """Store everything in the spool, oldest segment first, ``block_bytes`` of frames in one transaction.

    The caller holds ``spool.alone``. Raises ``Unavailable``.
    """
    segments = spool.segments(folder)
    with services.database.read() as tx:
        world, stored = blocks.known(tx), spool.positions(tx)
    passed = Passed()
    for segment in segments:
        passed = passed.plus(_segment(services, segment, world, stored=stored, block_bytes=block_bytes))
    still = [segment for segment in segments if segment.calls.exists()]
    passed = passed.plus(Passed(feedback=heard.settle(services, still, world, thorough=thorough)))
    gateways.beat(services, folder, segments)
    if thorough:
        _housekeep(services)
    return passed


def _segment(
    services: Services, segment: Segment, world: blocks.Known, *, stored: dict[str, int], block_bytes: int
) -> Passed:
    counted = 0
    at = stored.get(segment.calls.name, 0)
    while (block := blocks.store(services, segment, at, world, block_bytes=block_bytes)).end != at:
        counted, at = counted + len(block.frames), block.end
    heard_of = 0
    place = stored.get(segment.events.name, 0)
    while (told := events.store(services, segment, place)).end != place:
        heard_of, place = heard_of + len(told.events), told.end
    finished = not segment.is_live and at >= segment.calls.stat().st_size
    if finished:
        _finish(services, segment)
    return Passed(calls=counted, events=heard_of, finished=int(finished))


def _finish(services: Services, segment: Segment) -> None:
    """Keep a finished segment's raw calls by day, and delete it. Cut short at any moment, it is done over."""
    folder = services.settings.home / "calls"
    with services.database.read() as tx:
        kept, forgotten = spool.kept(tx, segment.calls), spool.forgotten(tx)
    if kept != DONE:
        frames = _whole_frames(segment)
        names = spool.names(segment)
        pieces = calls.day_files(frames, names, host=segment.host, forgotten=forgotten)
        known = json.loads(kept) if kept else calls.sizes(folder, list(pieces))
        _note(services, segment, json.dumps(known))
        calls.append(folder, pieces, known)
        calls.index(folder, segment.stem, frames, names)
        _note(services, segment, DONE)
    spool.remove(segment)
    with services.database.write() as tx:
        spool.forget(tx, segment)


def _note(services: Services, segment: Segment, kept: str) -> None:
    with services.database.write() as tx:
        position = spool.position(tx, segment.calls, services.clock.now())
        position.kept = kept
        tx.add(position)


def _whole_frames(segment: Segment) -> np.ndarray[tuple[int], np.dtype[np.void]]:
    parts: list[np.ndarray[tuple[int], np.dtype[np.void]]] = []
    at = 0
    while (block := spool.block(segment, at, blocks.BLOCK_BYTES)).end != at:
        parts.append(block.frames)
        at = block.end
    return np.concatenate(parts) if parts else np.zeros(0, dtype=np.dtype(frame.DTYPE))


def _housekeep(services: Services) -> None:
    """Fold units' days that ended, and delete what is too old."""
    now = services.clock.now()
    before = (now - GRACE).astimezone(UTC).date()
    while True:
        with services.database.write() as tx:
            if not evidence.fold(tx, before):
                break
    with services.database.write() as tx:
        since = {feature.slug: _prune(tx, feature.id or 0, now) for feature in features.every(tx)}
        usual = now.date() - timedelta(days=policies.traffic(tx).raw_days)
        spool.drop_forgotten(tx, now)
    folder = services.settings.home / "calls"
    calls.prune(folder, since, index_since=now - timedelta(days=INDEX_DAYS), usual=usual)
    if columns.are_possible():
        for path in calls.over(folder, now.astimezone(UTC).date())[:COLUMNS_AT_ONCE]:
            _to_columns(path)


def _to_columns(path: Path) -> None:
    """Make columns of a day that is over; a file that cannot be read is set aside, and stands in nobody's way."""
    try:
        columns.keep(path, calls.lines_of(path))
    except ValueError as error:  # no zstd, no JSON, or a damaged file of columns
        log.error("calls.damaged", extra={"file": path.name, "why": type(error).__name__})  # noqa: TRY400 (no text of it)
        path.rename(path.with_name(f"damaged-{path.name}"))


def _prune(tx: Tx, feature_id: int, now: datetime) -> date:
    policy = policies.traffic(tx, feature_id)
    examples.prune(tx, feature_id, now.date() - timedelta(days=policy.example_days))
    return now.date() - timedelta(days=policy.raw_days)
