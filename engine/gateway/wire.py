"""HTTP/1.1 as it is on the wire to an upstream: one connection, one answer at a time, parsed by llhttp.

Nothing is decoded, followed or mended here: bytes of the body come out as they came in.
"""

from __future__ import annotations

import asyncio
import math
from typing import NamedTuple, cast

import httptools

from engine.rules.frame import Fault

HEAD_MOST = 64 * 1024
BUFFER_MOST = 256 * 1024  # above it the upstream is not read
_BUFFER_LOW = 64 * 1024
_TOLD = frozenset({b"content-encoding", b"content-length", b"content-type", b"transfer-encoding"})


class Broke(Exception):
    """An upstream gave no whole answer: what kind of fault, and a reason that names no key, header or body."""

    def __init__(self, fault: Fault, reason: str) -> None:
        super().__init__(reason)
        self.fault = fault
        self.reason = reason


class Head(NamedTuple):
    """An answer's head: headers in lower case, and of those somebody here asks for the first of each name."""

    status: int
    headers: list[tuple[bytes, bytes]]
    told: dict[bytes, bytes]


class Connection(asyncio.BaseProtocol):
    """One connection. ``has_answered`` is false until the first byte of the present answer has come."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.idle_since = 0.0
        self.has_answered = False
        self._loop = loop
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._waiter: asyncio.Future[None] | None = None
        self._until = math.inf
        self._timer: asyncio.TimerHandle | None = None
        self._broke: Broke | None = None
        self._is_asked = self._keeps_alive = self._is_paused = False
        self._begin()

    def _begin(self) -> None:
        self._headers: list[tuple[bytes, bytes]] = []
        self._told: dict[bytes, bytes] = {}
        self._blocks: list[bytes] = []
        self._size = self._head_size = 0
        self._has_head = self._is_whole = self.has_answered = False
        self._is_framed = False  # by a length or by chunks; else the connection's end is the body's

    @property
    def is_read(self) -> bool:
        """Whether the answer has been read to its end."""
        return not self._is_asked

    @property
    def is_reusable(self) -> bool:
        """Whether another request may be sent here."""
        transport = self._transport
        return (
            transport is not None
            and not transport.is_closing()
            and self._broke is None
            and not self._is_asked
            and self._keeps_alive
        )

    def wait_until(self, moment: float) -> None:
        """Let what is awaited take until then (the loop's seconds); whoever still waits gets ``TimeoutError``."""
        self._until = moment

    async def ask(self, head: bytes, body: bytes) -> Head:
        """Send a request; the head of its answer. Raises ``Broke``, ``TimeoutError``; closed then."""
        self._begin()
        if self._broke is not None or self._transport is None:
            raise self._broke or Broke(Fault.RESET, "the connection is closed")
        self._is_asked = True
        if len(body) <= _BUFFER_LOW:
            self._transport.write(head + body)
        else:
            self._transport.writelines((head, body))
        try:
            while not self._has_head:
                await self._wait()
        except BaseException:  # a broken answer, or nobody waits any longer
            self.close()
            raise
        return Head(self._parser.get_status_code(), self._headers, self._told)

    async def block(self) -> bytes:
        """What has come of the body, joined; b"" when there is none. Raises ``Broke`` once all that came is read.

        Raises ``TimeoutError`` too, as `wait_until` says. When the body `is_read`, nothing comes any more.
        """
        while not self._blocks and not self._is_whole:
            await self._wait()
        self._is_asked = not self._is_whole
        if not self._blocks:
            return b""
        joined = self._blocks[0] if len(self._blocks) == 1 else b"".join(self._blocks)
        self._blocks.clear()
        self._size = 0
        if self._is_paused and self._transport is not None:
            self._is_paused = False
            self._transport.resume_reading()
        return joined

    async def gather(self, seconds: float) -> None:
        """Let what comes in a while be read as one: small blocks stay in the socket. Not where some wait.

        TLS has them decrypted first, and would drop what nobody took where the other side ends without a farewell.
        """
        if self._transport is None or self._is_paused or self._is_whole or self._blocks:
            return None
        if self._transport.get_extra_info("sslcontext") is not None:
            return await asyncio.sleep(seconds)
        self._transport.pause_reading()
        await asyncio.sleep(seconds)
        if not self._transport.is_closing():
            self._transport.resume_reading()
        return None

    def close(self) -> None:
        """Close now; what was not sent is not sent."""
        if self._timer is not None:
            self._timer.cancel()
        if self._transport is not None:
            self._transport.abort()

    def _wait(self) -> asyncio.Future[None]:
        """What to await until something has come."""
        if self._broke is not None:
            raise self._broke
        if self._timer is None or self._timer.when() > self._until:
            self._watch()
        self._waiter = self._loop.create_future()
        return self._waiter

    def _watch(self) -> None:
        """Have the clock looked at when patience ends. One timer serves many waits: it mostly finds a later end."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None if self._until == math.inf else self._loop.call_at(self._until, self._look)

    def _look(self) -> None:
        self._timer = None
        if self._waiter is None or self._waiter.done():
            return
        if self._loop.time() < self._until:
            self._watch()
        else:
            self._waiter.set_exception(TimeoutError())

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _break(self, fault: Fault, reason: str) -> None:
        if self._broke is None:
            self._broke = Broke(fault, reason)
        self._wake()

    # what the transport says

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by asyncio."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, received: bytes) -> None:
        """Called by asyncio."""
        if not self._is_asked:  # nobody asked: whatever this is, it is no answer to the next request
            self._break(Fault.RESET, "it sent bytes nobody asked for")
            self.close()
            return
        self.has_answered = True
        try:
            self._parser.feed_data(received)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._keeps_alive = False
            if not self._is_whole:
                self._break(Fault.RESET, "its answer is no HTTP")
            self._wake()
            self.close()
            return
        if not self._has_head:
            self._head_size += len(received)
            if self._head_size > HEAD_MOST:
                self._break(Fault.RESET, "its headers are over 64 KiB")
                self.close()
        self._wake()

    def eof_received(self) -> None:
        """Called by asyncio; the connection closes next."""
        self._ended()

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by asyncio."""
        self._keeps_alive = False
        if exc is None:
            self._ended()
        self._break(Fault.RESET, "the connection was closed before the answer ended")

    def _ended(self) -> None:
        self._keeps_alive = False
        if self._has_head and not self._is_framed:
            self._is_whole = True
            self._wake()

    # what the parser says

    def on_message_begin(self) -> None:
        """Called by httptools. A second answer to one question may be somebody's trick: it is never read."""
        if self._is_whole:
            raise Broke(Fault.RESET, "it answered twice")  # ends the parser; the first answer stays

    def on_header(self, name: bytes, value: bytes) -> None:
        """Called by httptools."""
        name = name.lower()
        if name in _TOLD:
            self._told.setdefault(name, value)
        self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Called by httptools."""
        status = self._parser.get_status_code()
        if 100 <= status < 200:  # 100 Continue, 103 Early Hints: the answer is still to come
            self._headers = []
            self._told = {}
            return
        self._is_framed = b"content-length" in self._told or b"transfer-encoding" in self._told or status in (204, 304)
        self._has_head = True
        self._keeps_alive = self._parser.should_keep_alive()

    def on_body(self, body: bytes) -> None:
        """Called by httptools."""
        self._blocks.append(body)
        self._size += len(body)
        if self._size > BUFFER_MOST and not self._is_paused and self._transport is not None:
            self._is_paused = True
            self._transport.pause_reading()

    def on_message_complete(self) -> None:
        """Called by httptools; also after 1xx."""
        self._is_whole = self._has_head
