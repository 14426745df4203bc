"""A caller's connection by itself: when it is closed, what an answer may look like. No sockets, and a clock of ours."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from engine.gateway.door import BODY_BYTES_A_SECOND, KEEP_ALIVE_SECONDS, Door
from engine.gateway.turn import Pace, Turn

ASK = b"GET /healthz?a=1 HTTP/1.1\r\nhost: x\r\n\r\n"
Headers = list[tuple[bytes, bytes]]


class Line(asyncio.Transport):
    """A transport in memory."""

    def __init__(self) -> None:
        super().__init__()
        self.sent = b""
        self.closed = False

    def write(self, data: Any) -> None:
        self.sent += bytes(data)

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True


class Loop:
    """The running loop with another clock: ``passes`` lets time go by and timers come due."""

    def __init__(self) -> None:
        self.now = 0.0
        self.timers: list[tuple[float, Callable[[], None]]] = []
        self.create_task = asyncio.get_running_loop().create_task
        self.create_future = asyncio.get_running_loop().create_future

    def time(self) -> float:
        return self.now

    def call_later(self, seconds: float, due: Callable[[], None]) -> None:
        self.timers.append((self.now + seconds, due))

    def passes(self, seconds: float) -> None:
        self.now += seconds
        ready = [due for at, due in self.timers if at <= self.now]
        self.timers = [one for one in self.timers if one[0] > self.now]
        for due in ready:
            due()


def says(headers: Headers, *blocks: bytes) -> Callable[..., Awaitable[None]]:
    """An app that answers 200 with these headers and blocks."""

    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        for place, block in enumerate(blocks, start=1):
            await send({"type": "http.response.body", "body": block, "more_body": place < len(blocks)})

    return app


def with_door(app: Callable[..., Awaitable[None]], work: Callable[[Door, Line, Loop], Awaitable[None]]) -> None:
    async def main() -> None:
        loop, line = Loop(), Line()
        config = uvicorn.Config(app, lifespan="off", log_config=None, interface="asgi3", proxy_headers=False)  # type: ignore[arg-type]
        door = Door(config=config, server_state=ServerState(), app_state={}, _loop=loop)
        door.connection_made(line)
        await work(door, line, loop)

    asyncio.run(main())


async def asked(door: Door, line: Line, raw: bytes = ASK) -> bytes:
    """What is sent for a request."""
    before = len(line.sent)
    door.data_received(raw)
    for _ in range(3):
        await asyncio.sleep(0)
    return line.sent[before:]


def test_a_connection_is_closed_when_it_was_idle_long_enough_since_its_last_request() -> None:
    async def work(door: Door, line: Line, loop: Loop) -> None:
        await asked(door, line)
        loop.passes(KEEP_ALIVE_SECONDS - 1)
        assert (await asked(door, line)).endswith(b"ok")
        loop.passes(KEEP_ALIVE_SECONDS - 1)
        assert not line.closed
        loop.passes(1)
        assert line.closed

    with_door(says([(b"content-length", b"2")], b"ok"), work)


def test_head_and_first_block_go_out_together_and_a_body_without_a_length_in_chunks() -> None:
    async def work(door: Door, line: Line, _loop: Loop) -> None:
        assert (
            await asked(door, line)
            == b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n1\r\n!\r\n0\r\n\r\n"
        )
        assert (await asked(door, line, ASK.replace(b"GET", b"HEAD"))).endswith(b"HTTP/1.1 200 OK\r\n\r\n")

    with_door(says([], b"ok", b"!"), work)


def test_a_caller_of_http_1_0_gets_no_chunks_and_the_end_of_the_connection() -> None:
    async def work(door: Door, line: Line, _loop: Loop) -> None:
        said = await asked(door, line, ASK.replace(b"HTTP/1.1", b"HTTP/1.0"))
        assert (said, line.closed) == (b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nok!", True)

    with_door(says([], b"ok", b"!"), work)


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ([(b"content-length", b"3")], b"ok"),
        ([(b"content-length", b"1")], b"ok"),
        ([(b"x", b"a\r\nset-cookie: b"), (b"content-length", b"2")], b"ok"),
    ],
)
def test_an_answer_that_is_not_what_its_head_says_is_not_sent_and_closes(headers: Headers, body: bytes) -> None:
    raised: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        try:
            await says(headers, body)(scope, receive, send)
        except RuntimeError as error:
            raised.append(str(error))

    async def work(door: Door, line: Line, _loop: Loop) -> None:
        assert (await asked(door, line), line.closed, len(raised)) == (b"", True, 1)

    with_door(app, work)


@pytest.mark.parametrize("begun", [b"", b"POST / HTTP/1.1\r\nhost: "])
def test_a_connection_on_which_no_head_becomes_whole_is_closed_too(begun: bytes) -> None:
    async def work(door: Door, line: Line, loop: Loop) -> None:
        door.data_received(begun)
        loop.passes(KEEP_ALIVE_SECONDS - 1)
        assert not line.closed
        loop.passes(1)
        assert line.closed

    with_door(says([]), work)


POST = b"POST /f/triage/v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 40000000\r\n\r\n{"


async def reads(_scope: Any, receive: Any, send: Any) -> None:
    while (await receive())["more_body"]:
        continue
    await says([(b"content-length", b"2")], b"ok")(_scope, receive, send)


@pytest.mark.parametrize("drip", [b"", b"x"])
def test_a_body_that_stops_or_drips_is_refused_at_last(drip: bytes) -> None:
    async def work(door: Door, line: Line, loop: Loop) -> None:
        await asked(door, line, POST)
        for _ in range(KEEP_ALIVE_SECONDS - 1):
            loop.passes(1)
            door.data_received(drip)
        assert not line.closed
        loop.passes(1.1)
        assert line.closed
        assert line.sent.startswith(b"HTTP/1.1 408 ")
        assert b"slow_body" in line.sent

    with_door(reads, work)


def test_a_body_on_a_slow_line_is_waited_for() -> None:
    async def work(door: Door, line: Line, loop: Loop) -> None:
        await asked(door, line, POST)
        for _ in range(4):
            loop.passes(KEEP_ALIVE_SECONDS - 1)
            await asked(door, line, b"x" * BODY_BYTES_A_SECOND * KEEP_ALIVE_SECONDS)
            assert not door.flow.read_paused
            assert not line.closed

    with_door(reads, work)


@pytest.mark.parametrize("is_whole", [False, True])
def test_who_stops_in_the_body_after_an_answer_has_begun_gets_no_second_head(*, is_whole: bool) -> None:
    async def early(_scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"ok", "more_body": not is_whole})
        await receive()
        await receive()

    async def work(door: Door, line: Line, loop: Loop) -> None:
        await asked(door, line, POST)
        loop.passes(KEEP_ALIVE_SECONDS + 1)
        assert line.closed
        assert line.sent.count(b"HTTP/1.1") == 1

    with_door(early, work)


def test_a_body_behind_a_long_answer_is_waited_for_from_that_answers_end() -> None:
    async def work(door: Door, line: Line, loop: Loop) -> None:
        over = asyncio.Event()
        is_over.append(over)
        await asked(door, line)
        await asked(door, line, POST)
        loop.passes(KEEP_ALIVE_SECONDS)
        loop.passes(KEEP_ALIVE_SECONDS - 1)
        over.set()
        assert (await asked(door, line, b"x")).endswith(b"ok")
        loop.passes(2)
        assert not line.closed
        loop.passes(KEEP_ALIVE_SECONDS)
        assert line.sent.count(b"HTTP/1.1 408 ") == 1

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["method"] == "GET":
            await is_over[0].wait()
        await reads(scope, receive, send)

    is_over = list[asyncio.Event]()
    with_door(app, work)


def test_the_blocks_of_a_body_are_measured_once_however_many_wait() -> None:
    class Block(bytes):
        asked = 0

        def __len__(self) -> int:
            Block.asked += 1
            return 1

    class OnALine:
        flow = Pace(Line())

    turn = Turn(OnALine(), {"method": "POST", "http_version": "1.1"}, keeps_alive=True, expects=False)  # type: ignore[arg-type]
    for _ in range(300):
        turn.take(Block(b"x"))
    assert Block.asked == 300
