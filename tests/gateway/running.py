"""A gateway in a thread of the test, its route file, and its spool read back."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import uvloop

from engine.gateway.app import App
from engine.gateway.main import app_of, serve
from engine.gateway.server import Server, config_of
from engine.rules import frame
from engine.rules.frame import Frame
from engine.settings import Settings
from tests.gateway.upstream import Script, Upstream, upstream
from tests.waiting import SECONDS

KEY = "agk_test-key-of-triage"
OTHER_KEY = "agk_test-key-of-others"
TUNED_UNIT, BASELINE_UNIT = "user-1", "user-2"  # rollout-7: .4005 and .9487 (docs/decisions/0006)


def hashed(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def route(baseline: str, tuned: str | None = None, **more: Any) -> dict[str, Any]:
    """A route; with a tuned side it is a canary of half the units."""
    told: dict[str, Any] = {
        "mode": "canary" if tuned else "observe", "share": 0.5 if tuned else 0.0, "salt": "rollout-7",
        "stage": "rollout-7/3", "baseline": {"base_url": baseline, "model": "frontier-1"},
    }  # fmt: skip
    if tuned:
        told["tuned"] = {"base_url": tuned, "model": "tuned-3"}
    return told | more


def write_routes(path: Path, version: int = 7, **features: dict[str, Any]) -> None:
    """Write a route file whole, as the engine does: beside it, then by rename."""
    told = {
        "version": version,
        "keys": [
            {"id": "k1", "sha256": hashed(KEY), "features": [*features]},
            {"id": "k2", "sha256": hashed(OTHER_KEY), "features": ["elsewhere"]},
        ],
        "features": {slug.replace("_", "-"): one for slug, one in features.items()},
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".new")
    beside.write_text(json.dumps(told))
    beside.rename(path)


@dataclass
class Gateway:
    """A running gateway."""

    url: str
    app: App
    server: Server
    home: Path
    routes: Path
    http: httpx2.Client

    def ask(self, unit: str = TUNED_UNIT, slug: str = "triage", **more: Any) -> httpx2.Response:
        """One chat call as a product makes it."""
        fields = {"model": "asked-1", "messages": [{"role": "user", "content": "Where is my invoice?"}]} | more
        return self.post(f"/f/{slug}/v1/chat/completions", fields, {"x-assay-unit": unit})

    def post(self, path: str, fields: Any, headers: dict[str, str] | None = None) -> httpx2.Response:
        """A POST with the key; ``fields`` may be bytes."""
        content = fields if isinstance(fields, bytes) else json.dumps(fields).encode()
        given = {"authorization": f"Bearer {KEY}", "content-type": "application/json"} | (headers or {})
        return self.http.post(path, content=content, headers=given)

    def get(self, path: str) -> httpx2.Response:
        return self.http.get(path, headers={"authorization": f"Bearer {KEY}"})

    def frames(self) -> list[Frame]:
        return frames_of(self.home / "spool")

    def events(self) -> list[dict[str, Any]]:
        return events_of(self.home / "spool")


def frames_of(spool: Path) -> list[Frame]:
    """All frames of a spool in the order of its files, the torn end of a segment left out."""
    found: list[Frame] = []
    for path in sorted(spool.glob("calls-*.bin")):
        raw = path.read_bytes()
        ends = range(frame.SIZE, len(raw) + 1, frame.SIZE)
        found += [frame.unpack(raw[end - frame.SIZE : end]) for end in ends]
    return found


def events_of(spool: Path) -> list[dict[str, Any]]:
    """What calls and people told; which route file a worker follows is left out."""
    lines = [line for path in sorted(spool.glob("events-*.jsonl")) for line in path.read_bytes().splitlines()]
    told = [json.loads(frame.event_payload(line)) for line in lines]
    return [one for one in told if one["kind"] != "routes"]


def names_of(spool: Path) -> dict[int, str]:
    lines = [line for path in sorted(spool.glob("names-*.jsonl")) for line in path.read_bytes().splitlines()]
    return {int(told["hash"], 16): told["name"] for told in map(json.loads, lines)}


def until(claim: Callable[[], Any], seconds: float = SECONDS) -> Any:
    """What a claim gives once it gives anything true; the claim fails the test when it never does."""
    deadline = time.monotonic() + seconds
    while not (found := claim()):
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.01)
    return found


@contextmanager
def gateway(home: Path, settings: dict[str, Any] | None = None, **features: dict[str, Any]) -> Iterator[Gateway]:
    """Serve features until the block ends; all must be closed by then."""
    routes = home / "gateway" / "routes.json"
    write_routes(routes, **features)
    with serving(Settings(home=home, **(settings or {})), routes) as gate:
        yield gate


class Quick(Server):
    """The real server without uvicorn's pauses at its end: 0.2 s in each of 200 tests. Programs test the real end."""

    async def main_loop(self) -> None:
        while not await self.on_tick(0):
            await asyncio.sleep(0.01)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()


@contextmanager
def serving(settings: Settings, routes: Path) -> Iterator[Gateway]:
    """Serve a route file until the block ends."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setblocking(False)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    app = app_of(settings, routes)
    server = Quick(config_of(app))
    thread = threading.Thread(target=lambda: uvloop.run(serve(app, server, listener)), daemon=True)
    thread.start()
    try:
        with httpx2.Client(base_url=url, timeout=SECONDS, verify=False) as http:
            yield Gateway(url, app, server, settings.home, routes, http)
    finally:
        server.should_exit = server.force_exit = True
        thread.join(SECONDS)
        assert not thread.is_alive(), "the gateway did not end"


@contextmanager
def canary(home: Path, old: Script, small: Script, **more: Any) -> Iterator[tuple[Gateway, Upstream, Upstream]]:
    """A canary of half the units with two scripted models, the baseline's first."""
    settings = more.pop("settings", None)
    with (
        upstream(old) as baseline,
        upstream(small) as tuned,
        gateway(home, settings, triage=route(baseline.url, tuned.url, **more)) as gate,
    ):
        yield gate, baseline, tuned


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 (a count)
