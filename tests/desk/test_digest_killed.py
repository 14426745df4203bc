"""Two schedulers and an engine that are killed again and again: still one digest for each month, and none missing.

The team is in Berlin, so that the clock is put on and back within the year. Kill points are drawn by a seed.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import cycle

from sqlmodel import select

from engine.desk import Desk, digests, policies
from engine.flows.alerts import Week, alerts
from engine.flows.digest import Month, digest
from engine.models.checkup import Checkup
from engine.models.checkup import Digest as Stored
from engine.models.work import Due
from engine.rules.calendar import due_at, following
from engine.store import policies as policy_rows
from engine.store import work
from engine.testing.clock import FixedClock
from engine.testing.direct import DirectStepper
from tests.builders import ASKER, a_feature, waiting
from tests.killing import Killed, under

MONTHS = [following("2025-11", number) for number in range(1, 13)]  # over both turns of the clock
KILLS = 50


def test_two_schedulers_and_fifty_kills_leave_one_digest_for_each_month(desk: Desk, clock: FixedClock) -> None:
    clock.moment = datetime(2025, 12, 1, 12, tzinfo=UTC)  # November ended before
    with desk.services.database.write() as tx:
        work.deployment(tx).created_at = clock.now()
    a_feature(desk)
    policies.change(desk, ASKER, "", {"digest_zone": "Europe/Berlin"})
    services, dying = under(desk.services, seed=1, chance=0.15)
    schedulers = [Desk(services=services, durable=desk.durable) for _ in range(2)]
    with desk.services.database.read() as tx:
        policy = policy_rows.current(tx).digest
    for period in MONTHS:
        due = due_at(period, policy)
        assert due.hour == (7 if 4 <= int(f"{due:%m}") <= 10 else 8), "nine in Berlin, in summer and in winter"
        for minutes, scheduler in zip((-1, 0, 1, 2, 5, 60, 61, 24 * 60), cycle(schedulers), strict=False):
            clock.moment = due + timedelta(minutes=minutes)
            _tick(scheduler)
    assert dying.kills >= KILLS
    with desk.services.database.read() as tx:
        assert Counter(one.period for one in tx.exec(select(Stored))) == Counter(MONTHS)
        assert Counter(one.period for one in tx.exec(select(Checkup))) == Counter(MONTHS)
        assert all(one.done_at is not None for one in tx.exec(select(Due).where(Due.kind == "digest")))
    posts = [row.entity_id for row in waiting(desk) if row.entity == "digest"]
    assert posts == MONTHS, "each is posted once, in order"


def _tick(scheduler: Desk) -> None:
    """A minute of a scheduler and of the engine behind it; either may die, and the next minute goes on."""
    try:
        runs = [
            *digests.fall_due(scheduler, scheduler.services.clock.now()),
            *digests.fall_due_alerts(scheduler, scheduler.services.clock.now()),
        ]
    except Killed:
        return
    for run_id in runs:
        kind, _, period = run_id.partition("-")
        for _ in range(20):  # the engine is started again until it lives through it
            try:
                stepper = DirectStepper(scheduler.services)
                digest(stepper, Month(period=period)) if kind == "digest" else alerts(stepper, Week(period=period))
                break
            except Killed:
                continue
