"""Labels that people gave since a version, of texts no earlier version held in any form: no candidate trained on them.

Sealed rows are no part of it: they leave through the seal alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select

from engine.models.labelling import LabelQueue, QueuePurpose
from engine.models.labels import Label, LabelSet, Origin, Part, Source


@dataclass(frozen=True)
class Fresh:
    """A fresh label, when its version was made, and whether its text was drawn fairly from captured calls."""

    label: Label
    at: datetime
    is_random: bool


def rows(tx: Session, feature_id: int, since: int) -> list[Fresh]:
    """The fresh labels of the newest version, oldest first. ``since`` is the number of the version judged by."""
    made = {one.number: one for one in tx.exec(select(LabelSet).where(LabelSet.feature_id == feature_id))}
    drawn = _random(tx, feature_id, made)
    old = select(Label.cluster).where(Label.feature_id == feature_id, Label.added_in <= since)
    query = select(Label).where(
        Label.feature_id == feature_id,
        Label.added_in > since,
        col(Label.removed_in).is_(None),
        Label.source == Source.PERSON,
        Label.part != Part.SEALED,
        col(Label.cluster).not_in(old),
    )
    return [
        Fresh(label, made[label.added_in].created_at, label.added_in in drawn)
        for label in tx.exec(query.order_by(col(Label.added_in), col(Label.id)))
    ]


def _random(tx: Session, feature_id: int, made: dict[int, LabelSet]) -> set[int]:
    """Versions made by a queue of captured texts: a fair draw. An audit draws from a teacher's labels instead."""
    query = select(LabelQueue.name).where(LabelQueue.feature_id == feature_id, LabelQueue.purpose == QueuePurpose.LABEL)
    names = set(tx.exec(query))
    return {one.number for one in made.values() if one.origin is Origin.PEOPLE and one.run_id in names}
