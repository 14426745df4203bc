"""A caller's connection: uvicorn's, strict about where a request ends, quick to say that a caller left, and lean.

Parsing is llhttp's, sockets and signals are uvicorn's. Ours is what lies between: a request and its answer without what
nobody here asks for. Between two requests a connection keeps nothing of the last: 10,000 may be idle.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, cast
from urllib.parse import unquote_to_bytes

import httptools
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from engine.gateway.caller import Refusal
from engine.gateway.framing import Body, Chunks, read_head, wrong_head
from engine.gateway.turn import App, Pace, Turn

KEEP_ALIVE_SECONDS = 75
BODY_BYTES_A_SECOND = 16 * 1024  # what a slow body must bring to be waited for longer

_HEAD = b"HTTP/1.1 %d Refused\r\ncontent-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n"
_HEAD_END = b"\r\n\r\n"


class Door(HttpToolsProtocol):
    """One connection of a caller. ``on_refusal`` is told what it turns away by itself."""

    def __init__(self, *args: object, on_refusal: Callable[[Refusal], None] | None = None, **more: object) -> None:
        super().__init__(*args, **more)  # pyright: ignore[reportArgumentType] # whatever uvicorn gives
        self.pipeline = cast("Any", None)  # a deque, which is 600 bytes a connection for none
        self._behind: list[Turn] = []
        self._turn: Turn | None = None  # whose request comes in, or came last
        self._running: Turn | None = None  # whose answer goes out
        self._parser: httptools.HttpRequestParser = self.parser
        self._begun: bytes = b""  # of a head that is not whole yet
        self._is_in_head = True
        self._body: Body | Chunks = Body(0)
        self._timer: asyncio.TimerHandle | None = None
        self._quiet_at = 0.0
        self._on_refusal = on_refusal

    def connection_made(self, transport: asyncio.Transport) -> None:  # pyright: ignore[reportIncompatibleMethodOverride] # as uvicorn
        """Called by asyncio."""
        self.connections.add(self)
        self.transport = transport
        self.flow: FlowControl = Pace(transport)
        self._let_go()

    def data_received(self, received: bytes) -> None:  # pyright: ignore[reportIncompatibleMethodOverride] # asyncio's own name
        """Called by asyncio. The parser gets one request at a time, its head whole and looked at before."""
        size, has_head = len(received), False
        while received and not self.transport.is_closing():
            head = b""
            if self._is_in_head:
                head, end, received = (self._begun + received).lstrip(b"\r\n").partition(_HEAD_END)
                if not (end or self._begun):
                    self._quiet_at = self.loop.time()
                self._begun = b"" if end else head
                if refusal := wrong_head(head):
                    return self._turn_away(refusal)
                if not end:
                    return None
                self._is_in_head, has_head = False, True
                head, self._body = read_head(head)
                head += end
            own = self._body.own(received)
            if own < 0:
                return self._turn_away(Refusal(400, "bad_body", "The body's chunks are not plain."))
            super().data_received(head + received[:own])
            received = received[own:]
            if self._is_in_head != self._body.is_over:  # llhttp sees another end than we do
                return self._turn_away(Refusal(400, "bad_body", "Where the body ends is not plain."))
        return self._await_body(size, has_head=has_head)

    def _await_body(self, size: int, *, has_head: bool) -> None:
        """Where more of a body is to come, it may not come as slowly as anybody likes."""
        if not self._is_in_head:
            now = self.loop.time()
            self._quiet_at = now if has_head else min(now, self._quiet_at + size / BODY_BYTES_A_SECOND)
            self._wait(KEEP_ALIVE_SECONDS)

    def on_message_begin(self) -> None:
        """Called by httptools."""
        self.url = b""
        self.expect_100_continue = False
        self.headers = []

    def on_headers_complete(self) -> None:
        """Called by httptools: the app begins, unless an answer is still going out."""
        path, _, _ = self.url.partition(b"?")
        if not path.startswith(b"/") or b"%" in path or b"#" in path:  # a whole address, or a path in disguise
            path = unquote_to_bytes(httptools.parse_url(self.url).path or b"/")
        version = self._parser.get_http_version()
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": version,
            "method": self._parser.get_method().decode("ascii"),
            "path": path.decode("utf-8", "replace"),
            "headers": self.headers,
        }
        keeps_alive = version != "1.0" and self._parser.should_keep_alive()
        self._turn = Turn(self, scope, keeps_alive=keeps_alive, expects=self.expect_100_continue)
        if self._running is None:
            self._serve(self._turn)
        else:
            self.flow.pause_reading()
            self._behind.append(self._turn)

    def on_body(self, body: bytes) -> None:
        """Called by httptools."""
        if self._turn is not None:
            self._turn.take(body)

    def on_message_complete(self) -> None:
        """Called by httptools: what comes next is another head."""
        self._is_in_head = True
        if self._turn is not None:
            self._turn.take_end()
        self._let_go()

    def on_answered(self) -> None:
        """Called by a turn whose answer is out: the request that came behind it begins."""
        self.server_state.total_requests += 1
        self._running = None
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self._behind:
            self._quiet_at = self.loop.time()  # until now it was we who did not read
            self._serve(self._behind.pop(0))
        else:
            self._let_go()

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by asyncio."""
        del exc
        self.connections.discard(self)
        self.flow.resume_writing()
        if self._timer is not None:
            self._timer.cancel()
        if self._running is not None:
            self._running.leave()
        self.parser = cast("Any", None)  # as uvicorn does: it leads back here
        del self._parser

    def shutdown(self) -> None:
        """Called by uvicorn when the server ends: an answer that is going out is the last."""
        if self._running is None:
            self.transport.close()
        else:
            self._running.keeps_alive = False

    def send_400_response(self, msg: str) -> None:
        """Called where llhttp refuses what came: two lengths, a length and chunks, no HTTP at all."""
        self._turn_away(Refusal(400, "bad_body", msg))

    def _serve(self, turn: Turn) -> None:
        self._running = turn
        turn.begin(cast("App", self.app))

    def _let_go(self) -> None:
        """Forget a request that is whole and answered; a connection that stays idle is closed at last."""
        if self._running is None and self._is_in_head:
            self._turn = None
            self.headers = []
            self._quiet_at = self.loop.time()
            self._wait(KEEP_ALIVE_SECONDS)

    def _wait(self, seconds: float) -> None:
        """Look at the connection then. One timer serves many requests: it mostly finds that there was another."""
        if self._timer is None:
            self._timer = self.loop.call_later(seconds, self._look)

    def _look(self) -> None:
        self._timer = None
        if self._is_in_head and self._turn is not None:
            return  # the next answer sets it again
        left = self._quiet_at + KEEP_ALIVE_SECONDS - self.loop.time()
        if left > 0:
            self._wait(left)
        elif self._is_in_head:
            self.transport.close()
        elif self.flow.read_paused:  # we are who does not read
            self._wait(KEEP_ALIVE_SECONDS)
        else:
            self._turn_away(Refusal(408, "slow_body", "The body came too slowly, or stopped."))

    def _turn_away(self, refusal: Refusal) -> None:
        if self.transport.is_closing():
            return
        if self._on_refusal is not None:
            self._on_refusal(refusal)
        turn = self._running or self._turn
        if turn is None or not turn.has_begun:  # else it would stand inside an answer, or behind it as a second one
            self.transport.write(_HEAD % (refusal.status, len(refusal.body)) + refusal.body)
        self.transport.close()
