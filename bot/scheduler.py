"""What falls due by the calendar: digests and alerts. It only enqueues; ``--once`` also waits until it is done."""

from __future__ import annotations

import argparse
import logging
import os
import time
from datetime import UTC, datetime

from apscheduler.schedulers.background import BackgroundScheduler

from engine import status, stop
from engine.clock import SystemClock
from engine.desk import Desk, digests, open_desk, operate
from engine.errors import Conflict, Invalid, Unavailable
from engine.log import set_up
from engine.services import Services, build
from engine.settings import load_settings
from engine.worker import drain, serve_status

log = logging.getLogger(__name__)

TICK_SECONDS = 60
BEAT_SECONDS = 5
WAIT_SECONDS = 120.0  # how long --once waits for due work


class FixedNow:
    """A clock that stands still, for ``--now``."""

    def __init__(self, moment: datetime) -> None:
        self._moment = moment

    def now(self) -> datetime:
        """The moment it was set to."""
        return self._moment


def main(argv: list[str]) -> int:
    """Run until stopped, or do what is due as of a moment and end."""
    parser = argparse.ArgumentParser(
        prog="assay scheduler",
        description="Each minute: is a monthly digest due? Once per month for ever, however many times this starts.",
        epilog="Example: assay scheduler --once --now 2026-12-01T09:00:00Z",
    )
    parser.add_argument("--once", action="store_true", help="do all that is due, wait until it is done, and end")
    parser.add_argument("--now", help="as of this moment (UTC), like 2026-12-01T09:00:00Z; only with --once")
    status.add_port(parser)
    known = parser.parse_args(argv)
    if known.now and not known.once:
        raise Invalid("--now is for --once: a scheduler that runs on uses the machine's clock.", hint="Add --once.")
    settings = load_settings()
    set_up(settings.log_level)
    services = build(settings, clock=FixedNow(_moment(known.now)) if known.now else SystemClock())
    operate.prepare(services)
    if known.once:
        return once(services)
    if known.status_port is not None:
        serve_status(services, known.status_port, "scheduler")
    return _run(services)


def due(desk: Desk) -> list[str]:
    """Enqueue what fell due; the run ids that are not done yet."""
    now = desk.services.clock.now()
    return [*digests.fall_due(desk, now), *digests.fall_due_alerts(desk, now)]


def once(services: Services) -> int:
    """Do all that is due as of the services' clock; 1 when it was not done in time."""
    desk = open_desk(services)
    waiting = due(desk)
    ends = time.monotonic() + WAIT_SECONDS
    while due(desk) and time.monotonic() < ends:
        try:
            drain(services, until=lambda: not due(desk) or time.monotonic() > ends)
        except Conflict:  # an engine is alive: the work is its
            time.sleep(0.2)
    log.info("schedule.done", extra={"runs": ",".join(waiting)})
    return int(bool(due(desk)))


def _run(services: Services) -> int:
    desk = open_desk(services)
    stopping = stop.on_signal()
    # APScheduler drops a job that starts a second late unless told otherwise, and fires a backlog at once.
    scheduler = BackgroundScheduler(
        timezone=UTC, job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1}
    )
    scheduler.add_job(_tick, "interval", seconds=TICK_SECONDS, args=[desk], next_run_time=datetime.now(UTC))
    scheduler.add_job(_beat, "interval", seconds=BEAT_SECONDS, args=[services], next_run_time=datetime.now(UTC))
    scheduler.start()
    log.info("scheduler.started", extra={"pid": os.getpid()})
    stopping.wait()
    scheduler.shutdown(wait=False)
    return 0


def _tick(desk: Desk) -> None:
    try:
        waiting = due(desk)
    except Unavailable as error:
        log.warning("schedule.missed", extra={"why": str(error)})
    else:
        if waiting:
            log.info("schedule.due", extra={"runs": ",".join(waiting)})


def _beat(services: Services) -> None:
    try:
        operate.beat(services, "scheduler")
    except Unavailable as error:
        log.warning("heartbeat.missed", extra={"why": str(error)})


def _moment(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise Invalid(
            f"--now is {text[:40]!r}, which is no moment.", hint="For example: 2026-12-01T09:00:00Z"
        ) from error
    return found if found.tzinfo else found.replace(tzinfo=UTC)
