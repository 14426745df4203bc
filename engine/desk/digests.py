"""The monthly message: the stored one, a fresh look at the month so far, and what fell due."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from engine.desk import Desk
from engine.errors import NotFound
from engine.flows.durable import Queue
from engine.flows.steps.checkup import measured
from engine.models.base import Value
from engine.models.work import Due
from engine.rules.calendar import digest_due, period_of
from engine.store import checkups, features, work

DIGEST = "digest"  # the kind of work that falls due, and the flow that does it
TRIES = 5


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
    """Enqueue the digest that is due at ``now``, once per month for ever; the run ids enqueued or not yet done.

    A run that broke is followed by another, five in all; ``doctor`` names a digest that never came.
    """
    with desk.services.database.write() as tx:
        period = digest_due(now, work.deployment(tx).created_at)
        if period is None:
            return []
        if work.fall_due(tx, DIGEST, period, f"digest-{period}", now=now):
            desk.durable.enqueue(tx, DIGEST, f"digest-{period}", {"period": period}, queue=Queue.LIGHT)
        row = work.due(tx, DIGEST, period)
    if row is None or row.done_at is not None:
        return []
    return [_after_broken(desk, row)]


def _after_broken(desk: Desk, row: Due) -> str:
    first = f"digest-{row.period}"
    broken = {run.run_id for run in desk.durable.runs(state="failed") if run.run_id.startswith(first)}
    if row.run_id not in broken or len(broken) >= TRIES:
        return row.run_id
    again = f"{first}-{len(broken) + 1}"
    with desk.services.database.write() as tx:
        work.again(tx, row, again)
        desk.durable.enqueue(tx, DIGEST, again, {"period": row.period}, queue=Queue.LIGHT)
    return again
