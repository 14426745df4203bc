"""A stream faster than anybody reads goes out in fewer, larger blocks; a slow one, and first words, at once."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import socket
import ssl
import threading
from pathlib import Path
from typing import Any

import pytest
import uvloop

from engine.gateway.app import App
from engine.gateway.main import app_of
from engine.gateway.pool import Place, Pool, Reply
from engine.gateway.relay import PACE_SECONDS
from engine.gateway.wire import Connection, Head
from engine.settings import Settings
from tests.gateway.running import KEY, route, write_routes
from tests.gateway.test_pool import CHUNKED, HEAD, Line, authority, read
from tests.gateway.upstream import DONE, ROLE, chunk
from tests.waiting import eventually

__all__ = ["authority"]  # a fixture

STREAM = Head(200, [(b"content-type", b"text/event-stream")], {b"content-type": b"text/event-stream"})
WORDS = [chunk({"content": f"word {n}"}) for n in range(5)]


class Scripted(Connection):
    """Gives events one by one, that many seconds apart, and tells when it is let gather."""

    def __init__(self, told: list[bytes], apart: float) -> None:
        super().__init__(asyncio.get_running_loop())
        self._events, self._apart = told, apart
        self.said: list[bytes | float] = []

    async def block(self) -> bytes:
        await asyncio.sleep(self._apart)
        block = self._events.pop(0)
        self._is_asked = bool(self._events)
        self.said.append(block)
        return block

    async def gather(self, seconds: float) -> None:
        self.said.append(seconds)


class OneAnswer(Pool):
    """A pool with one answer."""

    def __init__(self, connection: Connection) -> None:
        super().__init__()
        self._connection = connection

    async def send(self, place: Place, head: bytes, body: bytes, until: float = 0) -> Reply:
        del head, body, until
        return Reply(STREAM, self._connection, self, place)


def streamed(home: Path, events: list[bytes], apart: float) -> list[bytes | float]:
    """What a connection was asked for in the course of one stream; all of the stream went out."""
    write_routes(home / "routes.json", triage=route("http://127.0.0.1:1/v1"))
    sent: list[bytes] = []

    async def receive() -> dict[str, Any]:
        asked = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "stream": True}
        return {"type": "http.request", "body": json.dumps(asked).encode(), "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message.get("body", b""))

    async def main() -> list[bytes | float]:
        connection = Scripted([*events], apart)
        parts = app_of(Settings(home=home), home / "routes.json").parts
        headers = [(b"authorization", b"Bearer " + KEY.encode())]
        scope = {"type": "http", "path": "/f/triage/v1/chat/completions", "method": "POST", "headers": headers}
        await App(dataclasses.replace(parts, pool=OneAnswer(connection)))(scope, receive, send)
        parts.spool.close()
        return connection.said

    said = asyncio.run(main())
    assert b"".join(sent) == b"".join(events)
    return said


def test_a_fast_stream_gathers_once_its_first_words_are_out(tmp_path: Path) -> None:
    gathered = [ROLE, *(step for word in WORDS for step in (word, PACE_SECONDS)), DONE]
    eventually(lambda: streamed(tmp_path, [ROLE, *WORDS, DONE], 0) == gathered)  # a machine at rest for 5 words on end


def test_a_stream_as_slow_as_people_read_is_not_held(tmp_path: Path) -> None:
    assert streamed(tmp_path, [ROLE, *WORDS, DONE], 3 * PACE_SECONDS) == [ROLE, *WORDS, DONE]


@pytest.mark.parametrize("is_closed", [False, True])
def test_what_gathers_stays_in_the_socket_and_is_read_afterwards(*, is_closed: bool) -> None:
    async def main() -> None:
        connection, line = Connection(asyncio.get_running_loop()), Line()
        connection.connection_made(line)
        answering = asyncio.create_task(connection.ask(HEAD, b""))
        await asyncio.sleep(0)
        connection.data_received(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc")
        await answering
        await connection.gather(PACE_SECONDS)
        assert not line.paused  # some waits already
        assert await connection.block() == b"abc"
        gathering = asyncio.create_task(connection.gather(PACE_SECONDS))
        await asyncio.sleep(0)
        assert line.paused
        line.closed = is_closed
        await gathering
        assert line.paused is is_closed  # nothing is told to a transport that is closing

    asyncio.run(main())


def test_what_gathers_over_tls_is_read_though_the_other_side_ends_without_a_farewell(authority: Path) -> None:
    shown = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    shown.load_cert_chain(authority / "cert.pem", authority / "key.pem")
    gathers = threading.Event()

    def answer(listening: socket.socket) -> None:
        with shown.wrap_socket(listening.accept()[0], server_side=True) as line:
            line.recv(len(HEAD))
            line.sendall(CHUNKED + b"3\r\nabc\r\n")
            gathers.wait(60)
            line.sendall(b"3\r\ndef\r\n0\r\n\r\n")  # and then the connection's end alone

    async def main(port: int) -> bytes:
        loop, trusted = asyncio.get_running_loop(), ssl.create_default_context(cafile=authority / "cert.pem")
        _, connection = await loop.create_connection(lambda: Connection(loop), "localhost", port, ssl=trusted)
        await connection.ask(HEAD, b"")
        began = await connection.block()
        gathers.set()
        await connection.gather(0.1)
        return began + await read(connection)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=answer, args=(listening,), daemon=True).start()
        assert uvloop.run(main(listening.getsockname()[1])) == b"abcdef"
