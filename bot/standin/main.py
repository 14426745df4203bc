"""Serve the stand-in: `python -m bot.standin.main --port 0 --store FILE --seed SEED.json --port-file PATH`.

Knows nothing of Assay's database or engine; SEED.json says who is here and what to try (see `read_seed`).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import socket
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.h11_impl import H11Protocol

from bot.blockkit.shape import Json, mapping, mappings, sequence
from bot.standin.app import build_standin
from bot.standin.context import Tour, Verb
from bot.standin.room import Channel, Person, Room, Workspace


@dataclass(frozen=True)
class Seed:
    """What a file given with --seed says."""

    workspace: Workspace
    people: tuple[Person, ...]
    channels: tuple[Channel, ...]
    tour: Tour


class _Protocol(H11Protocol):
    """HTTP that hands each request its connection, so that a planned fault can cut it."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        super().connection_made(transport)
        self.app_state = {**self.app_state, "transport": transport}


def read_seed(text: str) -> Seed:
    """Read a seed: {"workspace": {...}, "people": [...], "channels": [...], "verbs": [...], "hints": ["...", ...]}.

    The keys of each part are the fields of Workspace, Person, Channel and Verb; all parts are optional.
    """
    found = mapping(json.loads(text or "{}"))
    return Seed(
        Workspace(**mapping(found.get("workspace"))),
        tuple(Person(**person) for person in mappings(found.get("people"))),
        tuple(Channel(**channel) for channel in mappings(found.get("channels"))),
        Tour(
            tuple(Verb(**verb) for verb in mappings(found.get("verbs"))),
            tuple(str(hint) for hint in sequence(found.get("hints"))),
        ),
    )


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
    parser.add_argument("--store", type=Path, required=True, help="SQLite file that keeps everything said here")
    parser.add_argument("--seed", type=Path, help="JSON file with people, channels, verbs and hints")
    parser.add_argument("--events-url", default="", help="deliver by signed HTTP to this URL, not by Socket Mode")
    return vars(parser.parse_args(argv))


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until interrupted."""
    asked: Json = dict(_options(argv))
    seed = read_seed(asked["seed"].read_text(encoding="utf-8") if asked["seed"] else "")
    room = Room.open(asked["store"], workspace=seed.workspace)
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
