"""Servers for tests: told how each candidate is, they remember what was asked. And a row that says all is well."""

from __future__ import annotations

import socket

from engine.models.serving import ServerName, Serving, ServingState
from engine.servers import Condition, Endpoint, Health, Server
from engine.servers.provider import Provider
from engine.services import Services
from engine.store import servings

URL = "http://127.0.0.1:4100/v1"


class ScriptedServer:
    """Serves at ``url`` whatever it is asked to, once ``starts`` lets it. Implements ``Server``."""

    look_seconds = 0.0

    def __init__(self, url: str = URL) -> None:
        self.url = url
        self.starts = True
        self.conditions: dict[str, Condition] = {}
        self.ensured: list[str] = []
        self.unloaded: list[str] = []

    def ensure(self, artifact: str) -> Endpoint:
        """It answers from now on, where ``starts`` lets it; asked again it changes nothing."""
        if self.conditions.get(artifact, Condition.DOWN) is Condition.DOWN:
            self.ensured.append(artifact)
            self.conditions[artifact] = Condition.READY if self.starts else Condition.DOWN
        return Endpoint(base_url=self.url, model=artifact)

    def health(self, artifact: str) -> Health:
        """What it was told to be."""
        condition = self.conditions.get(artifact, Condition.DOWN)
        return Health(condition=condition, why="" if condition is Condition.READY else "told to be so")

    def unload(self, artifact: str) -> None:
        """Remember that it was to end."""
        self.unloaded.append(artifact)
        self.conditions[artifact] = Condition.DOWN

    def served(self) -> list[str]:
        """What runs."""
        return [artifact for artifact, condition in self.conditions.items() if condition is not Condition.DOWN]


class ScriptedServers:
    """One scripted server under every name. Implements ``Servers``."""

    def __init__(self, server: ScriptedServer | None = None, rented: list[Provider] | None = None) -> None:
        self.server = server or ScriptedServer()
        self.rented = rented or []

    def of(self, name: str, place: str) -> Server:
        """The one there is."""
        del name, place
        return self.server

    def providers(self) -> list[Provider]:
        """Those it was given."""
        return self.rented


def stand_in(services: Services, feature_id: int, artifact: str, *, url: str = URL) -> None:
    """Have a candidate be served and checked, as the engine would after a while."""
    now = services.clock.now()
    with services.database.write() as tx:
        row = servings.of_candidate(tx, feature_id, artifact)
        row = row or Serving(feature_id=feature_id, artifact=artifact, next_at=now, changed_at=now)
        row.server, row.state, row.host = ServerName.LOCAL, ServingState.READY, socket.gethostname()
        row.base_url, row.served_as, row.agree, row.asked = url, artifact, 200, 200
        row.checked_at = row.started_at = now
        servings.save(tx, row)
