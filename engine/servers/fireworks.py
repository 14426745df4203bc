"""Fireworks: a LoRA adapter on a deployment of its own, billed by the GPU second. By its REST API, without its SDK.

Never run against the live service by Assay's authors: paths and fields are those of its published reference (2025-11).
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

from engine.errors import BadReply, NotReady, Unavailable
from engine.servers import Endpoint
from engine.servers.provider import (
    ADAPTER,
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

API = "https://api.fireworks.ai"
HOUR_USD = {  # list prices of one accelerator, read from memory of fireworks.ai/pricing: unverified
    "NVIDIA_A100_80GB": 2.90,
    "NVIDIA_H100_80GB": 4.00,
    "NVIDIA_H200_141GB": 6.00,
}
USUAL = "NVIDIA_A100_80GB"
AS_OF = "2025-11, unverified"
_MONTH_HOURS = 730.0
_STATES = {
    "CREATING": DeploymentState.PENDING,
    "UPDATING": DeploymentState.READY,
    "READY": DeploymentState.READY,
    "FAILED": DeploymentState.FAILED,
}


class Fireworks:
    """Implements ``Provider``. The account is the key's own."""

    name = "fireworks"

    def __init__(self, key: str, *, api: str = API) -> None:
        self._wire = Wire("Fireworks", api, key)
        self._api = api
        self._known = ""

    def caps(self) -> Caps:
        """LoRA adapters as PEFT writes them, up to rank 64."""
        return Caps(max_rank=64, formats=("peft",), serverless=False, billing=Billing.GPU_SECOND)

    def quote(self, base: str) -> Quote:  # noqa: ARG002 (one replica of the usual accelerator, whatever the base)
        """One accelerator all month: nothing is scaled to zero unasked."""
        month = HOUR_USD[USUAL] * _MONTH_HOURS
        return Quote(serve_month_usd=month, idle_month_usd=month, source=f"{USUAL}, list price", as_of=AS_OF)

    def upload(self, artifact: str, folder: Path, base: str) -> str:
        """Create the model, send its two files, and have them looked at; what is there already is not sent again."""
        name = f"{self._account()}/models/{name_of(artifact)}"
        known = self._wire.found(f"/v1/{name}")
        if known is not None and known.get("state") == "READY":
            return name
        if known is None:
            self._wire.ask("POST", f"/v1/{self._account()}/models", _described(artifact, folder, base))
        sizes = {file: (folder / file).stat().st_size for file in ADAPTER}
        told = self._wire.ask("POST", f"/v1/{name}:getUploadEndpoint", {"filenameToSize": sizes})
        for file, url in inner(told, "filenameToSignedUrls").items():
            if file not in sizes:
                raise BadReply(f"Fireworks asks for {file[:40]!r}, which nobody offered.")
            self._wire.put(str(url), folder / file)
        try:
            self._wire.ask("GET", f"/v1/{name}:validateUpload")
        except BadReply as error:  # FAILED_PRECONDITION while it still reads them: asked again at the next look
            raise Unavailable("Fireworks is not done with the adapter's files yet.") from error
        return name

    def deploy(self, artifact: str, model: str) -> Deployment:
        """A deployment of one replica under the artifact's name."""
        name = name_of(artifact)
        path = f"/v1/{self._account()}/deployments"
        known = self._wire.found(f"{path}/{name}")
        if known is None:
            body = {
                "baseModel": model,
                "displayName": name,
                "minReplicaCount": 1,
                "maxReplicaCount": 1,
                "acceleratorType": USUAL,
                "acceleratorCount": 1,
            }
            known = self._wire.ask("POST", f"{path}?deploymentId={name}", body)
        return _deployment(known)

    def endpoint(self, deployment: Deployment) -> Endpoint:
        """The shared inference address; the model names its deployment."""
        return Endpoint(base_url=f"{self._api}/inference/v1", model=f"{deployment.model}#{deployment.id}")

    def usage(self, deployment: Deployment, since: datetime) -> Usage:
        """Estimated from hours and the list price: the API tells no figure of the bill."""
        seconds = max((datetime.now(UTC) - since).total_seconds(), 0.0)
        cost = None if deployment.daily_usd is None else deployment.daily_usd * seconds / 86_400
        return Usage(gpu_seconds=seconds, cost_usd=cost, estimated=True)

    def scale(self, deployment: Deployment, replicas: int) -> None:
        """So many replicas from now on."""
        self._wire.ask("PATCH", f"/v1/{deployment.id}:scale", {"replicaCount": replicas})

    def teardown(self, deployment: Deployment) -> Proof:
        """Delete it, and see that it is gone."""
        if self._wire.found(f"/v1/{deployment.id}") is not None:
            self._wire.ask("DELETE", f"/v1/{deployment.id}?ignoreChecks=true")
        left = self._wire.found(f"/v1/{deployment.id}")
        if left is not None and left.get("state") != "DELETED":
            raise Unavailable(f"Fireworks has not deleted {deployment.name} yet.")
        return Proof(deployment=deployment.id, billing_stopped_at=datetime.now(UTC))

    def deployments(self) -> list[Deployment]:
        """All of the account that are not deleted, page by page."""
        found: list[Deployment] = []
        token = ""
        while True:
            path = f"/v1/{self._account()}/deployments?pageSize=200"
            told = self._wire.ask("GET", f"{path}&pageToken={token}" if token else path)
            kept = [one for one in rows(told, "deployments") if one.get("state") not in ("DELETING", "DELETED")]
            found += [_deployment(one) for one in kept]
            token = str(told.get("nextPageToken") or "")
            if not token:
                return found

    def _account(self) -> str:
        if not self._known:
            accounts = rows(self._wire.ask("GET", "/v1/accounts"), "accounts")
            if not accounts:
                raise NotReady("The key for Fireworks opens no account.", hint="Make another key there.")
            self._known = str(accounts[0]["name"])
        return self._known


def _described(artifact: str, folder: Path, base: str) -> Fields:
    config: Fields = json.loads((folder / ADAPTER[0]).read_bytes())
    targets = [str(one) for one in config.get("target_modules") or ()]
    details: Fields = {"baseModel": base, "r": int(config["r"]), "targetModules": sorted(targets)}
    return {"modelId": name_of(artifact), "model": {"kind": "HF_PEFT_ADDON", "peftDetails": details}}


def _deployment(told: Fields) -> Deployment:
    price = HOUR_USD.get(str(told.get("acceleratorType")))
    counts = (told.get(name) for name in ("replicaCount", "desiredReplicaCount", "minReplicaCount"))
    replicas = next((int(count) for count in counts if count is not None), 0)
    accelerators = int(told.get("acceleratorCount") or 1) * replicas
    state = _STATES.get(str(told.get("state")), DeploymentState.PENDING)
    if state is DeploymentState.READY and replicas == 0:
        state = DeploymentState.STOPPED
    return Deployment(
        id=str(told["name"]),
        name=str(told["name"]).rpartition("/")[2],
        model=str(told.get("baseModel") or ""),
        state=state,
        cause=str(inner(told, "status").get("message") or "")[:200],
        daily_usd=None if price is None else price * 24 * accelerators,
    )
