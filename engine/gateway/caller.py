"""The caller's end of a call: what is sent back, and how a refusal looks to an OpenAI SDK. Nothing is decided here."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

import orjson

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

_JSON = (b"content-type", b"application/json")
# The upstream's connection is not the caller's; cookies of an upstream belong to the gateway that talks to it.
_HOP = frozenset(
    {
        *(b"connection", b"content-length", b"date", b"keep-alive", b"proxy-authenticate", b"server", b"set-cookie"),
        *(b"te", b"trailer", b"transfer-encoding", b"upgrade"),
    }
)


class Refusal(Exception):
    """A call we do not serve, as the caller's SDK shows it: a status, a code of docs/gateway.md, and a sentence."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.is_of_flags = False  # clients of OFREP read other members

    @property
    def body(self) -> bytes:
        """OpenAI's error shape."""
        told = {"message": self.message, "type": "assay_error", "code": self.code, "param": None}
        more = {"errorCode": "GENERAL", "errorDetails": self.message} if self.is_of_flags else {}
        return orjson.dumps({"error": told, **more})


class Caller:
    """Sends one answer. ``added`` are headers of ours that every answer to this call carries."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.added: Headers = []
        self.has_started = False

    async def start(self, status: int, headers: Iterable[tuple[bytes, bytes]], length: int | None = None) -> None:
        """Send the head: an upstream's headers without what is its connection's own, and ours."""
        kept = [one for one in headers if one[0] not in _HOP and one[0][:8] != b"x-assay-"]
        kept += self.added
        if length is not None:
            kept.append((b"content-length", b"%d" % length))
        self.has_started = True
        await self._send({"type": "http.response.start", "status": status, "headers": kept})

    async def send(self, block: bytes, *, more: bool) -> None:
        """Send a part of the body; waits while the caller reads too slowly."""
        await self._send({"type": "http.response.body", "body": block, "more_body": more})

    async def answer(self, status: int, body: bytes, headers: Iterable[tuple[bytes, bytes]] = (_JSON,)) -> None:
        """Send a whole answer."""
        await self.start(status, headers, len(body))
        await self.send(body, more=False)

    async def refuse(self, refusal: Refusal) -> None:
        """Send a refusal of ours."""
        headers = [_JSON, (b"retry-after", b"1")] if refusal.status == 503 else [_JSON]
        await self.answer(refusal.status, refusal.body, headers)
