"""A process that works a journal's runs until it is killed: ``python -m tests.flows.owner URL HOME``."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from engine.flows.durable import Queue, Stepper
from engine.flows.table import Flow
from engine.models.base import Value
from engine.services import Services
from engine.testing.clock import FixedClock
from engine.testing.journal import JournalEngine
from tests.conftest import services_at

LEASE_SECONDS = 2.0


class Which(Value):
    """The process that worked a step."""

    pid: int


def mark(services: Services, name: str) -> Which:
    """Leave a trace: which process began this step."""
    with (services.settings.home / f"{name}.txt").open("a") as file:
        file.write(f"{os.getpid()}\n")
    return Which(pid=os.getpid())


def held_up(services: Services) -> Which:
    """Begin, and end as soon as the gate is open."""
    mark(services, "slow")
    while not (services.settings.home / "gate").exists():
        time.sleep(0.01)
    return mark(services, "through")


def slow(run: Stepper, _asked: Which) -> Which:
    """Three steps; the second takes as long as the gate is shut."""
    run.step("first", mark, "first")
    through = run.step("slow", held_up)
    run.step("last", mark, "last")
    return through


FLOWS = {"slow": Flow(slow, Which)}


def made(services: Services) -> JournalEngine:
    """An engine that knows the slow flow, on short leases."""
    return JournalEngine(
        services, broken=lambda *_: None, queues=(Queue.HEAVY,), flows=FLOWS, lease_seconds=LEASE_SECONDS
    )


if __name__ == "__main__":
    made(services_at(sys.argv[1], Path(sys.argv[2]), FixedClock())).start()
    time.sleep(600)
