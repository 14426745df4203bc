"""What the gateway does with each feature's traffic: the route file, and what is decided of it by words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from engine.desk import Desk
from engine.errors import Invalid
from engine.flows.steps import route
from engine.flows.steps.route import Published, Way
from engine.models.actor import Actor
from engine.models.mail import Once
from engine.rules.traffic import TrafficPolicy, changed
from engine.store import deeds, features, mail, policies

__all__ = ["Published", "Way", "decide", "publish"]


def publish(desk: Desk, path: Path | None = None) -> Published:
    """Compile the route file and put it in place, in ``ASSAY_HOME`` or at ``path``. Raises ``OSError``."""
    return route.publish(desk.services, path or route.path_of(desk.services.settings))


def decide(
    desk: Desk, actor: Actor, slug: str, said: Mapping[str, str], *, why: str = "", once: Once | None = None
) -> TrafficPolicy:
    """Set how a feature's traffic is treated, by names that docs/traffic.md lists. Raises ``Invalid``, ``NotFound``."""
    with desk.services.database.write() as tx:
        mail.take(tx, desk.services.clock, once)
        feature = features.by_slug(tx, slug)
        features.alone(tx, feature.id or 0)
        before = policies.traffic(tx, feature.id)
        try:
            after = changed(before, said)
        except ValueError as error:
            raise Invalid(f"{str(error)[:1].upper()}{str(error)[1:]}.", hint="Nothing was changed.") from error
        now = desk.services.clock.now()
        policies.add(tx, policies.TRAFFIC, asdict(after), feature_id=feature.id, by=actor.id, why=why, at=now)
        deeds.record(
            tx,
            desk.services.clock,
            actor,
            "set traffic",
            entity="policy",
            entity_id=slug,
            feature_id=feature.id,
            before={name: asdict(before)[name] for name in said},
            after={name: asdict(after)[name] for name in said},
            reason=why,
        )
    route.refresh(desk.services)
    return after
