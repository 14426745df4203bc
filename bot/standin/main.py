"""Serve the stand-in: `python -m bot.standin.main --port 0 --port-file PATH --home DIR`.

Knows nothing of Assay's database or engine. A seed (see `bot.standin.seed`) says who is here and what to try, a file
of verbs what the page completes; both have a default that works.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import socket
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.h11_impl import H11Protocol

from bot.blockkit.shape import Json
from bot.standin.app import build_standin
from bot.standin.room import Room
from bot.standin.seed import Seed, default_seed, read_seed


class _Protocol(H11Protocol):
    """HTTP that hands each request its connection, so that a planned fault can cut it."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        super().connection_made(transport)
        self.app_state = {**self.app_state, "transport": transport}


def listen(port: int, host: str = "127.0.0.1") -> socket.socket:
    """A listening socket; port 0 takes a free one, so the port is known before anything is served."""
    return socket.create_server((host, port))


def server_for(app: Starlette) -> uvicorn.Server:
    """A uvicorn server for the stand-in; run it with `server.run(sockets=[listen(0)])`."""
    config = uvicorn.Config(
        app, http=_Protocol, log_level="warning", access_log=False, timeout_graceful_shutdown=1, ws_ping_interval=None
    )
    return uvicorn.Server(config)


def write_port(path: Path, port: int) -> None:
    """Say which port is served, as one line of JSON, by rename: a reader sees all of it or nothing."""
    fresh = path.with_name(f"{path.name}.part")
    fresh.write_text(json.dumps({"port": port, "url": f"http://127.0.0.1:{port}/"}) + "\n", encoding="utf-8")
    fresh.replace(path)


def _options(argv: Sequence[str] | None) -> Mapping[str, Any]:
    parser = argparse.ArgumentParser(prog="python -m bot.standin.main", description="A small Slack on loopback.")
    parser.add_argument("--port", type=int, default=0, help="port to serve; 0 takes a free one")
    parser.add_argument("--port-file", type=Path, help="file to write the port to, as one line of JSON")
    keeps = parser.add_mutually_exclusive_group(required=True)
    keeps.add_argument("--home", type=Path, help="folder for standin.db, which keeps everything said here")
    keeps.add_argument("--store", type=Path, help="the same, as the SQLite file itself")
    parser.add_argument("--seed", type=Path, help="JSON file with people, channels, verbs and hints")
    parser.add_argument("--verbs", type=Path, help="JSON file with the verbs to complete, in place of the seed's")
    parser.add_argument("--events-url", default="", help="deliver by signed HTTP to this URL, not by Socket Mode")
    return vars(parser.parse_args(argv))


def _seed(asked: Json) -> Seed:
    seed = read_seed(asked["seed"].read_text(encoding="utf-8")) if asked["seed"] else default_seed()
    return seed.with_verbs(asked["verbs"].read_text(encoding="utf-8")) if asked["verbs"] else seed


def _store(asked: Json) -> Path:
    if asked["store"]:
        return asked["store"]
    asked["home"].mkdir(parents=True, exist_ok=True)
    return asked["home"] / "standin.db"


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until interrupted."""
    asked: Json = dict(_options(argv))
    seed = _seed(asked)
    room = Room.open(_store(asked), workspace=seed.workspace)
    room.seed(seed.people, seed.channels)
    server = server_for(build_standin(room, tour=seed.tour, events_url=asked["events_url"]))
    with listen(asked["port"]) as listening:
        if asked["port_file"]:
            write_port(asked["port_file"], listening.getsockname()[1])
        server.run(sockets=[listening])
    room.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
