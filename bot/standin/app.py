"""The ASGI app of the stand-in: every route, and the hidden ones that tests use.

Knows nothing of ports or of how it is served; `bot.standin.main` does that.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import cast
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket

from bot.blockkit.shape import mapping, string
from bot.standin import api, faults, methods_chat, methods_files, page, tickets, views
from bot.standin.call import loaded
from bot.standin.context import Standin, Tour
from bot.standin.delivery import PATIENCE_SECONDS, Delivery, Envelope, Kind
from bot.standin.faults import Fault, Faults
from bot.standin.refusals import ApiRefused, Unanswered
from bot.standin.room import Room
from bot.standin.socket import Sockets
from bot.standin.tickets import Triggers
from bot.standin.webhook import Webhook


def build_standin(
    room: Room, *, tour: Tour | None = None, events_url: str = "", patience: float = PATIENCE_SECONDS
) -> Starlette:
    """The small Slack around a room.

    `events_url` switches to HTTP mode: deliveries are signed with the room's signing secret and POSTed there.
    `patience` is how many seconds the app has to acknowledge. The parts are at `app.state.standin`.
    """
    sockets = Sockets(room.workspace.app_id)
    carrier = Webhook(events_url, room.workspace.signing_secret, room.clock) if events_url else sockets
    standin = Standin(room, sockets, Delivery(carrier, patience), Triggers(room), Faults(), tour or Tour())
    app = Starlette(routes=_routes(), lifespan=_lifespan)
    app.state.standin = standin
    return app


@asynccontextmanager
async def _lifespan(app: Starlette) -> AsyncGenerator[None]:
    yield
    standin: Standin = app.state.standin
    await standin.delivery.close()
    await standin.sockets.close()


def _routes() -> list[BaseRoute]:
    return [
        Route("/api/{method}", api.call_method, methods=["GET", "POST"]),
        WebSocketRoute("/link/", _socket),
        Route("/actions/{team}/{token}", _respond, methods=["POST"]),
        Route("/upload/v1/{file_id}", methods_files.receive, methods=["POST", "PUT"]),
        Route("/files-pri/{team_and_file}/{file_id}", methods_files.download),
        Route("/files-pri/{team_and_file}/download/{file_id}", methods_files.download),
        Route("/_faults", _plan_fault, methods=["POST", "DELETE"]),
        Route("/_socket", _disconnect, methods=["POST"]),
        Route("/_calls", _calls),
        Route("/_home/{person}", _home),
        Route("/_deliver", _deliver, methods=["POST"]),
        Route("/_response_url", _response_url, methods=["POST"]),
        Route("/healthz", _health),
        *page.routes(),
    ]


async def _socket(socket: WebSocket) -> None:
    standin: Standin = socket.app.state.standin
    await standin.sockets.serve(socket)


async def _respond(request: Request) -> Response:
    """An answer at a response_url; Slack says `ok` in plain text, or why not with status 404."""
    standin: Standin = request.app.state.standin
    fault = standin.faults.take("respond")
    broken = await faults.answer(fault, request) if fault else None
    if broken is not None:
        return broken
    body = (await request.body()).decode("utf-8", "replace")
    payload = parse_qs(body).get("payload", [body])[0]
    try:
        methods_chat.respond(standin.room, string(request.path_params["token"]), mapping(loaded(payload)))
    except ApiRefused as refused:
        status = 404 if refused.code in ("expired_url", "used_url") else 400
        return PlainTextResponse(refused.code, status)
    except ValueError:
        return PlainTextResponse("invalid_payload", 400)
    return PlainTextResponse("ok")


async def _plan_fault(request: Request) -> Response:
    """Plan a fault, or forget all that are planned."""
    standin: Standin = request.app.state.standin
    if request.method == "DELETE":
        standin.faults.planned.clear()
        return JSONResponse({"ok": True})
    try:
        standin.faults.planned.append(Fault.of(mapping(await request.json())))
    except ValueError as error:
        return JSONResponse({"ok": False, "error": str(error)}, 400)
    return JSONResponse({"ok": True})


async def _disconnect(request: Request) -> Response:
    """Ask the app's connections to go."""
    standin: Standin = request.app.state.standin
    try:
        await standin.sockets.disconnect(string(mapping(await request.json()).get("reason")))
    except ApiRefused as refused:
        return JSONResponse({"ok": False, "error": refused.code}, 400)
    return JSONResponse({"ok": True})


async def _deliver(request: Request) -> Response:
    """Send the app whatever a test laid out, once; the acknowledgement's payload, or 504 when none came."""
    standin: Standin = request.app.state.standin
    asked = mapping(await request.json())
    envelope = Envelope(cast("Kind", string(asked.get("kind"))), mapping(asked.get("payload")))
    try:
        return JSONResponse(await standin.delivery.carrier.carry(envelope, standin.delivery.patience))
    except Unanswered as missed:
        return JSONResponse({"ok": False, "error": missed.reason}, 504)


async def _response_url(request: Request) -> Response:
    """A fresh address to answer somebody at, for a delivery that a test lays out itself."""
    standin: Standin = request.app.state.standin
    place = mapping(await request.json())
    return JSONResponse({"url": tickets.issue_response_url(standin.room, api.base_url(request), place)})


async def _calls(request: Request) -> Response:
    """What the app called, oldest first; `?method=` narrows it."""
    standin: Standin = request.app.state.standin
    method = request.query_params.get("method")
    return JSONResponse({"calls": [call for call in standin.calls if method in (None, call["method"])]})


async def _home(request: Request) -> Response:
    """The hash of what a person's Home shows; nothing before it was published."""
    standin: Standin = request.app.state.standin
    kept = views.home(standin.room, string(request.path_params["person"]))
    return PlainTextResponse(kept.hash if kept else "")


async def _health(request: Request) -> Response:
    """Whether the stand-in answers, and how many connections the app holds."""
    standin: Standin = request.app.state.standin
    return JSONResponse({"ok": True, "connections": standin.sockets.count})
