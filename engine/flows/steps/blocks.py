"""Store a stretch of the spool's frames: priced by day, added up by hour, shown by stage, and how far, in one go."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from engine.models.rollout import Stage
from engine.rules import evidence, frame, hours
from engine.rules.evidence import Shown, Watched
from engine.rules.frame import name_hash
from engine.rules.hours import Frames, Group, Integers, Place, Sums
from engine.services import Services
from engine.store import evidence as shows
from engine.store import features, spool, usage
from engine.store.database import Tx
from engine.store.spool import Segment
from engine.teachers import prices

BLOCK_BYTES = 32 << 20  # of frames in one transaction: a second's work, so that nobody waits long for the database


@dataclass(frozen=True)
class Known:
    """What a pass over the spool looks up once: features and stages by the hash of their names."""

    features: Mapping[int, int]
    slugs: Mapping[int, str]
    stages: Mapping[int, Watched]


@dataclass(frozen=True)
class Counted:
    """What frames add up to, by feature, place and model; what they show; and how many were of no feature we know."""

    sums: Mapping[int, Mapping[Place, Sums]]
    shown: Shown
    strange: int


def known(tx: Tx) -> Known:
    """Features and stages as they are now."""
    rows = features.every(tx)
    return Known(
        features={name_hash(row.slug): row.id or 0 for row in rows},
        slugs={row.id or 0: row.slug for row in rows},
        stages={
            name_hash(start.key): Watched(
                start.root, start.share, start.slow_ms, start.per_call, start.stage == Stage.SHADOW
            )
            for start in shows.starts(tx)
        },
    )


def store(
    services: Services, segment: Segment, start: int, world: Known, *, block_bytes: int = BLOCK_BYTES
) -> spool.Block:
    """Store what follows ``start`` in a segment's frames; the block says how far that is. Raises ``Unavailable``."""
    block = spool.block(segment, start, block_bytes)
    if block.end == start:
        return block
    with services.database.read() as tx:
        counted = count(tx, block.frames, spool.names(segment), world)
    with services.database.write() as tx:
        position = spool.position(tx, segment.calls, services.clock.now())
        if position.offset != start:  # stored already: by us, when the commit's answer was lost
            return spool.Block(block.frames[:0], position.offset)
        for feature_id in sorted(counted.sums):
            features.alone(tx, feature_id)
            usage.book(tx, feature_id, counted.sums[feature_id])
        shows.add(tx, counted.shown)
        strayed = int(np.count_nonzero(block.frames["flags"] & frame.Flag.MISMATCH))
        for name, n in (
            ("frames torn, bytes", block.torn),
            ("calls of no known feature", counted.strange),
            ("exposures on another side than their bucket", strayed),
        ):
            if n:
                spool.tally(tx, name, n)
        position.offset, position.at = block.end, services.clock.now()
        tx.add(position)
    return block


def count(tx: Tx, frames: Frames, names: Mapping[int, str], world: Known) -> Counted:
    """Price frames and add them up; nothing is stored."""
    groups = hours.group(frames)
    models = [names.get(one.model, f"#{one.model:016x}" if one.model else "unknown") for one in groups]
    cost = _priced(tx, frames, groups, models)
    parts: dict[int, list[tuple[Place, Sums]]] = defaultdict(list)
    strange = 0
    for one, model, sums in zip(groups, models, hours.summed(frames, groups, cost), strict=True):
        feature_id = world.features.get(one.feature)
        if feature_id is None:
            strange += len(one.rows)
        else:
            parts[feature_id].append((one.place(model), sums))
    return Counted(_merged(parts), evidence.shown(frames, cost, world.stages), strange)


def _priced(tx: Tx, frames: Frames, groups: Sequence[Group], models: Sequence[str]) -> Integers:
    """Each frame's cost at the price of its model and day, -1 where that is unknown."""
    alike: dict[tuple[str, date], list[Integers]] = defaultdict(list)
    for one, model in zip(groups, models, strict=True):
        alike[model, one.hour.date()].append(one.rows)
    cost = np.full(len(frames), -1, dtype=np.int64)
    for (model, day), parts in alike.items():
        rows = np.concatenate(parts)
        cost[rows] = hours.costs(frames[rows], prices.tiers_of(tx, model, day))
    return cost


def _merged(parts: Mapping[int, Sequence[tuple[Place, Sums]]]) -> dict[int, dict[Place, Sums]]:
    return {feature_id: hours.merged(many) for feature_id, many in parts.items()}
