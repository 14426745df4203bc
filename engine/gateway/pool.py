"""The seam to upstreams: send one request over a kept connection, read the answer's head, then its body in blocks.

No retries, but one: when a kept connection turns out closed before a byte of the answer came, the request is sent once
more on another (RFC 9112, 9.3.1). Whoever asks says until when; cancel what waits here and the connection is gone.
"""

from __future__ import annotations

import asyncio
import math
import ssl
import time
from collections import deque
from dataclasses import dataclass
from typing import NamedTuple

from engine.gateway.wire import Broke, Connection, Head
from engine.rules.frame import Fault
from engine.rules.hosts import wrong_peer

IDLE_MOST = 256  # kept connections a place
IDLE_SECONDS = 60.0


class Place(NamedTuple):
    """Where connections lead."""

    scheme: str
    host: str
    port: int


@dataclass(slots=True)
class Reply:
    """An answer whose head has come. ``read`` gives its body; whoever stops before the end must `cancel`."""

    head: Head
    connection: Connection
    pool: Pool
    place: Place
    is_read: bool = False

    async def read(self) -> bytes:
        """All that has come of the body since; b"" only at its end. Raises ``Broke`` when the connection does.

        Raises ``TimeoutError`` when nothing came in time. ``is_read`` says whether that was the last.
        """
        if self.is_read:
            return b""
        block = await self.connection.block()
        self.is_read = self.connection.is_read
        if self.is_read:
            self.pool.keep(self.place, self.connection)
        return block

    async def gather(self, seconds: float) -> None:
        """Let small blocks gather for that long, so that the next `read` gives them as one."""
        if not self.is_read:
            await self.connection.gather(seconds)

    def wait_until(self, moment: float) -> None:
        """Give what is still to come until then (seconds of the monotonic clock)."""
        self.connection.wait_until(moment)

    @property
    def length(self) -> int | None:
        """The content-length the answer's head tells; none for a chunked one."""
        told = self.head.told.get(b"content-length", b"")
        return int(told) if told.isdigit() else None

    def cancel(self) -> None:
        """Close the connection now, unless the answer has been read to its end."""
        if not self.is_read:
            self.is_read = True
            self.connection.close()


class Pool:
    """Kept connections of one event loop. ``trusted`` is the TLS context; names and certificates are checked."""

    def __init__(self, trusted: ssl.SSLContext | None = None) -> None:
        self._trusted = trusted
        self._idle: dict[Place, deque[Connection]] = {}

    async def send(self, place: Place, head: bytes, body: bytes, until: float = math.inf) -> Reply:
        """Send a request (``head`` ends in an empty line) and wait for the head of its answer.

        ``until`` (seconds of the monotonic clock) holds for the body as well, unless the reply is given another.
        Raises ``Broke``, and ``TimeoutError`` when it is past.
        """
        connection = self._kept(place)
        if connection is not None:
            connection.wait_until(until)
            try:
                return Reply(await connection.ask(head, body), connection, self, place)
            except Broke:
                if connection.has_answered:
                    raise
        async with asyncio.timeout_at(None if until == math.inf else until):
            connection = await self._connect(place)
        connection.wait_until(until)
        return Reply(await connection.ask(head, body), connection, self, place)

    def keep(self, place: Place, connection: Connection) -> None:
        """Take back a connection whose answer was read; close it when it cannot be used again."""
        idle = self._idle.get(place)
        if idle is None:
            idle = self._idle[place] = deque()
        if connection.is_reusable and len(idle) < IDLE_MOST:
            connection.idle_since = time.monotonic()
            idle.append(connection)
        else:
            connection.close()

    def sweep(self) -> None:
        """Close what has been idle too long. Called now and then."""
        oldest = time.monotonic() - IDLE_SECONDS
        for place in list(self._idle):
            idle = self._idle[place]
            while idle and (idle[0].idle_since < oldest or not idle[0].is_reusable):
                idle.popleft().close()
            if not idle:
                del self._idle[place]

    def close(self) -> None:
        """Close all kept connections."""
        for idle in self._idle.values():
            for connection in idle:
                connection.close()
        self._idle.clear()

    def _tls(self) -> ssl.SSLContext:
        if self._trusted is None:
            self._trusted = ssl.create_default_context()  # when first needed: reading all authorities takes a while
        return self._trusted

    def _kept(self, place: Place) -> Connection | None:
        idle = self._idle.get(place)
        while idle:
            connection = idle.pop()  # the newest: the oldest may end in peace
            if connection.is_reusable:
                return connection
        return None

    async def _connect(self, place: Place) -> Connection:
        tls = self._tls() if place.scheme == "https" else None
        loop = asyncio.get_running_loop()
        try:
            transport, connection = await loop.create_connection(
                lambda: Connection(loop), place.host, place.port, ssl=tls
            )
        except ssl.SSLCertVerificationError as error:
            raise Broke(Fault.CONNECT, "its certificate is not valid") from error
        except (OSError, UnicodeError) as error:  # refused, no such host, no route, TLS
            raise Broke(Fault.CONNECT, "no connection") from error
        peer = transport.get_extra_info("peername")
        wrong = wrong_peer(place.scheme, str(peer[0])) if peer else ""
        if wrong:
            connection.close()
            raise Broke(Fault.CONNECT, f"its address {wrong}")
        return connection
