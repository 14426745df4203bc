"""Drill a rollback on demand: begun by one person, done by the engine, without a share moved or a caller touched."""

from __future__ import annotations

from engine.desk import Desk
from engine.errors import Conflict, NotReady
from engine.flows.durable import Queue
from engine.flows.steps import drill as drilling
from engine.flows.steps import gateways
from engine.flows.steps.drill import DrillView
from engine.models.actor import Actor
from engine.models.drill import Drill
from engine.models.feature import Feature
from engine.models.mail import Once
from engine.store import deeds, drills, features, mail, rollouts
from engine.store.database import Tx

__all__ = ["DrillView", "ahead", "begin", "by_id"]


def ahead(desk: Desk, slug: str) -> float:
    """The tuned share that a drill would leave alone. Raises ``NotReady`` or ``Conflict`` where none can begin."""
    with desk.services.database.read() as tx:
        feature = features.by_slug(tx, slug)
        _refuse(desk, tx, feature)
        return _share(tx, feature)


def begin(desk: Desk, actor: Actor, slug: str, *, once: Once | None = None) -> DrillView:
    """Begin a drill; its message says what it showed. Raises ``NotReady`` where no gateway could follow, ``Conflict``.

    ``Conflict``: one is under way.
    """
    with desk.services.database.write() as tx:
        mail.take(tx, desk.services.clock, once)
        feature = features.by_slug(tx, slug)
        features.alone(tx, feature.id or 0)
        _refuse(desk, tx, feature)
        row = drills.add(
            tx,
            Drill(
                feature_id=feature.id or 0,
                open_feature_id=feature.id,
                by=actor.id,
                channel=feature.channel or actor.channel,
                started_at=desk.services.clock.now(),
                before=drilling.fingerprint(tx, feature),
                share=_share(tx, feature),
            ),
        )
        deeds.record(
            tx, desk.services.clock, actor, "begin", entity="drill", entity_id=str(row.id), feature_id=feature.id,
            after={"share": row.share},
        )  # fmt: skip
        mail.enqueue_projection(tx, desk.services.clock, "drill", str(row.id), kind="card", channel=row.channel)
        desk.durable.enqueue(tx, "drill_rollback", f"drill-{row.id}", {"drill_id": row.id}, queue=Queue.LIGHT)
        return drilling.view(tx, row)


def by_id(desk: Desk, drill_id: int) -> DrillView:
    """One drill, under way or ended."""
    with desk.services.database.read() as tx:
        return drilling.view(tx, drills.by_id(tx, drill_id))


def _refuse(desk: Desk, tx: Tx, feature: Feature) -> None:
    open_drill = drills.open_of(tx, feature.id or 0)
    if open_drill is not None:
        raise Conflict(
            f"A drill of {feature.slug} is under way, begun by <@{open_drill.by}>.",
            hint="It takes two minutes at most while assay engine is alive.",
            people=(open_drill.by,),
        )
    if not drilling.fingerprint(tx, feature):
        raise NotReady(
            f"{feature.slug} has no route, so there is nothing to roll back.", hint="Why: assay routes names it."
        )
    if gateways.heard(tx, desk.services.clock.now()).is_nobody:
        raise NotReady(
            "No gateway worker was heard of, so a drill would show nothing.",
            hint="Start assay gateway, with assay engine or assay ingest beside its spool, and ask again.",
        )


def _share(tx: Tx, feature: Feature) -> float:
    rollout = rollouts.open_of(tx, feature.id or 0)
    return rollout.share if rollout is not None else 0.0
