"""The gateway's spool, as operators run it: into the database, by a program of its own where no engine runs."""

from __future__ import annotations

from collections.abc import Callable

from engine.desk import Desk
from engine.errors import Invalid
from engine.flows import ingest
from engine.flows.ingest import Forgotten, Passed
from engine.models.actor import Actor
from engine.store import deeds

__all__ = ["Forgotten", "Passed", "forget", "once", "run"]


def once(desk: Desk) -> Passed:
    """Store all that is in the spool at this moment. Raises ``Conflict`` when another program keeps it for long."""
    return ingest.once(desk.services)


def run(desk: Desk, until: Callable[[], bool], *, beat: Callable[[], None]) -> None:
    """Store what comes, once a second, until told to stop; ``beat`` is called once a minute. Raises ``Conflict``."""
    ingest.run(desk.services, until, each_minute=beat)


def forget(desk: Desk, actor: Actor, unit: str) -> Forgotten:
    """Delete what is kept of one customer's calls; the deed names nobody. Raises ``Invalid``, ``Conflict``."""
    if not unit:
        raise Invalid("A unit has a name.", hint="The one the product sends as X-Assay-Unit: assay forget --unit U")
    done = ingest.forget(desk.services, unit)
    with desk.services.database.write() as tx:
        after = done.model_dump(mode="json")
        deeds.record(tx, desk.services.clock, actor, "forget", entity="unit", entity_id="", after=after)
    return done
