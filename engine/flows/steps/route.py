"""Compile the gateway's route file from features, keys and rollouts, and put it in place (docs/traffic.md)."""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

from engine.errors import Unavailable
from engine.flows.steps import served
from engine.flows.steps.served import Address
from engine.models.base import Value
from engine.models.feature import Feature
from engine.models.rollout import Mode, RolloutStatus, Route
from engine.rules import address
from engine.rules.traffic import TrafficPolicy
from engine.services import Services
from engine.settings import Settings
from engine.store import drills, features, keys, policies, rollouts, routes, verdicts
from engine.store.database import Tx

log = logging.getLogger(__name__)

SPLITTING = (Mode.CANARY, Mode.CASCADE, Mode.TUNED)


class Way(Value):
    """What traffic of a feature does; ``lacks`` says why it does less than its rollout asks for."""

    slug: str
    mode: Mode
    share: float
    lacks: str = ""


class Published(Value):
    """A route file in place: its version, and whether it was written now."""

    path: str
    version: int
    written: bool
    ways: tuple[Way, ...]
    key_count: int


def path_of(settings: Settings) -> Path:
    """Where a gateway on this host looks for its route file."""
    return settings.home / "gateway" / "routes.json"


def refresh(services: Services) -> None:
    """Have the gateway follow what was just decided. Whatever fails is tried again by the engine within a second."""
    try:
        publish(services, path_of(services.settings))
    except (OSError, Unavailable) as error:
        log.warning("routes.unwritten", extra={"why": type(error).__name__})


def publish(services: Services, path: Path) -> Published:
    """Compile the route file and put it in place if it says something else. Raises ``OSError``, ``Unavailable``."""
    with routes.alone(path):
        with services.database.read() as tx:
            body, ways = compiled(tx)
            stored = routes.stored(tx)
        sha, version = _sha(body), stored.version
        if stored.sha != sha:
            with services.database.write() as tx:
                routes.named_alone(tx)
                with services.database.read() as seen:  # of one moment, and none names an older one after it
                    body, ways = compiled(seen)
                version = routes.version_of(tx, _sha(body))
        content = json.dumps({"version": version, **body}, indent=1, ensure_ascii=False).encode() + b"\n"
        written = routes.write(path, content)
    if written:
        log.info("routes.written", extra={"version": version, "features": len(ways)})
    return Published(path=str(path), version=version, written=written, ways=ways, key_count=len(body["keys"]))


def version_now(tx: Tx) -> int:
    """The version of the route file that says what this transaction sees."""
    routes.named_alone(tx)
    return routes.version_of(tx, _sha(compiled(tx)[0]))


def said_of(tx: Tx, feature: Feature) -> dict[str, Any]:
    """What the route file says of a feature while nothing is drilled; empty where it has no route."""
    policy = policies.traffic(tx, feature.id or 0)
    return _entry(tx, feature, rollouts.route(tx, feature.id or 0), policy)[0]


def compiled(tx: Tx) -> tuple[dict[str, Any], tuple[Way, ...]]:
    """The route file without its version, and each feature's way in words."""
    known = {feature.id or 0: feature for feature in features.every(tx)}
    opened = [
        {"id": key.name, "sha256": key.sha256, "features": [known[key.feature_id].slug]} for key in keys.valid(tx)
    ]
    drilled = drills.changed_features(tx)
    entries: dict[str, Any] = {}
    ways: list[Way] = []
    for feature_id, feature in known.items():
        policy = policies.traffic(tx, feature_id)
        entry, way = _entry(tx, feature, rollouts.route(tx, feature_id), policy)
        if entry:
            entries[feature.slug] = _changed(entry) if feature_id in drilled else entry
        ways.append(way)
    return {"keys": opened, "features": entries}, tuple(ways)


