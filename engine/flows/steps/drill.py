"""Drill a rollback: put a changed route out, roll it back, and see which gateway workers followed, and when.

No share moves and no caller is touched: the changed route serves what was served (docs/decisions).
"""

from __future__ import annotations

import hashlib
import json
import logging
from datetime import datetime, timedelta

from engine.flows.durable import Pending
from engine.flows.steps import gateways, route
from engine.flows.steps.gateways import Heard
from engine.models.actor import Actor
from engine.models.base import Value
from engine.models.drill import Drill, DrillState
from engine.models.feature import Feature
from engine.models.rollout import RolloutStatus
from engine.services import Services
from engine.store import deeds, drills, features, mail, rollouts
from engine.store.database import Tx

log = logging.getLogger(__name__)

PATIENCE = timedelta(seconds=60)  # a worker looks five times a second, `assay routes --watch` twice
COUNTS = timedelta(days=90)  # docs/rules.md 2: our own drill in 90 days
_POLL_SECONDS = 0.2


class Put(Value):
    """A route file that was put out."""

    version: int


class Followed(Value):
    """So many workers have taken a version, so many seconds after it was put out; or why not all have."""

    workers: int = 0
    seconds: float = 0.0
    lacks: str = ""


class DrillView(Value):
    """A drill as people see it; ``share`` is the tuned share it left alone, ``is_as_before``: the route says the same.

    ``seconds`` is an upper bound: it holds up to a second until the engine read what the last worker told.
    """

    slug: str
    by: str
    state: DrillState
    on: str
    share: float = 0.0
    workers: int = 0
    seconds: float | None = None
    is_as_before: bool = True
    reason: str = ""
    counts_until: str = ""
    version: int = 1


def view(tx: Tx, drill: Drill) -> DrillView:
    """A drill, inside a transaction."""
    return DrillView(
        slug=features.by_id(tx, drill.feature_id).slug,
        by=drill.by,
        state=drill.state,
        on=f"{drill.started_at:%Y-%m-%d}",
        share=drill.share,
        workers=drill.workers,
        seconds=drill.seconds,
        is_as_before=drill.is_as_before,
        reason=drill.reason,
        counts_until=f"{drill.ended_at + COUNTS:%Y-%m-%d}" if drill.ended_at is not None else "",
        version=drill.version,
    )


def newest(tx: Tx, feature_id: int) -> DrillView | None:
    """The feature's newest drill."""
    found = drills.newest_of(tx, feature_id)
    return view(tx, found) if found is not None else None


def drilled(tx: Tx, feature_id: int, now: datetime) -> bool | None:
    """Whether a rollback was shown to work within 90 days: by the newest drill, or by a real one; None is unknown."""
    newest = drills.newest_judged(tx, feature_id)
    at = newest.ended_at if newest is not None and newest.ended_at and newest.ended_at >= now - COUNTS else None
    real = [
        one.stage_since
        for one in rollouts.of_feature(tx, feature_id)
        if one.status is RolloutStatus.ROLLED_BACK and one.stage_since >= now - COUNTS
    ]
    if newest is None or at is None:
        return True if real else None
    return newest.state is DrillState.PASSED or any(moment > at for moment in real)


def change(services: Services, drill_id: int) -> Put:
    """Put a changed route of the feature out."""
    return _put(services, drill_id, DrillState.STARTED, DrillState.CHANGED)


def back(services: Services, drill_id: int) -> Put:
    """Press: have the route say again what it said, by the file that a rollback is put out by."""
    return _put(services, drill_id, DrillState.CHANGED, DrillState.BACK)


