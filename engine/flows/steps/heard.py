"""Bring feedback and its call together: into the hour of the call, the stage it was part of, and the examples."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path

import numpy as np

from engine.flows.steps.blocks import Known
from engine.models.spool import PendingFeedback, Stratum
from engine.rules import frame
from engine.rules.evidence import Cell, Score, Shown, signed
from engine.rules.frame import name_hash
from engine.rules.hours import Sums
from engine.services import Services
from engine.store import calls, evidence, examples, features, feedback, spool, usage
from engine.store.calls import Found
from engine.store.database import Tx
from engine.store.spool import Segment

PATIENCE = timedelta(hours=24)  # how long feedback waits for its call
FRESH = timedelta(minutes=1)  # younger feedback is looked up at every pass, older now and then


def settle(services: Services, segments: Sequence[Segment], world: Known, *, thorough: bool) -> int:
    """Book the feedback whose calls are known by now; how many that was. Raises ``Unavailable``."""
    now = services.clock.now()
    with services.database.read() as tx:
        rows = feedback.waiting(tx, None if thorough else now - FRESH)
        stored = spool.positions(tx) if rows else {}
    wanted = [bytes.fromhex(row.call) for row in rows]
    if not wanted:
        return 0
    found = _find(services.settings.home / "calls", segments, stored, wanted)
    done = 0
    about = {name_hash(call.slug) for call in found.values()} & world.features.keys()
    with services.database.write() as tx:
        for feature_id in sorted(world.features[name] for name in about):  # in the order in which blocks hold them
            features.alone(tx, feature_id)
        for row in rows:
            call = found.get(bytes.fromhex(row.call))
            if call is not None and feedback.take(tx, row.id or 0):
                done += _book(tx, row, call, world)
            elif call is None and row.at < now - PATIENCE and feedback.take(tx, row.id or 0):
                spool.tally(tx, "feedback without a call", 1)
    return done


def _find(
    folder: Path, segments: Sequence[Segment], stored: Mapping[str, int], wanted: Sequence[bytes]
) -> dict[bytes, Found]:
    found = calls.find(folder, wanted)
    for segment in segments:
        missing = [call for call in wanted if call not in found]
        frames = stored.get(segment.calls.name, 0) // frame.SIZE  # what is not counted yet cannot be added to
        if missing and frames and segment.calls.exists():
            block = np.memmap(segment.calls, dtype=np.dtype(frame.DTYPE), mode="r", shape=(frames,))
            found.update(calls.find_in(block, spool.names(segment), missing))
    return found


def _book(tx: Tx, row: PendingFeedback, call: Found, world: Known) -> int:
    feature_id = world.features.get(name_hash(call.slug))
    if feature_id is None or call.slug not in json.loads(row.slugs):  # not the sender's to judge
        spool.tally(tx, "feedback of another's call", 1)
        return 0
    if row.score_milli is not None:
        usage.book(tx, feature_id, {call.place: Sums({"feedback_n": 1, "feedback_milli": row.score_milli})})
        _show(tx, row, call, world)
    _remember(tx, feature_id, row, call)
    return 1


def _show(tx: Tx, row: PendingFeedback, call: Found, world: Known) -> None:
    """A thumb down is a bad event of the unit on the day it came."""
    watched = world.stages.get(name_hash(call.stage))
    if watched is None or call.place.role != "answer":
        return
    arm = "baseline" if watched.is_shadow else call.place.assigned
    bad = int((row.score_milli or 0) < 0)
    day = row.at.date()
    cell, counts = Cell(watched.root, arm, day), {"thumbs": 1, "thumbs_down": bad}
    units: dict[Cell, dict[str, int]] = {}
    scores: Counter[Score] = Counter()
    if call.unit and not watched.per_call:
        zero = dict.fromkeys(("n", "errors", "invalid", "slow", "slow_known"), 0)
        units[cell._replace(unit=signed(call.unit))] = {**zero, **counts}
    else:
        scores[Score(watched.root, arm, "thumbs_down", day, bad, 1)] += 1
    evidence.add(tx, Shown({cell: counts}, {}, {cell: row.at}, units, scores))


def _remember(tx: Tx, feature_id: int, row: PendingFeedback, call: Found) -> None:
    """Keep what a person disliked or put right, where its text was kept at all."""
    is_negative = (row.score_milli or 0) < 0 or bool(row.label)
    known = examples.of_call(tx, feature_id, row.call) if is_negative else None
    if known is None:
        return
    body = {**examples.body_of(known), "score": (row.score_milli or 0) / 1000, "label": row.label}
    made = examples.made(
        feature_id,
        call.slug,
        Stratum.NEGATIVE,
        call=bytes.fromhex(row.call),
        at=known.at,
        served=known.served,
        model=known.model,
        body={**body, "comment": row.comment},
    )
    made.unit = signed(call.unit)
    examples.offer(tx, [made])