def _entry(tx: Tx, feature: Feature, route: Route | None, policy: TrafficPolicy) -> tuple[dict[str, Any], Way]:
    baseline = features.baseline(tx, feature.id or 0)
    why = address.refused(baseline.base_url)
    if why:  # one such address would have the gateway refuse the whole file
        return {}, Way(slug=feature.slug, mode=Mode.OBSERVE, share=0.0, lacks=f"no route: its base_url {why}")
    policy = _as_judged(tx, route, policy)
    where = _where(tx, route, policy)
    mode, lacks = _mode(route, policy, where)
    share = route.share if route is not None and mode in SPLITTING else 0.0
    entry: dict[str, Any] = {
        "mode": mode,
        "share": share,
        "salt": route.salt if route is not None else feature.slug,
        "unit": policy.unit,
        "stage": route.stage if route is not None else "",
        "baseline": {"base_url": baseline.base_url, "model": baseline.model},
        **({"rolled_back": True} if _is_rolled_back(tx, feature) else {}),
        **({} if mode is Mode.OBSERVE else {"tuned": _tuned(where, policy)}),
        **_limits(feature, policy),
    }
    return entry, Way(slug=feature.slug, mode=mode, share=share, lacks=lacks)


def _changed(entry: dict[str, Any]) -> dict[str, Any]:
    """Another route by which every call is answered as by this one: what a drill puts out.

    Where all are served by the prompted model, it is a split that gives its other side, the same model, nothing.
    """
    if entry["mode"] != Mode.OBSERVE:
        return {**entry, "drill": True}
    return {**entry, "drill": True, "mode": Mode.CANARY, "share": 0.0, "tuned": entry["baseline"]}


def _is_rolled_back(tx: Tx, feature: Feature) -> bool:
    newest = rollouts.newest_of(tx, feature.id or 0)
    return newest is not None and newest.status is RolloutStatus.ROLLED_BACK


def _as_judged(tx: Tx, route: Route | None, policy: TrafficPolicy) -> TrafficPolicy:
    """What was judged as a cascade is served as one, by the threshold found on dev, unless a team set its own."""
    if route is None or policy.min_confidence is not None:
        return policy
    judged: list[dict[str, Any]] = [one.record["candidate"] for one in verdicts.of_feature(tx, route.feature_id)]
    cascade = next((one.get("cascade") for one in reversed(judged) if one["artifact"] == route.artifact), None)
    return replace(policy, min_confidence=cascade["threshold"]) if cascade else policy


def _where(tx: Tx, route: Route | None, policy: TrafficPolicy) -> Address:
    if route is None or route.mode is Mode.OBSERVE:
        return Address()
    find = served.last_address if route.mode is Mode.RETIRED else served.address
    return find(tx, route.feature_id, route.artifact, policy)


def _mode(route: Route | None, policy: TrafficPolicy, where: Address) -> tuple[Mode, str]:
    if route is None or not where.base_url:
        return Mode.OBSERVE, f"{route.mode} waits: {where.lacks}" if route is not None and where.lacks else ""
    if route.mode is Mode.CANARY and policy.min_confidence is not None:
        return Mode.CASCADE, ""
    return route.mode, ""


def _tuned(where: Address, policy: TrafficPolicy) -> dict[str, Any]:
    return {
        "base_url": where.base_url,
        "model": where.model,
        "system": policy.system,
        "drop": list(policy.drop),
        "set": dict(policy.set),
    }


def _limits(feature: Feature, policy: TrafficPolicy) -> dict[str, Any]:
    return {
        "ttft_timeout_ms": policy.ttft_timeout_ms,
        "deadline_ms": policy.deadline_ms,
        "capture": policy.capture,
        "redact": list(policy.redact),
        "shadow_share": policy.shadow_share,
        "cascade": {
            "min_confidence": policy.min_confidence or 0.0,
            "labels": list(feature.labels) or None,
            "schema": feature.output_schema,
        },
        "breaker": {"window_s": policy.window_s, "min_n": policy.min_n, "max_bad": policy.max_bad},
    }


def _sha(body: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
