"""The monthly message: the stored one, a fresh look at the month so far, and what fell due."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from engine.desk import Desk
from engine.errors import NotFound
from engine.flows.durable import Queue
from engine.flows.steps.checkup import measured
from engine.flows.steps.post import body_of
from engine.models.base import Value
from engine.models.work import Due
from engine.rules.calendar import digests_due, period_of, week_due, whole_at
from engine.store import checkups, features, policies, work
from engine.store.database import Tx

DIGEST = "digest"  # the kinds of work that fall due, and the flows that do them
ALERTS = "alerts"
TRIES = 5


class DigestView(Value):
    """A month in lines, one per feature; ``posted`` is false for a look at a month that is still running.

    ``months`` are the points of its picture: paid against prompted alone, US dollars. ``late_days`` is 0 on time.
    """

    period: str
    lines: tuple[dict[str, Any], ...]
    posted: bool
    months: tuple[dict[str, Any], ...] = ()
    late_days: int = 0
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
        return DigestView(
            period=period,
            lines=tuple(stored.body["lines"]),
            posted=True,
            months=tuple(stored.body.get("months", ())),
            late_days=stored.body.get("late_days", 0),
            version=stored.version,
        )


def so_far(desk: Desk) -> DigestView:
    """The running month, measured now; nothing is stored or posted."""
    now = desk.services.clock.now()
    period = period_of(now)
    with desk.services.database.read() as tx:
        looks = [measured(tx, desk.services, feature, period) for feature in features.every(tx)]
        body = body_of(tx, looks, period)
        return DigestView(period=period, lines=tuple(body["lines"]), posted=False, months=tuple(body["months"]))


def fall_due(desk: Desk, now: datetime) -> list[str]:
    """Enqueue every digest due at ``now``, once per month for ever; the run ids enqueued or not yet done.

    A run that broke is followed by another, five in all; ``doctor`` names a digest that never came.
    """
    with desk.services.database.write() as tx:
        rules = policies.current(tx).digest
        periods = digests_due(now, work.deployment(tx).created_at, rules)
        rows = [_due(desk, tx, DIGEST, period, now=now) for period in periods if whole_at(period, rules) <= now]
    return [_after_broken(desk, row) for row in rows if row.done_at is None]


def fall_due_alerts(desk: Desk, now: datetime) -> list[str]:
    """The same for the alerts of the week."""
    with desk.services.database.write() as tx:
        row = _due(desk, tx, ALERTS, week_due(now, policies.current(tx).digest), now=now)
    return [] if row.done_at is not None else [_after_broken(desk, row)]


def _due(desk: Desk, tx: Tx, kind: str, period: str, *, now: datetime) -> Due:
    if work.fall_due(tx, kind, period, f"{kind}-{period}", now=now):
        desk.durable.enqueue(tx, kind, f"{kind}-{period}", {"period": period}, queue=Queue.LIGHT)
    row = work.due(tx, kind, period)
    assert row is not None, "it has just fallen due"
    return row


def _after_broken(desk: Desk, row: Due) -> str:
    first = f"{row.kind}-{row.period}"
    broken = {run.run_id for run in desk.durable.runs(state="failed") if run.run_id.startswith(first)}
    if row.run_id not in broken or len(broken) >= TRIES:
        return row.run_id
    again = f"{first}-{len(broken) + 1}"
    with desk.services.database.write() as tx:
        work.again(tx, row, again)
        desk.durable.enqueue(tx, row.kind, again, {"period": row.period}, queue=Queue.LIGHT)
    return again
