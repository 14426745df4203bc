"""Faults on request, for tests: 429, 5xx with HTML, a connection reset before or after the effect, slowness.

Knows nothing of what the methods do.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Literal, cast

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from bot.blockkit.shape import Json, string

Kind = Literal["429", "500", "reset", "slow", "error"]
KINDS: tuple[str, ...] = ("429", "500", "reset", "slow", "error")
BROKEN_PAGE = "<!DOCTYPE html><html><body><h1>503 Service Unavailable</h1></body></html>"


@dataclass
class Fault:
    """What the next `times` calls of a method meet; `after` lets the effect take place first."""

    method: str
    kind: Kind
    times: int = 1
    retry_after: str = "1"
    after: bool = False
    seconds: float = 2.0
    error: str = "internal_error"

    @classmethod
    def of(cls, asked: Json) -> Fault:
        """Read a request for a fault; an unknown kind is a ValueError."""
        kind = string(asked.get("kind"))
        if kind not in KINDS:
            raise ValueError(f"unknown kind of fault: {kind}")
        return cls(
            method=string(asked.get("method")) or "*",
            kind=cast("Kind", kind),
            times=int(asked.get("times") or 1),
            retry_after=str(asked.get("retry_after", "1")),
            after=bool(asked.get("after")),
            seconds=float(asked.get("seconds") or 2.0),
            error=string(asked.get("error")) or "internal_error",
        )


class Faults:
    """The faults still to come, oldest first."""

    def __init__(self) -> None:
        self.planned: list[Fault] = []

    def take(self, method: str) -> Fault | None:
        """The fault this call meets, if one is planned for its method or for all."""
        for fault in self.planned:
            if fault.method in (method, "*"):
                fault.times -= 1
                if fault.times <= 0:
                    self.planned.remove(fault)
                return fault
        return None


async def answer(fault: Fault, request: Request) -> Response | None:
    """What the caller gets instead of an answer; None when the call goes on (slowly)."""
    match fault.kind:
        case "429":
            headers = {"Retry-After": fault.retry_after} if fault.retry_after else {}
            return JSONResponse({"ok": False, "error": "ratelimited"}, 429, headers)
        case "500":
            return HTMLResponse(BROKEN_PAGE, 503)
        case "error":
            return JSONResponse({"ok": False, "error": fault.error})
        case "slow":
            await asyncio.sleep(fault.seconds)
            return None
        case "reset":
            return await reset(request)


async def reset(request: Request) -> Response:
    """Cut the TCP connection without an answer, as a dying load balancer does."""
    abort = getattr(getattr(request.state, "transport", None), "abort", None)  # uvloop's is no asyncio.Transport
    if callable(abort):
        abort()
        while (await request.receive())["type"] != "http.disconnect":
            pass
    return Response(status_code=500)
