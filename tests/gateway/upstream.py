"""A model that answers as a script says, byte by byte, on a socket: it can lie, stall, break off, and see who left."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.waiting import SECONDS


@dataclass
class Asked:
    """One request as it came in, and when its connection was lost."""

    head: bytes
    body: bytes
    connection: int
    closed_at: float | None = None

    @property
    def fields(self) -> dict[str, Any]:
        return json.loads(self.body)

    def header(self, name: str) -> str | None:
        for line in self.head.decode("latin-1").split("\r\n")[1:]:
            known, _, value = line.partition(":")
            if known.lower() == name:
                return value.strip()
        return None


# What a script makes of a request: bytes to send, seconds to wait, or a word.
HANG, CLOSE, RESET = "hang", "close", "reset"
Steps = Iterator[bytes | float | str]
Script = Callable[[Asked], Steps]


@dataclass
class Upstream:
    """A running upstream; ``asked`` grows with each request."""

    port: int
    script: Script
    asked: list[Asked] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = id(writer)
        mine: list[Asked] = []
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                asked = Asked(head, b"", connection)
                asked.body = await reader.readexactly(int(asked.header("content-length") or 0))
                mine.append(asked)
                self.asked.append(asked)
                if not await self._answer(asked, reader, writer):
                    return
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            return
        finally:
            for one in mine:
                one.closed_at = time.monotonic()
            writer.close()

    async def _answer(self, asked: Asked, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        for step in self.script(asked):
            if isinstance(step, bytes):
                writer.write(step)
                await writer.drain()
            elif isinstance(step, float):
                await asyncio.sleep(step)
            elif step == HANG:
                await reader.read(1)  # until the other side leaves
                return False
            else:
                if step == RESET:
                    linger = struct.pack("ii", 1, 0)
                    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                return False
        return True


@contextmanager
def upstream(script: Script) -> Iterator[Upstream]:
    """Serve a script on a free port from a thread."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    running = Upstream(listener.getsockname()[1], script)
    loop = asyncio.new_event_loop()
    stopping = asyncio.Event()

    async def main() -> None:
        server = await asyncio.start_server(running.serve, sock=listener, limit=2**26)
        await stopping.wait()
        server.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    thread = threading.Thread(target=loop.run_until_complete, args=[main()], daemon=True)
    thread.start()
    try:
        yield running
    finally:
        loop.call_soon_threadsafe(stopping.set)
        thread.join(SECONDS)
        loop.close()


def answer(body: bytes, status: str = "200 OK", kind: str = "application/json", more: str = "") -> bytes:
    """A whole HTTP answer."""
    head = f"HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n{more}\r\n"
    return head.encode() + body


def completion(text: str | None = "billing", **more: Any) -> bytes:
    """A chat completion's JSON, spaced as no serialiser of ours would, with a float and an integer to lose."""
    told = {
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1700000000, "model": "served-1",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 11, "completion_tokens": 3, "total_tokens": 14,
                  "prompt_tokens_details": {"cached_tokens": 4}},
    }  # fmt: skip
    raw = json.dumps(told | more, indent=1)
    return raw[:-1].encode() + b',"x_float": 0.10000000000000001, "x_int": 123456789012345678901234567890 }'


def chunk(delta: dict[str, Any] | None = None, finish: str | None = None, **more: Any) -> bytes:
    """One event of a chat stream."""
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
    told = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "served-1", "choices": choices}
    return b"data: " + json.dumps(told | more).encode() + b"\n\n"


USAGE = chunk(None, usage={"prompt_tokens": 11, "completion_tokens": 2, "total_tokens": 13})
DONE = b"data: [DONE]\n\n"
ROLE = chunk({"role": "assistant", "content": ""})


def events(*words: str) -> list[bytes]:
    """The events of a stream that says some words."""
    return [ROLE, *(chunk({"content": word}) for word in words), chunk({}, "stop"), USAGE, DONE]


def streamed(parts: list[bytes], *, end: bool = True) -> list[bytes]:
    """A chunked answer: its head, then a block for each part."""
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    return [head, *(b"%x\r\n%s\r\n" % (len(part), part) for part in parts), *([b"0\r\n\r\n"] if end else [])]


def says(text: str | None = "billing", **more: Any) -> Script:
    """A model that always says the same, as a stream where one is asked for."""

    def script(asked: Asked) -> Steps:
        if asked.fields.get("stream"):
            yield from streamed(events(*(text or "").split(" ")))
        else:
            yield answer(completion(text, **more))

    return script


def steps(*parts: bytes | float | str) -> Script:
    """A model that goes through the same steps for each request."""
    return lambda _asked: iter(parts)
