"""What a route file would do, one line a feature, for whoever wrote it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from engine.gateway.keys import Targets
from engine.gateway.routes import Route, Side, read


def lines(path: Path, targets: Targets) -> Iterator[str]:
    """The lines of a file. Raises ``Invalid`` naming the first mistake, OSError when it cannot be read."""
    snapshot = read(path)
    counts = f"{_many(len(snapshot.features), 'feature')}, {_many(len(snapshot.keys), 'key')}"
    yield f"{path}: version {snapshot.version}, {counts}"
    for slug, route in sorted(snapshot.features.items()):
        keys = [key.id for key in snapshot.keys.values() if slug in key.features]
        told = ", ".join(sorted(keys)) or "no key: nobody can call it"
        yield f"{slug}: {_does(route, targets)}; opened by {told}"


def _does(route: Route, targets: Targets) -> str:
    baseline = f"baseline {_at(route.baseline, targets)}"
    if route.tuned is None or route.mode in ("observe", "retired"):
        return f"{route.mode}, all from {baseline}"
    tuned = f"tuned {_at(route.tuned, targets)}"
    if route.mode == "shadow":
        return f"shadow, all from {baseline}, {route.shadow_share:.0%} copied to {tuned}"
    return (
        f"{route.mode}, {route.share:.4g} of {'units' if route.unit == 'sticky' else 'calls'} from {tuned}, {baseline}"
    )


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _at(side: Side, targets: Targets) -> str:
    target = targets.of(side.base_url)
    return f"{side.model} at {target.host_name}{'' if target.has_key else ' (without a key)'}"
