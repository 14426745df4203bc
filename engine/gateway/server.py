"""uvicorn as the gateway needs it: its server, told to end gently, with our own door."""

from __future__ import annotations

import asyncio
import socket
from functools import partial
from types import FrameType

import uvicorn

from engine.gateway.app import App
from engine.gateway.door import KEEP_ALIVE_SECONDS, Door

BACKLOG = 4096
DRAIN_SECONDS = 60


class Server(uvicorn.Server):
    """Ends gently at the first signal and at once at the second; either way with the exit code of its caller."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ended = asyncio.Event()

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve until told to stop and all answers are out."""
        try:
            await super().serve(sockets)
        finally:
            self.ended.set()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Called on SIGTERM and SIGINT."""
        del sig, frame
        self.force_exit = self.should_exit
        self.should_exit = True


def server_of(app: App) -> Server:
    """A server for an app; its ``serve`` takes the sockets."""
    return Server(config_of(app))


def config_of(app: App) -> uvicorn.Config:
    """What uvicorn is told."""
    return uvicorn.Config(
        app,  # pyright: ignore[reportArgumentType] # its own names for the same types
        http=partial(Door, on_refusal=app.refused),  # pyright: ignore[reportArgumentType] # it is called as a class is
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=DRAIN_SECONDS,
    )
