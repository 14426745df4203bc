"""The monthly message: the stored one, a fresh look at the month so far, and what fell due."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from engine.desk import Desk
from engine.errors import NotFound
from engine.flows.durable import Queue
from engine.flows.steps.checkup import measured
from engine.models.base import Value
from engine.rules.calendar import digest_due, period_of
from engine.store import checkups, features, work


class DigestView(Value):
    """A month in lines, one per feature; ``posted`` is false for a look at a month that is still running."""

    period: str
    lines: tuple[dict[str, Any], ...]
    posted: bool
    version: int = 1


def newest(desk: Desk) -> DigestView:
    """The newest posted digest, or the month so far while there is none."""
    with desk.services.database.read() as tx:
        stored = checkups.newest_digest(tx)
    return show(desk, stored.period) if stored else so_far(desk)


def show(desk: Desk, period: str) -> DigestView:
    """The digest of a month. Raises ``NotFound``."""
    with desk.services.database.read() as tx:
        stored = checkups.digest(tx, period)
        if stored is None:
            raise NotFound(f"There is no digest of {period[:10]}.", hint="The month so far: /assay digest now")
        return DigestView(period=period, lines=tuple(stored.body["lines"]), posted=True, version=stored.version)


def so_far(desk: Desk) -> DigestView:
    """The running month, measured now; nothing is stored or posted."""
    now = desk.services.clock.now()
    period = period_of(now)
    with desk.services.database.read() as tx:
        looks = [measured(tx, desk.services, feature, period) for feature in features.every(tx)]
        return DigestView(period=period, lines=tuple(look.facts for look in looks), posted=False)


def fall_due(desk: Desk, now: datetime) -> list[str]:
    """Enqueue the digest that is due at ``now``, once per month for ever; the run ids enqueued or not yet done."""
    with desk.services.database.write() as tx:
        period = digest_due(now, work.deployment(tx).created_at)
        if period is None:
            return []
        run_id = f"digest-{period}"
        if work.fall_due(tx, "digest", period, run_id, now=now):
            desk.durable.enqueue(tx, "digest", run_id, {"period": period}, queue=Queue.LIGHT)
        return [] if work.is_done(tx, "digest", period) else [run_id]
