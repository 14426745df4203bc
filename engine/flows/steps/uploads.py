"""How labels fall into parts when they are uploaded, and so how many to upload. Counts rows, opens nothing."""

from __future__ import annotations

from typing import Any

from engine.models.labels import Part
from engine.rules.uploads import Parting, about, uploads_needed
from engine.store import labels, seals
from engine.store.database import Tx


def parting(tx: Tx, feature_id: int, label_set_id: int | None) -> Parting | None:
    """The shares of the feature's seal and the mean rows of a group; none before the first labels."""
    seal = seals.find(tx, feature_id)
    if seal is None or label_set_id is None:
        return None
    rows = sum(labels.parts(tx, label_set_id).values())
    groups = sum(labels.clusters(tx, label_set_id, part) for part in Part)
    return Parting(seal.dev_share, seal.sealed_share, max(rows / groups, 1.0) if groups else 1.0)


def settles(rows: int | None, found: Parting | None) -> dict[str, Any] | None:
    """What would settle a verdict, as people read it: further sealed rows, and the labels to upload for them."""
    if rows is None or found is None:
        return None
    uploads = uploads_needed(rows, found.sealed, rows_per_group=found.rows_per_group)
    return {
        "rows": about(rows),
        "labels": about(uploads),
        "sealed_share": found.sealed,
        "rows_per_group": found.rows_per_group,
    }
