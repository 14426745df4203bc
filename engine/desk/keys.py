"""Keys that open a feature at the gateway: made, listed, revoked. A key is told once and stored nowhere."""

from __future__ import annotations

import hashlib
import secrets

from engine.desk import Desk
from engine.errors import NotFound
from engine.flows.steps import route
from engine.models.actor import Actor
from engine.models.base import Value
from engine.models.gateway import GatewayKey
from engine.models.mail import Once
from engine.store import deeds, features, keys, mail

PREFIX = "agk_"
RANDOM_BYTES = 32  # 43 url-safe characters


class KeyView(Value):
    """A key as people see it: its name, who made it and when, and who revoked it ("" while it opens)."""

    name: str
    slug: str
    made_by: str
    made_on: str
    revoked_by: str = ""
    revoked_on: str = ""


class MadeKey(Value):
    """A key that was just made; nobody can be told ``secret`` again."""

    name: str
    slug: str
    secret: str


def make(desk: Desk, actor: Actor, slug: str, *, once: Once | None = None) -> MadeKey:
    """A key for one feature. Raises ``NotFound``."""
    secret = PREFIX + secrets.token_urlsafe(RANDOM_BYTES)
    sha256 = hashlib.sha256(secret.encode()).hexdigest()
    with desk.services.database.write() as tx:
        mail.take(tx, desk.services.clock, once)
        feature = features.by_slug(tx, slug)
        row = keys.add(tx, feature.id or 0, sha256=sha256, by=actor.id, at=desk.services.clock.now())
        deeds.record(
            tx,
            desk.services.clock,
            actor,
            "make key",
            entity="key",
            entity_id=row.name,
            feature_id=feature.id,
        )
        made = MadeKey(name=row.name, slug=slug, secret=secret)
    route.refresh(desk.services)
    return made


def every(desk: Desk, slug: str) -> tuple[KeyView, ...]:
    """The keys of a feature, revoked ones too, oldest first. Raises ``NotFound``."""
    with desk.services.database.read() as tx:
        return tuple(_view(slug, row) for row in keys.of_feature(tx, features.by_slug(tx, slug).id or 0))


def revoke(desk: Desk, actor: Actor, slug: str, name: str, *, once: Once | None = None) -> KeyView:
    """Have a key open nothing any more; one that was revoked stays as it is. Raises ``NotFound``."""
    with desk.services.database.write() as tx:
        mail.take(tx, desk.services.clock, once)
        feature = features.by_slug(tx, slug)
        features.alone(tx, feature.id or 0)
        rows = keys.of_feature(tx, feature.id or 0)
        row = next((one for one in rows if one.name == name), None)
        if row is None:
            known = ", ".join(one.name for one in rows) or "none"
            raise NotFound(f"{slug} has no key {name[:40]!r}.", hint=f"Its keys: {known}.")
        if row.revoked_at is None:
            row.revoked_by, row.revoked_at = actor.id, desk.services.clock.now()
            tx.add(row)
            deeds.record(
                tx, desk.services.clock, actor, "revoke key", entity="key", entity_id=name, feature_id=feature.id
            )
        seen = _view(slug, row)
    route.refresh(desk.services)
    return seen


def _view(slug: str, row: GatewayKey) -> KeyView:
    return KeyView(
        name=row.name,
        slug=slug,
        made_by=row.made_by,
        made_on=f"{row.made_at:%Y-%m-%d}",
        revoked_by=row.revoked_by,
        revoked_on="" if row.revoked_at is None else f"{row.revoked_at:%Y-%m-%d}",
    )
