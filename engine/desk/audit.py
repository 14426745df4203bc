"""Who did what to a feature, and whether the whole chain of deeds still holds."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from engine.desk import Desk
from engine.models.actor import Deed
from engine.models.base import Value
from engine.store import deeds, features

SHOWN = 20
_LETTERS = 60  # of one changed value
_CHANGES = 6  # of one deed


class DeedView(Value):
    """One deed as people read it. ``changes`` are sentences like ``share: 0.05 to 0.25``."""

    id: int
    at: datetime
    actor: str
    role: str
    verb: str
    entity: str
    entity_id: str
    changes: tuple[str, ...]
    reason: str


class AuditView(Value):
    """A feature's newest deeds, newest first; ``total`` is how many there are."""

    slug: str
    deeds: tuple[DeedView, ...]
    total: int


class ChainView(Value):
    """The chain: how many deeds hold, the hash of the last of them, and the first that does not, with why."""

    length: int
    head: str
    broken: DeedView | None = None
    why: str = ""


def of_feature(desk: Desk, slug: str) -> AuditView:
    """The newest deeds about a feature, newest first. Raises ``NotFound``."""
    with desk.services.database.read() as tx:
        feature = features.by_slug(tx, slug)
        found = deeds.of_feature(tx, feature.id or 0, SHOWN)
        return AuditView(slug=slug, deeds=tuple(_view(deed) for deed in found), total=deeds.count(tx, feature.id or 0))


def verify(desk: Desk) -> ChainView:
    """Read the whole chain and name its first broken link."""
    with desk.services.database.read() as tx:
        found = deeds.walked(tx)
        return ChainView(
            length=found.length,
            head=found.head,
            broken=_view(found.broken) if found.broken else None,
            why=found.why,
        )


def _view(deed: Deed) -> DeedView:
    return DeedView(
        id=deed.id or 0,
        at=deed.at,
        actor=deed.actor,
        role=deed.role,
        verb=deed.verb,
        entity=deed.entity,
        entity_id=deed.entity_id,
        changes=_changes(deed.before, deed.after),
        reason=deed.reason,
    )


def _changes(before: dict[str, Any], after: dict[str, Any]) -> tuple[str, ...]:
    """What a deed set, and from what where that was another; what stayed as it was is left out."""
    told = [
        f"{name}: {_word(before[name])} to {_word(value)}"
        if before.get(name) is not None
        else f"{name}: {_word(value)}"
        for name, value in after.items()
        if value not in (None, "", [], before.get(name))
    ]
    return tuple(told[:_CHANGES])


def _word(value: Any) -> str:  # noqa: ANN401 (any JSON value)
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)  # pyright: ignore[reportUnknownArgumentType] # JSON
    return text if len(text) <= _LETTERS else f"{text[: _LETTERS - 1]}…"