def followed(services: Services, drill_id: int) -> Followed | Pending:
    """Wait until every gateway worker that is alive has taken the file that was put out last, a minute at most."""
    now = services.clock.now()
    with services.database.read() as tx:
        drill = drills.by_id(tx, drill_id)
        heard = gateways.heard(tx, now)
    waited = now - (drill.put_at or now)
    lacks = _lacks(heard, drill.route_version)
    if not lacks:
        return Followed(workers=len(heard.workers), seconds=max(waited.total_seconds(), 0.0))
    is_over = waited >= PATIENCE or drill.state.is_over
    return Followed(workers=len(heard.workers), lacks=lacks) if is_over else Pending(seconds=_POLL_SECONDS)


def end(services: Services, drill_id: int, changed: Followed, returned: Followed) -> DrillView:
    """Say what the drill showed, once: it passed where every worker took both files."""
    with services.database.write() as tx:
        drill = _alone(tx, drill_id)
        if not drill.state.is_over:
            lacks = _why("the changed route", changed) or _why("the rollback", returned)
            drill.seconds = None if lacks else round(returned.seconds, 1)
            drill.workers = returned.workers
            drill.is_as_before = drill.before == fingerprint(tx, features.by_id(tx, drill.feature_id))
            _close(tx, services, drill, DrillState.FAILED if lacks else DrillState.PASSED, reason=lacks)
            log.info("rollback.drilled", extra={"drill": drill_id, "state": drill.state, "seconds": drill.seconds})
        return view(tx, drill)


def give_up(services: Services, drill_id: int, reason: str) -> None:
    """End a drill that broke off: its changed route goes, and it shows nothing. One that ended stays as it ended."""
    with services.database.write() as tx:
        drill = _alone(tx, drill_id)
        if not drill.state.is_over:
            _close(tx, services, drill, DrillState.LOST, reason=reason)
    route.refresh(services)


def fingerprint(tx: Tx, feature: Feature) -> str:
    """A sha256 of what the route file says of a feature, whatever is drilled; "" where it says nothing."""
    entry = route.said_of(tx, feature)
    return hashlib.sha256(json.dumps(entry, sort_keys=True).encode()).hexdigest() if entry else ""


def _put(services: Services, drill_id: int, before: DrillState, after: DrillState) -> Put:
    with services.database.write() as tx:
        drill = _alone(tx, drill_id)
        if drill.state is before:
            drill.state, drill.put_at = after, services.clock.now()
            drills.save(tx, drill)
            drill.route_version = route.version_now(tx)
            _tell(tx, services, drill)
        version = drill.route_version
    route.refresh(services)
    return Put(version=version)


def _alone(tx: Tx, drill_id: int) -> Drill:
    drill = drills.by_id(tx, drill_id)
    features.alone(tx, drill.feature_id)
    tx.refresh(drill)
    return drill


def _close(tx: Tx, services: Services, drill: Drill, state: DrillState, *, reason: str) -> None:
    drill.state, drill.reason, drill.open_feature_id = state, reason, None
    drill.ended_at = services.clock.now()
    drills.save(tx, drill)
    deeds.record(
        tx, services.clock, Actor(id=drill.by), "end", entity="drill", entity_id=str(drill.id),
        feature_id=drill.feature_id, reason=reason,
        after={"state": state, "workers": drill.workers, "seconds": drill.seconds, "share": drill.share},
    )  # fmt: skip
    _tell(tx, services, drill)


def _tell(tx: Tx, services: Services, drill: Drill) -> None:
    mail.enqueue_projection(tx, services.clock, "drill", str(drill.id), kind="card", channel=drill.channel)


def _lacks(heard: Heard, version: int) -> str:
    late = [worker for worker in heard.workers if worker.version < version]
    if heard.silent:
        return f"the spool of {', '.join(heard.silent)} is read no more, so what its gateway does is unknown"
    if not heard.workers:
        return "no gateway worker is alive"
    return f"{len(late)} of {len(heard.workers)} gateway workers had not taken it" if late else ""


def _why(what: str, followed: Followed) -> str:
    return f"{what}: {followed.lacks} within {PATIENCE.total_seconds():.0f} s" if followed.lacks else ""
