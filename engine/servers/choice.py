"""Every server a deployment can use, by the name a feature's traffic policy gives. Asks nobody until it is used."""

from __future__ import annotations

import os

from engine.approaches import Task
from engine.errors import KeyRejected, NotReady
from engine.models.labels import Part
from engine.models.serving import ServerName
from engine.rules import hosts
from engine.servers import Server
from engine.servers.fireworks import API as FIREWORKS
from engine.servers.fireworks import Fireworks
from engine.servers.host import HostServer
from engine.servers.provider import Provider, ProviderServer
from engine.servers.together import API as TOGETHER
from engine.servers.together import Together
from engine.servers.vllm import Fingerprint, VllmServer
from engine.settings import Settings
from engine.store import features, investigations
from engine.store.artifacts import Artifacts
from engine.store.database import Database


class ServerChoice:
    """Implements ``Servers``: the engine's own host, a team's vLLM, and providers whose keys the environment holds."""

    def __init__(self, settings: Settings, artifacts: Artifacts, database: Database) -> None:
        self._settings = settings
        self._artifacts = artifacts
        self._database = database
        self._cache = settings.home / "cache" / "artifacts"
        self._local = HostServer(
            settings.home / "servers", artifacts, host=settings.serve_host, prompt_of=self.prompt_of
        )

    def of(self, name: str, place: str) -> Server:
        """The server of a name. Raises ``NotReady`` for a vLLM without an address, ``KeyRejected`` without a key."""
        match ServerName(name):
            case ServerName.LOCAL:
                return self._local
            case ServerName.VLLM if not place:
                raise NotReady(
                    "Nobody said where the vLLM is.",
                    hint="Say it: assay routes --set SLUG server_url=http://vllm:8000/v1",
                )
            case ServerName.VLLM:
                return VllmServer(
                    place,
                    key_of(self._settings, place),
                    self._artifacts,
                    cache=self._cache,
                    fingerprint=self._fingerprint,
                )
            case paid:
                return ProviderServer(self.provider(paid), self._artifacts, self._cache, place)

    def provider(self, name: str) -> Provider:
        """A provider by name. Raises ``KeyRejected`` naming the setting where there is no key for it."""
        api = FIREWORKS if name == ServerName.FIREWORKS else TOGETHER
        key = key_of(self._settings, api)
        if not key:
            where = hosts.place(api).rpartition(":")[0]
            raise KeyRejected(
                f"There is no key for {where}. Set ASSAY_UPSTREAM_KEYS={where}=NAME_OF_A_VARIABLE, and start again."
            )
        if name == ServerName.FIREWORKS:
            return Fireworks(key)
        return Together(key, self._artifacts.archive_address)

    def providers(self) -> list[Provider]:
        """The providers whose keys the environment holds."""
        known = ((ServerName.FIREWORKS, FIREWORKS), (ServerName.TOGETHER, TOGETHER))
        return [self.provider(name) for name, api in known if key_of(self._settings, api)]

    def prompt_of(self, artifact: str) -> str:
        """The prompt that the run which made a candidate compared it with, which its callers write; "" for none."""
        with self._database.read() as tx:
            candidate = investigations.candidate_by_artifact(tx, artifact)
            run = investigations.find(tx, candidate.run_id) if candidate is not None else None
            if run is None or run.baseline_id is None:
                return ""
            return features.baseline_by_id(tx, run.baseline_id).prompt

    def _fingerprint(self, artifact: str) -> Fingerprint | None:
        """The first dev row a candidate gave a valid answer to when it was judged."""
        with self._database.read() as tx:
            candidate = investigations.candidate_by_artifact(tx, artifact)
            run = investigations.find(tx, candidate.run_id) if candidate is not None else None
            if candidate is None or run is None:
                return None
            task = Task.of(features.by_id(tx, run.feature_id))
            for label, said in investigations.predictions(tx, candidate.run_id, candidate.contender, Part.DEV):
                if said.valid:
                    return Fingerprint(prompt=label.input, answer=said.output, task=task)
        return None


def key_of(settings: Settings, base_url: str) -> str:
    """The key that may go to an address: the one named for its host, as the gateway does; "" for none."""
    return hosts.key_at(
        base_url,
        own_url=settings.openai_base_url,
        own_key=settings.openai_api_key.get_secret_value(),
        upstream_keys=settings.upstream_keys,
        environ=os.environ,
    )
