"""The audit chain: who did what, append only. ``hash = sha256(prev_hash + canonical JSON of the row)``."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlmodel import Session, col, func, select

from engine.clock import Clock
from engine.models.actor import Actor, Deed

FIRST = "0" * 64
_LOCK_KEY = 0x64656564  # "deed": one writer at a time on PostgreSQL; SQLite's write transaction is alone anyway


@dataclass(frozen=True)
class Chain:
    """How many deeds hold, the hash of the last of them, and the first that does not hold, with why."""

    length: int
    head: str
    broken: Deed | None = None
    why: str = ""


def record(
    tx: Session,
    clock: Clock,
    actor: Actor,
    verb: str,
    *,
    entity: str,
    entity_id: str,
    feature_id: int | None = None,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    reason: str = "",
) -> Deed:
    """Append one deed to the chain, in the transaction of what it tells of.

    What was changed is written first: who waited for a row behind the chain would have the row's holder wait for it.
    """
    tx.flush()
    if tx.get_bind().dialect.name == "postgresql":
        tx.connection().execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK_KEY})
    newest = tx.exec(select(Deed).order_by(col(Deed.id).desc()).limit(1)).first()
    deed = Deed(
        at=clock.now(),
        actor=actor.id,
        role=actor.role,
        verb=verb,
        entity=entity,
        entity_id=entity_id,
        feature_id=feature_id,
        before=_plain(before),
        after=_plain(after),
        reason=reason,
        prev_hash=newest.hash if newest else FIRST,
        hash="",
    )
    deed.hash = digest(deed)
    tx.add(deed)
    tx.flush()
    return deed


def digest(deed: Deed) -> str:
    """What a deed's ``hash`` must be."""
    body = deed.model_dump(exclude={"id", "hash", "prev_hash"}, mode="json")
    body["at"] = _moment(deed.at)
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256((deed.prev_hash + canonical).encode()).hexdigest()


def broken_at(tx: Session) -> int | None:
    """The id of the first deed that does not follow from the one before it; none when the chain holds."""
    found = walked(tx).broken
    return found.id if found else None


def walked(tx: Session) -> Chain:
    """Read the whole chain, oldest first, up to its first broken link.

    Deeds cut off its end leave a chain that holds: whoever wrote ``head`` down elsewhere sees that it is another now.
    """
    previous, length = FIRST, 0
    for deed in tx.exec(select(Deed).order_by(col(Deed.id))):
        if deed.prev_hash != previous:
            return Chain(length, previous, deed, "it does not follow from the deed before it")
        if deed.hash != digest(deed):
            return Chain(length, previous, deed, "its own words are not those it was written with")
        previous, length = deed.hash, length + 1
    return Chain(length, previous)


def of_feature(tx: Session, feature_id: int, limit: int = 20) -> list[Deed]:
    """A feature's newest deeds, newest first."""
    query = select(Deed).where(Deed.feature_id == feature_id).order_by(col(Deed.id).desc())
    return list(tx.exec(query.limit(limit)))


def of_entity(tx: Session, entity: str, entity_id: str) -> list[Deed]:
    """Every deed about one thing, oldest first."""
    query = select(Deed).where(Deed.entity == entity, Deed.entity_id == entity_id)
    return list(tx.exec(query.order_by(col(Deed.id))))


def count(tx: Session, feature_id: int) -> int:
    """How many deeds tell of a feature."""
    return tx.exec(select(func.count()).where(Deed.feature_id == feature_id)).one()


def _plain(facts: Mapping[str, Any] | None) -> dict[str, Any]:
    return json.loads(json.dumps(dict(facts or {}), default=str))


def _moment(at: datetime) -> str:
    return at.isoformat(timespec="microseconds")
