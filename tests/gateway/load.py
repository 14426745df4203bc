"""Many callers at once in one thread: what each was answered, and what the gateway's process holds meanwhile."""

from __future__ import annotations

import asyncio
import json
import os
import resource
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from tests.gateway.running import KEY

_BODY = {"model": "m", "messages": [{"role": "user", "content": "where is my invoice"}]}


def request(number: int, *, stream: bool = False) -> bytes:
    """One call as it goes over the wire; each number is a unit of its own."""
    body = json.dumps({**_BODY, "user": f"user-{number}", **({"stream": True} if stream else {})}).encode()
    head = f"POST /f/triage/v1/chat/completions HTTP/1.1\r\nhost: gate\r\nauthorization: Bearer {KEY}\r\n"
    return f"{head}content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body


async def connect(url: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection to the gateway."""
    place = urlsplit(url)
    return await asyncio.open_connection(place.hostname, place.port)


async def answered(reader: asyncio.StreamReader) -> tuple[int, str]:
    """The status and the call's id of an answer, once its last byte is here. Raises OSError when it ends before."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        if "transfer-encoding: chunked" in head:
            await reader.readuntil(b"0\r\n\r\n")
        else:
            await reader.readexactly(int(head.partition("content-length: ")[2].split("\r\n")[0]))
    except asyncio.IncompleteReadError as error:
        raise ConnectionError("the answer was cut") from error
    return int(head.split()[1]), head.partition("x-assay-call: ")[2].split("\r\n")[0]


async def hammer(url: str, calls: list[tuple[int, str]], *, clients: int, each: int = 10**9) -> None:
    """Call from so many connections at once, ``each`` times from each or until the gateway is gone."""
    await asyncio.gather(*(_client(url, calls, number * 1_000_000, each) for number in range(clients)))


async def _client(url: str, calls: list[tuple[int, str]], first: int, each: int) -> None:
    with suppress(OSError):
        reader, writer = await connect(url)
        try:
            for number in range(first, first + each):
                writer.write(request(number))
                calls.append(await answered(reader))
        finally:
            writer.close()
            await writer.wait_closed()


def rss_kb(pid: int) -> int:
    """Kilobytes of memory a process holds."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1024


def files_of(pid: int) -> int:
    """How many files and sockets a process holds open."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def many_files() -> int:
    """Let this process and those it starts open as many files as the machine allows; how many that are."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return most
