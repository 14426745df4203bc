"""What providers bill us for, set against what our rollouts need. Reports strangers; stops nothing unasked."""

from __future__ import annotations

import logging
import os
import socket
from typing import Any

from engine.errors import Refused, Upstream
from engine.models.base import Value
from engine.servers.provider import DeploymentState, name_of
from engine.services import Services
from engine.store import servings, work
from engine.store.database import Tx

log = logging.getLogger(__name__)

PROGRAM = "rented"  # the heartbeat that keeps what the newest look found


class Rented(Value):
    """One deployment at a provider; ``is_needed`` by a rollout of ours. US dollars a day where a price is known."""

    provider: str
    id: str
    name: str
    state: DeploymentState
    daily_usd: float | None
    is_needed: bool

    @property
    def price(self) -> str:
        """What it costs, in words."""
        if self.state is DeploymentState.STOPPED:
            return "stopped, not billed"
        return "price unknown" if self.daily_usd is None else f"about ${self.daily_usd:,.2f} a day"


def listed(services: Services) -> list[Rented]:
    """Every deployment of every provider we have a key of. Raises ``Upstream`` for one that does not answer."""
    with services.database.read() as tx:
        needed = {name_of(row.artifact) for row in servings.running(tx) if row.server.is_paid}
    return [
        Rented(
            provider=provider.name,
            id=one.id,
            name=one.name,
            state=one.state,
            daily_usd=one.daily_usd,
            is_needed=any(name in one.name for name in needed),
        )
        for provider in services.servers.providers()
        for one in provider.deployments()
    ]


def nightly(services: Services) -> None:
    """Look once a UTC day, and remember what no rollout needs. A provider that does not answer is asked again later."""
    now = services.clock.now()
    if not services.servers.providers():
        return
    with services.database.read() as tx:
        known = work.heartbeat(tx, PROGRAM)
    if known is not None and known.at.date() == now.date():
        return
    try:
        found = [one for one in listed(services) if not one.is_needed]
    except (Upstream, Refused) as error:
        log.warning("rented.unknown", extra={"why": str(error)})
        return
    for one in found:
        log.warning("rented.unneeded", extra={"provider": one.provider, "deployment": one.id, "costs": one.price})
    facts: dict[str, Any] = {"strangers": [one.model_dump(mode="json") for one in found]}
    with services.database.write() as tx:
        work.beat(tx, PROGRAM, host=socket.gethostname(), pid=os.getpid(), now=now, facts=facts)


def strangers(tx: Tx) -> list[Rented]:
    """What the newest look found that no rollout needs."""
    known = work.heartbeat(tx, PROGRAM)
    found: list[Any] = known.facts.get("strangers", []) if known is not None else []
    return [Rented.model_validate(one) for one in found]
