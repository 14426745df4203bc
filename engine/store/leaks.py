"""The check that no row outside the sealed part copies a sealed one, whatever version either is of."""

from __future__ import annotations

from dataclasses import dataclass

from sqlmodel import Session, select

from engine.models.labels import Label, Part
from engine.rules import copies


@dataclass(frozen=True)
class Leak:
    """A row outside the sealed part that copies a sealed one: both ids and their similarity."""

    other: str
    sealed: str
    similarity: float


def first(tx: Session, feature_id: int) -> Leak | None:
    """The closest copy of a sealed row outside the sealed part, over every version; none is how it must be."""
    labels = list(tx.exec(select(Label).where(Label.feature_id == feature_id)))
    sealed = [label for label in labels if label.part is Part.SEALED]
    others = [label for label in labels if label.part is not Part.SEALED]
    found = copies.closest([label.input for label in sealed], [label.input for label in others])
    worst = min(found, key=lambda copy: (-copy.similarity, copy.sealed, copy.other), default=None)
    if worst is None:
        return None
    return Leak(others[worst.other].row_id, sealed[worst.sealed].row_id, worst.similarity)
