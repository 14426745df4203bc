"""What providers bill us for, set against what our rollouts need. Reports strangers; stops what a person asked for."""

from __future__ import annotations

import logging
import os
import socket
from datetime import UTC, datetime, timedelta
from typing import Any

from engine.errors import Conflict, NotFound, Refused, Unavailable, Upstream
from engine.models.actor import Actor
from engine.models.base import Value
from engine.servers.provider import Deployment, DeploymentState, Proof, name_of
from engine.services import Services
from engine.store import deeds, servings, work
from engine.store.database import Tx

log = logging.getLogger(__name__)

PROGRAM = "rented"  # the heartbeat that keeps what the newest look found, and what people asked to stop
AGAIN = timedelta(seconds=15)  # until a provider that did not stop one is asked again
REMEMBERED = 5  # deployments that were stopped, newest last


class Rented(Value):
    """One deployment at a provider; ``is_needed`` by a rollout of ours. US dollars a day where a price is known.

    ``asked_by`` is who asked to stop it, "" for nobody; ``said`` why it still runs; ``stopped_at`` proves it is gone.
    """

    provider: str
    id: str
    name: str
    state: DeploymentState
    daily_usd: float | None
    is_needed: bool
    asked_by: str = ""
    tried_at: datetime | None = None
    said: str = ""
    stopped_at: datetime | None = None

    @property
    def price(self) -> str:
        """What it costs, in words."""
        if self.state is DeploymentState.STOPPED:
            return "stopped, not billed"
        return "price unknown" if self.daily_usd is None else f"about ${self.daily_usd:,.2f} a day"


def listed(services: Services) -> list[Rented]:
    """Every deployment of every provider we have a key of. Raises ``Upstream`` for one that does not answer."""
    with services.database.read() as tx:
        needed = _needed(tx)
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
    with services.database.write() as tx:
        work.alone(tx, PROGRAM)
        asked = {(one.provider, one.id): one for one in strangers(tx) if one.asked_by}
        told = [asked.get((one.provider, one.id), one) for one in found]
        _keep(tx, told, stopped(tx), looked_at=now)


def strangers(tx: Tx) -> list[Rented]:
    """What the newest look found that no rollout needs, less what was stopped since."""
    return _kept(tx, "strangers")


def stopped(tx: Tx) -> list[Rented]:
    """What people had stopped lately, oldest first."""
    return _kept(tx, "stopped")


def ask_to_stop(tx: Tx, services: Services, actor: Actor, deployment: str) -> Rented:
    """Note that a person wants one stopped; ``stop_asked`` does it, in the process that holds the keys.

    ``deployment`` is its provider, a space, its id there.
    Raises ``NotFound`` for what the newest look did not find or is gone, ``Conflict`` where somebody asked before.
    """
    provider, _, deployment_id = deployment.partition(" ")
    work.alone(tx, PROGRAM)
    known = strangers(tx)
    one = next((one for one in known if (one.provider, one.id) == (provider, deployment_id)), None)
    if one is None:
        raise NotFound(
            f"There is no deployment {deployment[:120]!r} that is billed and no rollout needs. Nothing was changed.",
            hint="What is billed now, by PROVIDER and ID: /assay doctor",
        )
    if one.asked_by:
        raise Conflict(
            f"<@{one.asked_by}> asked to stop {one.name} already. Nothing was changed.",
            hint="How it stands: /assay doctor",
            people=(one.asked_by,),
        )
    asked = one.model_copy(update={"asked_by": actor.id})
    _keep(tx, [asked if other is one else other for other in known], stopped(tx))
    _deed(tx, services, actor, "ask to stop", one=asked)
    return asked


def stop_asked(services: Services) -> None:
    """Stop what people asked to stop, and keep the proof. What a provider will not do now is tried again."""
    now = services.clock.now()
    with services.database.read() as tx:
        asked = [one for one in strangers(tx) if one.asked_by and (one.tried_at is None or now - one.tried_at > AGAIN)]
    for one in asked:
        try:
            proof = _gone(services, one)
            _settle(services, one.model_copy(update={"stopped_at": proof.billing_stopped_at, "said": ""}))
        except Conflict as error:
            _settle(services, one.model_copy(update={"is_needed": True, "said": error.message}))
        except (Upstream, Refused) as error:
            log.warning("rented.kept", extra={"provider": one.provider, "deployment": one.id, "why": str(error)})
            _settle(services, one.model_copy(update={"tried_at": now, "said": str(error).rstrip(".")}))


def _gone(services: Services, one: Rented) -> Proof:
    """Have it deleted; what its provider does not know any more is proof too, one that it leaves out of a list is not.

    Raises ``Conflict`` for one that a rollout needs by now.
    """
    with services.database.read() as tx:
        needed = _needed(tx)
    if any(name in one.name for name in needed):
        raise Conflict(f"A rollout needs {one.name} by now, so it was not stopped.")
    provider = next((known for known in services.servers.providers() if known.name == one.provider), None)
    if provider is None:
        raise Unavailable(f"This engine holds no key of {one.provider} any more.")
    return provider.teardown(Deployment(id=one.id, name=one.name, model="", state=one.state))


def _settle(services: Services, one: Rented) -> None:
    """Write down what came of one, once."""
    with services.database.write() as tx:
        work.alone(tx, PROGRAM)
        known, over = strangers(tx), stopped(tx)
        if not any((other.provider, other.id) == (one.provider, one.id) for other in known):
            return
        rest = [other for other in known if (other.provider, other.id) != (one.provider, one.id)]
        if one.stopped_at is not None or one.is_needed:
            _deed(tx, services, Actor(id=one.asked_by), "leave" if one.is_needed else "stop", one=one)
            over = [*over, one]
        else:
            rest = [*rest, one]
        _keep(tx, rest, over)


def _needed(tx: Tx) -> set[str]:
    return {name_of(row.artifact) for row in servings.running(tx) if row.server.is_paid}


def _keep(tx: Tx, found: list[Rented], over: list[Rented], *, looked_at: datetime | None = None) -> None:
    """Write both lists down; only a look at the providers moves the moment of the newest look."""
    facts: dict[str, Any] = {
        "strangers": [one.model_dump(mode="json") for one in found],
        "stopped": [one.model_dump(mode="json") for one in over[-REMEMBERED:]],
    }
    known = work.heartbeat(tx, PROGRAM)
    at = looked_at or (known.at if known is not None else datetime.min.replace(tzinfo=UTC))
    work.beat(tx, PROGRAM, host=socket.gethostname(), pid=os.getpid(), now=at, facts=facts)


def _kept(tx: Tx, name: str) -> list[Rented]:
    known = work.heartbeat(tx, PROGRAM)
    found: list[Any] = known.facts.get(name, []) if known is not None else []
    return [Rented.model_validate(one) for one in found]


def _deed(tx: Tx, services: Services, actor: Actor, verb: str, *, one: Rented) -> None:
    gone = {"stopped_at": one.stopped_at.isoformat()} if one.stopped_at else {}
    deeds.record(
        tx, services.clock, actor, verb, entity="deployment", entity_id=f"{one.provider} {one.id}"[:200],
        after={"name": one.name, **gone}, reason=one.said,
    )  # fmt: skip
