"""Renew an eval once a month with rows people labelled since: a new version, linked to the old one by its anchor rows.

Nothing is opened and no figure leaves: rows are told by age and by the looks on the ledger.
"""

from __future__ import annotations

import math
from typing import Any

from engine.flows.steps import scores
from engine.flows.steps.stage import MACHINE
from engine.models.base import Value
from engine.rules.refresh import refresh as ruled
from engine.services import Services
from engine.store import deeds, features, investigations, labels, seals
from engine.store.database import Tx

CAME_LEAST = 30  # fewer new rows do not say whether the eval moved
SURE = 2.0  # standard errors


class Refreshed(Value):
    """The eval version of a feature now; 0 where nothing is sealed. ``came`` and ``gone`` are 0 where it stayed."""

    feature_id: int
    version: int = 0
    came: int = 0
    gone: int = 0


def refresh(services: Services, feature_id: int) -> Refreshed:
    """Follow a looked-at eval by its next version where new sealed rows wait, and no run is under way."""
    with services.database.write() as tx:
        features.alone(tx, feature_id)  # no run begins, and no label arrives, between what is read here
        feature, seal = features.by_id(tx, feature_id), seals.find(tx, feature_id)
        label_set = labels.newest_or_none(tx, feature_id)
        if seal is None or label_set is None:
            return Refreshed(feature_id=feature_id)
        same = Refreshed(feature_id=feature_id, version=seal.number)
        if not seals.looks(tx, seal.id or 0) and not seal.worn:
            return same  # nobody has looked: nothing is worn, and new rows belong to it anyway
        rows = seals.worn_rows(tx, seal, label_set)
        newer = {one.number for one in labels.versions(tx, feature_id) if one.created_at > seal.created_at}
        came = sum(not row.looks and row.added_in in newer for row in rows)
        if not came or investigations.open_of(tx, feature_id) is not None:
            return same
        made = seals.follow(tx, seal, ruled(rows, came, seal.salt), came=came, at=services.clock.now())
        deeds.record(
            tx, services.clock, MACHINE, "refresh the eval", entity="seal", entity_id=f"{feature.slug}/{made.number}",
            feature_id=feature_id, after={"came": made.came, "gone": made.gone, "anchor": made.anchor},
        )  # fmt: skip
        return Refreshed(feature_id=feature_id, version=made.number, came=made.came, gone=made.gone)


def moved(anchor: scores.Rows, came: scores.Rows) -> bool | None:
    """Whether one model's scores on new rows and on the anchor lie over two standard errors apart: the eval moved.

    None where there are too few of either.
    """
    if min(len(anchor), len(came)) < CAME_LEAST:
        return None
    (first, error), (second, other) = _mean(anchor), _mean(came)
    return abs(first - second) > SURE * math.hypot(error, other)


def told(tx: Tx, feature_id: int) -> dict[str, Any]:
    """The eval's version and what its last refresh did; no figure of a row."""
    seal = seals.find(tx, feature_id)
    if seal is None:
        return {"version": None, "came": 0, "gone": 0, "anchor": 0}
    return {"version": seal.number, "came": seal.came, "gone": seal.gone, "anchor": seal.anchor}


def _mean(rows: scores.Rows) -> tuple[float, float]:
    said = [one.score for _, one in rows]
    mean = math.fsum(said) / len(said)
    return mean, math.sqrt(math.fsum((one - mean) ** 2 for one in said) / (len(said) - 1) / len(said))
