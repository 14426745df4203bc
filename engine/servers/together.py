"""Together: an uploaded LoRA adapter on a dedicated endpoint, billed by the minute. By its REST API, without its SDK.

It fetches adapters itself, from an address of an S3 store. Never run against the live service by Assay's authors: paths
and fields are those of its published reference (2025-11).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from engine.errors import NotReady, Unavailable
from engine.servers import Endpoint
from engine.servers.provider import (
    Billing,
    Caps,
    Deployment,
    DeploymentState,
    Proof,
    Quote,
    Usage,
    name_of,
)
from engine.servers.wire import Fields, Wire, inner, rows

API = "https://api.together.ai/v1"
_MONTH_MINUTES = 730.0 * 60
_STATES = {
    "PENDING": DeploymentState.PENDING,
    "STARTING": DeploymentState.PENDING,
    "STARTED": DeploymentState.READY,
    "STOPPING": DeploymentState.STOPPED,
    "STOPPED": DeploymentState.STOPPED,
    "ERROR": DeploymentState.FAILED,
    "FAILED": DeploymentState.FAILED,
}


class Together:
    """Implements ``Provider``. ``address`` makes an address from which Together may fetch an artifact's archive."""

    name = "together"

    def __init__(self, key: str, address: Callable[[str], str], *, api: str = API) -> None:
        self._wire = Wire("Together", api, key)
        self._api = api
        self._address = address

    def caps(self) -> Caps:
        """LoRA adapters as PEFT writes them, up to rank 64."""
        return Caps(max_rank=64, formats=("peft",), serverless=False, billing=Billing.GPU_SECOND)

    def quote(self, base: str) -> Quote:
        """The cheapest hardware it lists for a base, all month; nothing where it lists none."""
        offers = self._hardware(base)
        price = min((cents for _, cents in offers), default=None)
        month = None if price is None else price / 100 * _MONTH_MINUTES
        return Quote(
            serve_month_usd=month,
            idle_month_usd=month,
            source="Together's list of hardware",
            as_of=f"{datetime.now(UTC):%Y-%m-%d}",
        )

    def upload(self, artifact: str, folder: Path, base: str) -> str:  # noqa: ARG002 (it fetches the archive itself)
        """Have it fetch the adapter; asked again it says how far that is. Raises ``Unavailable`` until it is done."""
        name = name_of(artifact)
        listed = rows(self._wire.ask("GET", "/models"))
        mine = next((str(one["id"]) for one in listed if name in str(one.get("id"))), "")
        if mine:
            return mine
        jobs = rows(self._wire.ask("GET", "/jobs"))
        of_mine = [one for one in jobs if name in str(inner(one, "args").get("modelName"))]
        if any(one.get("status") == "Failed" for one in of_mine):
            raise NotReady("Together could not read the adapter.", hint="Its page of jobs says why.")
        if not of_mine:
            source = {"model_name": name, "model_source": self._address(artifact), "model_type": "adapter"}
            self._wire.ask("POST", "/models", {**source, "base_model": base})
        raise Unavailable("Together is still fetching the adapter.")

    def deploy(self, artifact: str, model: str) -> Deployment:
        """A dedicated endpoint of one replica on the cheapest hardware it lists."""
        known = next((one for one in self.deployments() if name_of(artifact) in one.name), None)
        if known is not None:
            return known
        offers = sorted(self._hardware(model), key=lambda one: one[1])
        if not offers:
            raise NotReady(f"Together lists no hardware for {model[:80]}.", hint="Choose another server.")
        body = {
            "model": model,
            "hardware": offers[0][0],
            "display_name": name_of(artifact),
            "autoscaling": {"min_replicas": 1, "max_replicas": 1},
        }
        return self._deployment(self._wire.ask("POST", "/endpoints", body))

    def endpoint(self, deployment: Deployment) -> Endpoint:
        """The shared address; the model is the endpoint's name."""
        return Endpoint(base_url=self._api, model=deployment.model)

    def usage(self, deployment: Deployment, since: datetime) -> Usage:
        """Estimated from minutes and the listed price: the API tells no figure of the bill."""
        seconds = max((datetime.now(UTC) - since).total_seconds(), 0.0)
        cost = None if deployment.daily_usd is None else deployment.daily_usd * seconds / 86_400
        return Usage(gpu_seconds=seconds, cost_usd=cost, estimated=True)

    def scale(self, deployment: Deployment, replicas: int) -> None:
        """So many replicas; with none the endpoint is stopped, and not billed."""
        body: Fields = {"state": "STOPPED"}
        if replicas:
            body = {"state": "STARTED", "autoscaling": {"min_replicas": replicas, "max_replicas": replicas}}
        self._wire.ask("PATCH", f"/endpoints/{deployment.id}", body)

    def teardown(self, deployment: Deployment) -> Proof:
        """Delete it, and see that it is gone."""
        if self._wire.found(f"/endpoints/{deployment.id}") is not None:
            self._wire.ask("DELETE", f"/endpoints/{deployment.id}")
        if self._wire.found(f"/endpoints/{deployment.id}") is not None:
            raise Unavailable(f"Together has not deleted {deployment.name} yet.")
        return Proof(deployment=deployment.id, billing_stopped_at=datetime.now(UTC))

    def deployments(self) -> list[Deployment]:
        """All dedicated endpoints of the account, with what each costs."""
        told = rows(self._wire.ask("GET", "/endpoints?type=dedicated&mine=true"))
        listed = [one for one in told if one.get("type", "dedicated") == "dedicated"]
        return [self._deployment(self._wire.found(f"/endpoints/{one['id']}") or one) for one in listed]

    def _hardware(self, model: str) -> list[tuple[str, float]]:
        told = rows(self._wire.ask("GET", f"/hardware?model={model}"))
        priced = [(str(one["id"]), inner(one, "pricing").get("cents_per_minute")) for one in told]
        return [(name, float(cents)) for name, cents in priced if cents is not None]

    def _deployment(self, told: Fields) -> Deployment:
        state = _STATES.get(str(told.get("state")), DeploymentState.PENDING)
        prices = dict(self._hardware(str(told.get("model")))) if told.get("hardware") else {}
        cents = prices.get(str(told.get("hardware")))
        replicas = int(inner(told, "autoscaling").get("min_replicas") or 1)
        return Deployment(
            id=str(told["id"]),
            name=str(told.get("display_name") or told.get("name") or told["id"]),
            model=str(told.get("name") or ""),
            state=state,
            daily_usd=None if cents is None else cents / 100 * 1_440 * replicas,
        )
