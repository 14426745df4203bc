"""One request of a caller and its answer, as ASGI gives them to an app: uvicorn's, without what nobody here asks for.

Names and values of headers are not looked through again: they are our own words, or llhttp has read them.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from typing import Protocol

from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT, FlowControl
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from engine.gateway.caller import Headers, Message, Receive, Scope, Send

App = Callable[[Scope, Receive, Send], Awaitable[None]]


class Line(Protocol):
    """The connection a turn is on."""

    loop: asyncio.AbstractEventLoop
    transport: asyncio.Transport
    flow: FlowControl
    tasks: set[asyncio.Task[None]]

    def on_answered(self) -> None:
        """Called when the answer is out."""
        ...


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


class Turn:
    """One request and its answer, as ASGI gives them to an app. An answer's head goes out with its first block."""

    __slots__ = (
        *("_blocks", "_chunked", "_line", "_head", "_is_left", "_left", "_size", "_task", "_waiter"),
        *("expects", "has_all", "has_begun", "is_over", "keeps_alive", "method", "scope"),
    )

    def __init__(self, line: Line, scope: Scope, *, keeps_alive: bool, expects: bool) -> None:
        self.scope = scope
        self.method: str = scope["method"]
        self.keeps_alive = keeps_alive  # whether the connection serves another request afterwards
        self.expects = expects  # the caller waits for a 100 before it sends the body
        self.has_all = False  # of the request
        self.has_begun = False  # of the answer
        self.is_over = False
        self._line = line
        self._blocks: list[bytes] = []
        self._size = 0  # of the blocks
        self._waiter: asyncio.Future[None] | None = None
        self._task: asyncio.Task[None] | None = None
        self._is_left = False
        self._head: bytes = b""
        self._chunked = False
        self._left: float = 0  # bytes of the body to come; endless where only its end tells

    def begin(self, app: App) -> None:
        """Let the app serve it."""
        line = self._line
        self._task = line.loop.create_task(self._run(app))
        line.tasks.add(self._task)

    async def _run(self, app: App) -> None:
        try:
            if not self._is_left:
                await app(self.scope, self.receive, self.send)
        except asyncio.CancelledError:
            if not self._is_left:
                raise
        finally:
            line = self._line
            if self._task is not None:
                line.tasks.discard(self._task)
            if not self.is_over:  # an app that broke off: whoever waits for more must see that none comes
                line.transport.close()

    def leave(self) -> None:
        """End it: the caller is gone."""
        self._is_left = True
        self._wake()
        if self._task is not None:
            self._task.cancel()

    def take(self, block: bytes) -> None:
        """A part of the request's body."""
        if not self.is_over:
            self._blocks.append(block)
            self._size += len(block)
            if self._size > HIGH_WATER_LIMIT:
                self._line.flow.pause_reading()
            self._wake()

    def take_end(self) -> None:
        """The request is whole."""
        self.has_all = True
        self._wake()

    async def receive(self) -> Message:
        """What has come of the request's body since; ASGI's ``receive``."""
        while not (self._blocks or self.has_all or self._is_left or self.is_over):
            if self.expects:
                self.expects = False
                self._line.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self._line.flow.resume_reading()
            self._waiter = self._line.loop.create_future()
            await self._waiter
        if self._is_left or self.is_over:
            return {"type": "http.disconnect"}
        blocks, self._blocks, self._size = self._blocks, [], 0
        body = blocks[0] if len(blocks) == 1 else b"".join(blocks)
        return {"type": "http.request", "body": body, "more_body": not self.has_all}

    async def send(self, message: Message) -> None:
        """Send a head or a block of the answer; ASGI's ``send``. Waits while the caller reads too slowly.

        Raises RuntimeError for an answer that is not as long as it said, or has lines in its headers.
        """
        if self._line.flow.write_paused and not self._is_left:
            await self._line.flow.drain()
        if self._is_left:
            return
        if message["type"] == "http.response.start":
            self.has_begun = True
            self._head = self._head_of(message["status"], message["headers"])
        else:
            self._send_block(message["body"], is_last=not message["more_body"])

    def _head_of(self, status: int, headers: Headers) -> bytes:
        lines = [STATUS_LINE[status]]
        has_body = self.method != "HEAD" and status not in (204, 304)
        is_old = self.scope["http_version"] == "1.0"  # knows no chunks: the connection's end is the body's
        self._chunked, self._left = has_body and not is_old, math.inf if has_body and is_old else 0
        for name, value in headers:
            lines += (name, b": ", value, b"\r\n")
            if name == b"content-length":
                self._left, self._chunked = int(value), False
        head = b"".join(lines)
        if head.count(b"\n") != len(headers) + 1:
            raise RuntimeError("a header of the answer holds a line of its own")
        close = b"" if self.keeps_alive else b"connection: close\r\n"
        return head + close + (b"transfer-encoding: chunked\r\n\r\n" if self._chunked else b"\r\n")

    def _send_block(self, block: bytes, *, is_last: bool) -> None:
        if self.method == "HEAD":
            block = b""
        elif self._chunked:
            end = b"0\r\n\r\n" if is_last else b""
            block = b"%x\r\n%b\r\n%b" % (len(block), block, end) if block else end
        else:
            self._left -= len(block)
            if self._left < 0 or (is_last and 0 < self._left < math.inf):
                raise RuntimeError("the answer is not as long as its head says")
        out, self._head = self._head + block, b""
        transport = self._line.transport
        if out:
            transport.write(out)
        if is_last:
            self.is_over = True
            if not self.keeps_alive:
                transport.close()
            self._line.on_answered()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
