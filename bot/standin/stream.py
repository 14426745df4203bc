"""The live wire of the page: server-sent events that a reconnecting browser picks up where it lost them.

Knows nothing of what changed beyond the journal's line; the page fetches the part anew.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from bot.blockkit.shape import string
from bot.standin.context import Standin
from bot.standin.room import Room

IDLE_SECONDS = 15.0  # a comment now and then keeps proxies from closing the wire


async def follow(request: Request) -> Response:
    """Every change this person may see after `Last-Event-ID`, or after `?after=` on the first visit."""
    standin: Standin = request.app.state.standin
    asked = request.headers.get("last-event-id") or request.query_params.get("after", "")
    after = int(asked) if asked.isdigit() else standin.room.last_change()
    lines = _lines(standin.room, string(request.path_params["user"]), after)
    return StreamingResponse(lines, media_type="text/event-stream", headers={"Cache-Control": "no-store"})


async def _lines(room: Room, reader: str, after: int) -> AsyncGenerator[str]:
    yield "retry: 1000\n\n"
    while True:
        changes = room.changes(after, reader)
        for change in changes:
            after = change.id
            told = json.dumps({"channel": change.channel, "ts": change.ts})
            yield f"id: {change.id}\nevent: {change.kind}\ndata: {told}\n\n"
        if not changes:
            yield ": still here\n\n"
            await room.wait(IDLE_SECONDS)
