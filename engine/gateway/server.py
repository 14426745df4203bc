"""uvicorn as the gateway needs it: strict about where a request ends, and quick to say that a caller left."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Callable
from types import FrameType
from typing import Any, cast

import uvicorn
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from engine.gateway.app import WATCHERS, App
from engine.gateway.caller import Refusal
from engine.gateway.wire import HEAD_MOST

BACKLOG = 4096
KEEP_ALIVE_SECONDS = 75
DRAIN_SECONDS = 60

_HEAD = b"HTTP/1.1 %d Refused\r\ncontent-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n"
_HEAD_END = b"\r\n\r\n"
# Two readers of such a head may differ on where it ends: a line feed alone, and a header line that is folded.
_DOUBTFUL = re.compile(rb"(?<!\r)\n|\n[ \t]")
_CHUNKED = re.compile(rb"\ntransfer-encoding\s*:", re.IGNORECASE)
_CHUNK_LINE_MOST = 32


class Chunks:
    """Walks along the frame of a chunked body. Extensions are refused: nobody needs them, and readers differ there."""

    def __init__(self) -> None:
        self._left = 0
        self._line = b""
        self._is_over = False

    def is_plain(self, received: bytes) -> bool:
        """Whether the frame holds sizes alone, as far as it has come."""
        at = 0
        while at < len(received) and not self._is_over:
            step = min(self._left, len(received) - at)
            self._left -= step
            at += step
            if self._left or at == len(received):
                return True
            end = received.find(b"\n", at)
            self._line += received[at:] if end < 0 else received[at:end]
            if len(self._line) > _CHUNK_LINE_MOST:
                return False
            if end < 0:
                return True
            at = end + 1
            if not self._take_line():
                return False
        return True

    def _take_line(self) -> bool:
        line, self._line = self._line, b""
        if not re.fullmatch(rb"[0-9A-Fa-f]{1,16}\r", line):
            return False
        size = int(line, 16)
        self._is_over = size == 0
        self._left = size + 2
        return True


class Cork:
    """A transport that sends what was written in one turn of the loop as one: head and body are one packet."""

    __slots__ = ("_blocks", "_loop", "_transport")

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._blocks: list[bytes] = []

    def write(self, block: bytes) -> None:
        """Send soon."""
        if not self._blocks:
            self._loop.call_soon(self.flush)
        self._blocks.append(block)

    def flush(self) -> None:
        """Send now."""
        if self._blocks and not self._transport.is_closing():
            self._transport.write(b"".join(self._blocks))
        self._blocks.clear()

    def close(self) -> None:
        """Send what waits, then close."""
        self.flush()
        self._transport.close()

    def is_closing(self) -> bool:
        """Whether it is closed or about to be."""
        return self._transport.is_closing()

    def __getattr__(self, name: str) -> object:
        return getattr(self._transport, name)


class Behind(list[Any]):
    """Requests that came behind another. A deque, which uvicorn takes, keeps 600 bytes a connection for none."""

    __slots__ = ()

    def appendleft(self, one: object) -> None:
        """Put one last: they are taken from the right."""
        self.insert(0, one)


class Pace(FlowControl):
    """Holds a writer back while the caller reads too slowly; uvicorn's own keeps 900 bytes a connection for it."""

    def __init__(self, transport: asyncio.Transport) -> None:  # pyright: ignore[reportMissingSuperCall] # see above
        self._transport = transport
        self._room: asyncio.Event | None = None
        self.read_paused = self.write_paused = False

    async def drain(self) -> None:
        """Wait for room."""
        while self._room is not None:
            await self._room.wait()

    def pause_writing(self) -> None:
        """Called by asyncio: the caller reads too slowly."""
        self.write_paused = True
        self._room = self._room or asyncio.Event()

    def resume_writing(self) -> None:
        """Called by asyncio: there is room."""
        self.write_paused = False
        if self._room is not None:
            self._room.set()
            self._room = None


class Door(HttpToolsProtocol):
    """One connection of a caller. Between two requests it keeps nothing of the last: 10,000 may be idle."""

    def __init__(self, *args: object, **more: object) -> None:
        super().__init__(*args, **more)  # pyright: ignore[reportArgumentType] # whatever uvicorn gives
        self.pipeline = Behind()  # pyright: ignore[reportAttributeAccessIssue] # all of a deque that is used
        self._watchers: set[Callable[[], None]] | None = None
        self._begun: bytes = b""  # of a head that is not whole yet
        self._is_in_head = True
        self._chunks: Chunks | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # pyright: ignore[reportIncompatibleMethodOverride] # as uvicorn
        """Called by asyncio."""
        super().connection_made(cast("asyncio.Transport", Cork(transport, self.loop)))
        self.flow = Pace(transport)
        self.server = self.client = None  # nobody here asks who calls from where

    def data_received(self, received: bytes) -> None:  # pyright: ignore[reportIncompatibleMethodOverride] # asyncio's own name
        """Called by asyncio. The parser gets whole heads, looked at before."""
        body = received
        if self._is_in_head:
            received = self._begun + received
            head, end, body = received.partition(_HEAD_END)
            self._begun = b"" if end else received
            if refusal := _wrong_head(head):
                return self._turn_away(refusal)
            if not end:
                return None
            self._is_in_head = False
            self._chunks = Chunks() if _CHUNKED.search(head) else None
        if self._chunks is not None and not self._chunks.is_plain(body):
            return self._turn_away(Refusal(400, "bad_body", "The body's chunks are not plain."))
        return super().data_received(received)

    def on_message_complete(self) -> None:
        """Called by httptools: what comes next is another head."""
        super().on_message_complete()
        self._is_in_head = True

    def on_message_begin(self) -> None:
        """Called by httptools."""
        super().on_message_begin()
        self._watchers = self._watchers or set()
        self.scope[WATCHERS] = self._watchers  # pyright: ignore[reportGeneralTypeIssues] # key of ours

    def on_response_complete(self) -> None:
        """Called by uvicorn: an answer is out, and a request that came behind it may have begun."""
        super().on_response_complete()
        if self._is_in_head and self.cycle.response_complete:
            self.cycle = self.scope = self.headers = self._watchers = None  # pyright: ignore[reportAttributeAccessIssue] # as uvicorn begins

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by asyncio."""
        super().connection_lost(exc)
        for left in tuple(self._watchers or ()):
            left()

    def send_400_response(self, msg: str) -> None:
        """Called where llhttp refuses what came: two lengths, a length and chunks, no HTTP at all."""
        self._turn_away(Refusal(400, "bad_body", msg))

    def _turn_away(self, refusal: Refusal) -> None:
        if not self.transport.is_closing():
            self.transport.write(_HEAD % (refusal.status, len(refusal.body)) + refusal.body)
            self.transport.close()


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
        http=Door,
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


def _wrong_head(head: bytes) -> Refusal | None:
    if len(head) > HEAD_MOST:
        return Refusal(413, "too_large", "The headers are over 64 KiB.")
    if _DOUBTFUL.search(head):
        return Refusal(400, "bad_body", "The head is not plain HTTP/1.1.")
    return None
