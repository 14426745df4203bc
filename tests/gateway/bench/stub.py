"""A model that costs almost nothing: ``python -m tests.gateway.bench.stub``; prints its port. A stream: 40 events."""

from __future__ import annotations

import asyncio
import sys

import uvloop

from tests.gateway.upstream import DONE, USAGE, answer, chunk, completion

PLAIN = answer(completion("billing"))
EVENTS = [chunk({"content": "word "}) for _ in range(40)] + [chunk({}, "stop"), USAGE, DONE]
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


class Stub(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.seen = b""

    def data_received(self, received: bytes) -> None:
        self.seen += received
        head, end, body = self.seen.partition(b"\r\n\r\n")
        if not end or len(body) < int(head.lower().rpartition(b"content-length:")[2].split(b"\r\n")[0]):
            return
        self.seen = b""
        if b'"stream":true' in body or b'"stream": true' in body:
            self.transport.write(HEAD)
            self._stream(0)
        else:
            self.transport.write(PLAIN)

    def _stream(self, at: int) -> None:
        if self.transport.is_closing():
            return
        self.transport.write(b"%x\r\n%s\r\n" % (len(EVENTS[at]), EVENTS[at]))
        if at + 1 < len(EVENTS):
            asyncio.get_running_loop().call_later(0.001, self._stream, at + 1)
        else:
            self.transport.write(b"0\r\n\r\n")


async def main() -> None:
    server = await asyncio.get_running_loop().create_server(Stub, "127.0.0.1", 0, backlog=4096)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main())
