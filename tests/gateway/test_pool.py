"""The connections to upstreams: any split of bytes, any way to end, TLS, and nothing left open."""

from __future__ import annotations

import asyncio
import itertools
import shutil
import ssl
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import uvloop
from hypothesis import given
from hypothesis import strategies as st

from engine.gateway.pool import Place, Pool
from engine.gateway.wire import BUFFER_MOST, Broke, Connection
from engine.rules.frame import Fault
from tests.conftest import needs
from tests.gateway.upstream import HANG, RESET, Asked, answer, steps, upstream

HEAD = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

REPLIES: list[tuple[bytes, bytes, bool]] = [  # what comes, the body, whether the connection can be kept
    (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", b"hello", True),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", b"", True),
    (b"HTTP/1.1 204 No Content\r\n\r\n", b"", True),
    (b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello", b"hello", False),
    (b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", b"hello", False),
    (CHUNKED + b"3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\n\r\n", b"hello", True),
    (CHUNKED + b"5\r\nhello\r\n0\r\nX-Trailer: a\r\n\r\n", b"hello", True),
    (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n" + CHUNKED + b"0\r\n\r\n", b"", True),
]


class Line(asyncio.Transport):
    """A transport in memory: what was written, whether reading is paused, whether it is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.sent = b""
        self.paused = self.closed = False

    def write(self, data: Any) -> None:
        self.sent += bytes(data)

    def pause_reading(self) -> None:
        self.paused = True

    def resume_reading(self) -> None:
        self.paused = False

    def is_closing(self) -> bool:
        return self.closed

    def abort(self) -> None:
        self.closed = True


async def read(connection: Connection) -> bytes:
    body = b""
    while block := await connection.block():
        body += block
    return body


def asked(raw: bytes, cuts: list[int], *, ends: bool = False) -> tuple[int, bytes, bool]:
    """The status, the body and whether the connection can be kept, for bytes that come in pieces."""

    async def main() -> tuple[int, bytes, bool]:
        connection, line = Connection(asyncio.get_running_loop()), Line()
        connection.connection_made(line)
        answering = asyncio.create_task(connection.ask(HEAD, b""))
        await asyncio.sleep(0)
        edges = [0, *sorted(cut % (len(raw) + 1) for cut in cuts), len(raw)]
        for start, end in itertools.pairwise(edges):
            if end > start:
                connection.data_received(raw[start:end])
        if ends:
            connection.connection_lost(None)
        head = await answering
        return head.status, await read(connection), connection.is_reusable

    return asyncio.run(main())


@pytest.mark.parametrize(("raw", "body", "keeps"), REPLIES)
def test_an_answer_is_read_whatever_the_split_of_its_bytes(raw: bytes, body: bytes, keeps: bool) -> None:
    for cuts in ([], list(range(len(raw))), *([at] for at in range(1, len(raw)))):
        status, found, reusable = asked(raw, cuts)
        assert (status in (200, 204), found, reusable) == (True, body, keeps)


@given(st.sampled_from(REPLIES), st.lists(st.integers(0, 200), max_size=8))
def test_any_split_gives_the_same(reply: tuple[bytes, bytes, bool], cuts: list[int]) -> None:
    raw, body, keeps = reply
    assert asked(raw, cuts)[1:] == (body, keeps)


def test_a_body_may_end_with_the_connection_where_nothing_else_says_where() -> None:
    assert asked(b"HTTP/1.1 200 OK\r\n\r\nhello", [22], ends=True) == (200, b"hello", False)


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello",
        CHUNKED + b"5\r\nhello\r\n",
        CHUNKED + b"9\r\nhello",
        b"HTTP/1.1 200 OK\r\nConte",
        b"",
    ],
)
def test_an_answer_that_ends_too_early_is_broken(raw: bytes) -> None:
    with pytest.raises(Broke) as caught:
        asked(raw, [], ends=True)
    assert caught.value.fault is Fault.RESET


def test_more_than_was_told_spoils_the_connection_and_not_the_answer() -> None:
    second = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbad"
    assert asked(REPLIES[0][0] + second[:17], [])[1:] == (b"hello", False)
    assert asked(REPLIES[0][0] + second, [])[1:] == (b"hello", False)


def test_above_256_kib_the_upstream_is_not_read() -> None:
    async def main() -> None:
        connection, line = Connection(asyncio.get_running_loop()), Line()
        connection.connection_made(line)
        answering = asyncio.create_task(connection.ask(HEAD, b""))
        await asyncio.sleep(0)
        connection.data_received(b"HTTP/1.1 200 OK\r\nContent-Length: 900000\r\n\r\n" + bytes(BUFFER_MOST + 1))
        await answering
        assert line.paused
        assert len(await connection.block()) == BUFFER_MOST + 1
        assert not line.paused

    asyncio.run(main())


def test_bytes_that_nobody_asked_for_close_a_kept_connection() -> None:
    async def main() -> None:
        connection, line = Connection(asyncio.get_running_loop()), Line()
        connection.connection_made(line)
        connection.data_received(b"HTTP/1.1 200 OK\r\n")
        assert line.closed

    asyncio.run(main())


def in_loop(work: Callable[[Pool], Awaitable[Any]], trusted: ssl.SSLContext | None = None) -> Any:
    async def main() -> Any:
        pool = Pool(trusted)
        try:
            return await work(pool)
        finally:
            pool.close()

    return uvloop.run(main())


async def whole(pool: Pool, place: Place) -> bytes:
    reply = await pool.send(place, HEAD, b"")
    body = b""
    while block := await reply.read():
        body += block
    return body


def test_connections_are_kept_and_a_spoilt_one_is_not() -> None:
    closes = iter([False, False, True, False])

    def script(_asked: Asked):
        yield answer(b"hi", more="connection: close\r\n" if next(closes) else "")

    async def work(pool: Pool) -> None:
        for _ in range(4):
            assert await whole(pool, Place("http", "127.0.0.1", model.port)) == b"hi"

    with upstream(script) as model:
        in_loop(work)
        connections = [one.connection for one in model.asked]
    assert len(set(connections[:3])) == 1
    assert len(set(connections)) == 2


def test_who_waits_no_longer_closes_the_connection() -> None:
    async def work(pool: Pool) -> None:
        waiting = asyncio.create_task(pool.send(Place("http", "127.0.0.1", model.port), HEAD, b""))
        while not model.asked:
            await asyncio.sleep(0.01)
        waiting.cancel()
        while not model.asked[0].closed_at:
            await asyncio.sleep(0.01)

    with upstream(steps(HANG)) as model:
        in_loop(work)


def test_a_request_is_sent_again_only_when_no_byte_of_an_answer_came() -> None:
    async def work(pool: Pool) -> None:
        place = Place("http", "127.0.0.1", model.port)
        assert await whole(pool, place) == b"hi"
        with pytest.raises(Broke):
            await whole(pool, place)

    def script(asked: Asked):
        yield answer(b"hi") if asked is model.asked[0] else b"HTTP/1.1 2"
        yield from () if asked is model.asked[0] else (RESET,)

    with upstream(script) as model:
        in_loop(work)
        assert len(model.asked) == 2


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for localhost that signs itself."""
    needs(shutil.which("openssl"), "openssl", "apt-get install -y openssl")
    folder = tmp_path_factory.mktemp("tls")
    words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
    more = ["-addext", "subjectAltName=DNS:localhost", "-keyout", "key.pem", "-out", "cert.pem"]
    subprocess.run(["openssl", *words.split(), *more], cwd=folder, check=True, capture_output=True)
    return folder


@pytest.mark.parametrize(
    ("host", "is_trusted", "reason"),
    [("localhost", True, ""), ("127.0.0.1", True, "certificate"), ("localhost", False, "certificate")],
)
def test_names_and_certificates_are_checked(authority: Path, host: str, is_trusted: bool, reason: str) -> None:
    async def main() -> None:
        shown = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        shown.load_cert_chain(authority / "cert.pem", authority / "key.pem")
        server = await asyncio.start_server(_hello, "127.0.0.1", 0, ssl=shown)
        trusted = ssl.create_default_context(cafile=authority / "cert.pem" if is_trusted else None)
        pool = Pool(trusted)
        place = Place("https", host, server.sockets[0].getsockname()[1])
        try:
            if not reason:
                assert [await whole(pool, place) for _ in range(2)] == [b"hi", b"hi"]
                return
            with pytest.raises(Broke, match=reason) as caught:
                await whole(pool, place)
            assert caught.value.fault is Fault.CONNECT
        finally:
            pool.close()
            server.close()
            await asyncio.sleep(0.05)

    uvloop.run(main())


async def _hello(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer(b"hi"))
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
        writer.close()


def test_a_place_nobody_knows_is_no_connection() -> None:
    async def work(pool: Pool) -> None:
        for host in ("no-such-host.invalid", "bad..name", "x" * 300):
            with pytest.raises(Broke) as caught:
                await whole(pool, Place("http", host, 80))
            assert caught.value.fault is Fault.CONNECT

    in_loop(work)
