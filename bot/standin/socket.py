"""Socket Mode: hello, envelopes out, acknowledgements in, disconnect on request.

Knows nothing of what envelopes hold; tickets for the WebSocket are single use.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from contextlib import suppress

from starlette.websockets import WebSocket, WebSocketDisconnect

from bot.blockkit.shape import Json, mapping, string
from bot.standin.delivery import Envelope
from bot.standin.refusals import ApiRefused, Unanswered

REASONS = ("refresh_requested", "warning", "link_disabled")


class Sockets:
    """The app's open connections; envelopes go to the newest, as Slack goes to any one of them."""

    def __init__(self, app_id: str) -> None:
        self._app_id = app_id
        self._tickets: set[str] = set()
        self._open: list[WebSocket] = []
        self._waiting: dict[str, asyncio.Future[Json]] = {}
        self._arrived = asyncio.Event()
        self.is_disabled = False

    @property
    def count(self) -> int:
        """How many connections take envelopes."""
        return len(self._open)

    def ticket(self) -> str:
        """A secret that lets one WebSocket in."""
        if self.is_disabled:
            raise ApiRefused("link_disabled")
        ticket = secrets.token_urlsafe(16)
        self._tickets.add(ticket)
        return ticket

    async def serve(self, socket: WebSocket) -> None:
        """One connection, from its hello to its end."""
        ticket = socket.query_params.get("ticket", "")
        if ticket not in self._tickets:
            await socket.close(code=4401)
            return
        self._tickets.discard(ticket)
        await socket.accept()
        await socket.send_json(
            {
                "type": "hello",
                "num_connections": self.count + 1,
                "debug_info": {"host": "standin", "approximate_connection_time": 18060},
                "connection_info": {"app_id": self._app_id},
            }
        )
        self._open.append(socket)
        self._arrived.set()
        with suppress(WebSocketDisconnect, ValueError):
            while True:
                self._acknowledged(mapping(json.loads(await socket.receive_text())))
        self._retire(socket)

    def _retire(self, socket: WebSocket) -> None:
        if socket in self._open:
            self._open.remove(socket)
        if not self._open:
            self._arrived.clear()

    def _acknowledged(self, message: Json) -> None:
        waiting = self._waiting.pop(string(message.get("envelope_id")), None)
        if waiting is not None and not waiting.done():
            waiting.set_result(mapping(message.get("payload")))

    async def carry(self, envelope: Envelope, patience: float) -> Json:
        """Send one envelope and wait; an acknowledgement of an earlier try counts."""
        waiting = self._waiting.setdefault(envelope.id, asyncio.get_running_loop().create_future())
        try:
            async with asyncio.timeout(patience):
                await self._send(envelope)
                return await asyncio.shield(waiting)
        except TimeoutError:
            raise Unanswered("timeout" if self._open else "no_connection") from None

    async def _send(self, envelope: Envelope) -> None:
        await self._arrived.wait()
        message: Json = {
            "type": envelope.kind,
            "envelope_id": envelope.id,
            "payload": envelope.payload,
            "accepts_response_payload": envelope.kind != "events_api",
        }
        if envelope.attempt:
            message |= {"retry_attempt": envelope.attempt, "retry_reason": envelope.reason}
        newest = self._open[-1]
        try:
            await newest.send_json(message)
        except (RuntimeError, WebSocketDisconnect):  # the other side went away in this very moment
            self._retire(newest)

    async def disconnect(self, reason: str) -> None:
        """Ask every connection to go; it gets no envelope from now on. `link_disabled` lets none come back."""
        if reason not in REASONS:
            raise ApiRefused("unknown_reason")
        self.is_disabled = reason == "link_disabled"
        for socket in list(self._open):
            self._retire(socket)
            await socket.send_json({"type": "disconnect", "reason": reason, "debug_info": {"host": "standin"}})

    async def close(self) -> None:
        """End every connection, as a server going down does."""
        for socket in list(self._open):
            self._retire(socket)
            with suppress(RuntimeError, WebSocketDisconnect):
                await socket.close(code=1001)
