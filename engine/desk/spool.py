"""The gateway's spool, as operators run it: into the database, by a program of its own where no engine runs."""

from __future__ import annotations

from collections.abc import Callable

from engine.desk import Desk
from engine.flows import ingest
from engine.flows.ingest import Passed

__all__ = ["Passed", "once", "run"]


def once(desk: Desk) -> Passed:
    """Store all that is in the spool at this moment. Raises ``Conflict`` when another program keeps it for long."""
    return ingest.once(desk.services)


def run(desk: Desk, until: Callable[[], bool], *, beat: Callable[[], None]) -> None:
    """Store what comes, once a second, until told to stop; ``beat`` is called once a minute. Raises ``Conflict``."""
    ingest.run(desk.services, until, each_minute=beat)
