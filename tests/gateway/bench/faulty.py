"""A tuned side that fails in every way in turn: ``python -m tests.gateway.bench.faulty``; prints its port."""

from __future__ import annotations

import asyncio
import sys
from itertools import count, cycle

import uvloop

from tests.gateway.bench.stub import HEAD, Stub

OK = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
FAULTS = (
    b"",  # closed without a byte
    b"HTTP/1.1 500 Broken\r\ncontent-length: 2\r\n\r\n{}",
    b"HTTP/1.1 429 Slow down\r\nretry-after: 1\r\ncontent-length: 2\r\n\r\n{}",
    b"no HTTP at all\r\n\r\n",
    OK + b"content-length: 100\r\n\r\n{",  # lies about its length
    OK + b"content-length: 9\r\n\r\n{broken!}",
    OK + b"transfer-encoding: chunked\r\n\r\nzz\r\n",
    HEAD + b'11\r\ndata: {"error": 1}\r\n',
    OK + b'content-length: 14\r\n\r\n{"choices": []}',
    None,  # a good answer
)
_turns = cycle(range(len(FAULTS)))
_asked = count(1)
STALLS_EACH = 997  # so manieth call hangs until the gateway has enough


class Faulty(Stub):
    def data_received(self, received: bytes) -> None:
        if not self.seen and b"\r\n\r\n" not in received:
            self.seen += received
            return
        fault = FAULTS[next(_turns)]
        if next(_asked) % STALLS_EACH == 0:
            return
        if fault is None:
            super().data_received(received)
            return
        self.seen = b""
        self.transport.write(fault)
        self.transport.close()


async def main() -> None:
    server = await asyncio.get_running_loop().create_server(Faulty, "127.0.0.1", 0, backlog=4096)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main())
