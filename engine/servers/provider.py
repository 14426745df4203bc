"""Who serves for money: the port, and how it becomes a ``Server``. Billing is what a provider says, never assumed.

Never run against a live service by Assay's authors: what is written here follows published shapes (docs/engine.md).
"""

from __future__ import annotations

import json
import logging
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from engine.errors import NotReady
from engine.models.base import Value
from engine.servers import Condition, Endpoint, Health, Server
from engine.store.artifacts import Artifacts

log = logging.getLogger(__name__)

ADAPTER = ("adapter_config.json", "adapter_model.safetensors")
OURS = "assay-"


class Billing(StrEnum):
    """What a provider counts: tokens, or seconds of an accelerator."""

    PER_TOKEN = "per_token"  # noqa: S105 (a word, no password)
    GPU_SECOND = "gpu_second"


class Caps(Value):
    """What a provider takes: the highest rank of an adapter, file formats, and how it bills."""

    max_rank: int
    formats: tuple[str, ...]
    serverless: bool
    billing: Billing


class Quote(Value):
    """US dollars a month while it serves and while nobody asks; none where the provider tells no price."""

    serve_month_usd: float | None
    idle_month_usd: float | None
    source: str
    as_of: str


class DeploymentState(StrEnum):
    """Where a deployment stands. ``stopped`` is not billed."""

    PENDING = "pending"
    READY = "ready"
    STOPPED = "stopped"
    FAILED = "failed"


class Deployment(Value):
    """One deployment: its id and name at the provider, what it serves, and US dollars a day where a price is known."""

    id: str
    name: str
    model: str
    state: DeploymentState
    cause: str = ""
    daily_usd: float | None = None

    @property
    def is_ours(self) -> bool:
        """Whether its name is one we give."""
        return OURS in self.name


class Usage(Value):
    """What a deployment used in a period. ``estimated``: counted from hours and list prices, not billed figures."""

    gpu_seconds: float
    cost_usd: float | None
    estimated: bool


class Proof(Value):
    """That a deployment is gone: the moment at which the provider did not know it any more."""

    deployment: str
    billing_stopped_at: datetime


class Provider(Protocol):
    """Everything is idempotent on the artifact's id. All raise ``Upstream``, or ``Refused`` for what will never do."""

    name: str

    def caps(self) -> Caps:
        """What it takes."""
        ...

    def quote(self, base: str) -> Quote:
        """What serving an adapter of a base would cost."""
        ...

    def upload(self, artifact: str, folder: Path, base: str) -> str:
        """Bring an adapter there; its name there."""
        ...

    def deploy(self, artifact: str, model: str) -> Deployment:
        """Have it served by one replica, or say how that stands."""
        ...

    def endpoint(self, deployment: Deployment) -> Endpoint:
        """Where to ask."""
        ...

    def usage(self, deployment: Deployment, since: datetime) -> Usage:
        """What it used since a moment."""
        ...

    def scale(self, deployment: Deployment, replicas: int) -> None:
        """Have so many replicas; 0 stops the bill and keeps the deployment."""
        ...

    def teardown(self, deployment: Deployment) -> Proof:
        """Delete it. Raises ``Unavailable`` until the provider does not know it any more."""
        ...

    def deployments(self) -> list[Deployment]:
        """Every deployment of the account, ours and others'."""
        ...


class Servers(Protocol):
    """Every server a deployment can use, by name."""

    def of(self, name: str, place: str) -> Server:
        """The server of a name. ``place``: a vLLM's address, or a provider's name of the adapter's base model."""
        ...

    def providers(self) -> list[Provider]:
        """The providers whose keys the environment holds."""
        ...


def name_of(artifact: str) -> str:
    """What a candidate's model and deployment are called at every provider."""
    return f"{OURS}{artifact[:24]}"


class ProviderServer:
    """A provider as a ``Server``. ``base`` is the provider's own name of the adapter's base model."""

    look_seconds = 30.0

    def __init__(self, provider: Provider, artifacts: Artifacts, cache: Path, base: str) -> None:
        self._provider = provider
        self._artifacts = artifacts
        self._cache = cache
        self._base = base

    def ensure(self, artifact: str) -> Endpoint:
        """Upload and deploy it. Raises ``NotReady`` for a candidate that is no adapter the provider takes."""
        found = self._found(artifact)
        if found is None:
            folder = self._artifacts.path(artifact, self._cache)
            check_adapter(folder, self._provider, self._base)
            found = self._provider.deploy(artifact, self._provider.upload(artifact, folder, self._base))
            log.info("provider.deployed", extra={"provider": self._provider.name, "deployment": found.id})
        return self._provider.endpoint(found)

    def health(self, artifact: str) -> Health:
        """As the provider says."""
        found = self._found(artifact)
        if found is None:
            return Health(condition=Condition.DOWN)
        match found.state:
            case DeploymentState.READY:
                return Health(condition=Condition.READY)
            case DeploymentState.PENDING:
                return Health(condition=Condition.STARTING, why=f"{self._provider.name} has not started it yet")
            case _:
                return Health(condition=Condition.DOWN, why=f"{self._provider.name}: {found.cause or found.state}")

    def unload(self, artifact: str) -> None:
        """Delete the deployment, and wait for the proof that it is gone."""
        found = self._found(artifact)
        if found is not None:
            proof = self._provider.teardown(found)
            stopped = {"deployment": proof.deployment, "at": proof.billing_stopped_at.isoformat()}
            log.info("provider.stopped", extra={"provider": self._provider.name, **stopped})

    def served(self) -> list[str]:
        """Names of ours that are deployed there."""
        return [one.name for one in self._provider.deployments() if one.is_ours]

    def _found(self, artifact: str) -> Deployment | None:
        return next((one for one in self._provider.deployments() if name_of(artifact) in one.name), None)


def check_adapter(folder: Path, provider: Provider, base: str) -> None:
    """Raises ``NotReady`` naming what keeps a candidate from being served by a provider."""
    choose = "Serve it on the engine's host: assay routes --set SLUG server=local"
    if not all((folder / name).exists() for name in ADAPTER):
        raise NotReady(f"{provider.name} serves LoRA adapters of chat models; this candidate is none.", hint=choose)
    if not base:
        raise NotReady(
            f"Nobody said what the adapter's base model is called at {provider.name}.",
            hint="Say it: assay routes --set SLUG server_base=NAME",
        )
    rank, most = int(json.loads((folder / ADAPTER[0]).read_bytes())["r"]), provider.caps().max_rank
    if rank > most:
        raise NotReady(f"The adapter's rank is {rank}; {provider.name} takes {most} at most.", hint=choose)
