"""The bot's web server: Slack's deliveries over HTTP, health, metrics and report pages.

Our own adapter, because Bolt's runs its dispatch on the event loop (docs/decisions/0004-sync-bolt.md): the body is read
up to a megabyte, the headers are checked, and Bolt runs in a thread.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import anyio
from slack_bolt import App, BoltRequest, BoltResponse
from slack_bolt.error import BoltError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from bot.metrics import ACK_SECONDS, REQUESTS, exposition
from engine.errors import NotFound, Unavailable

log = logging.getLogger(__name__)

BODY_BYTES = 1024 * 1024
THREADS = 64
STAMP_DIGITS = 12  # seconds until the year 33658; Python refuses to read thousands of digits
_NO_RETRY = {"X-Slack-No-Retry": "1"}
_PAGE_HEADERS = {  # an address is what opens a page: no cache, search engine or linked site is told of it
    "Cache-Control": "private, no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex, nofollow",
}

Ready = Callable[[], list[str]]  # why the bot is not ready; empty when it is


@dataclass(frozen=True)
class Pages:
    """The pages, as HTML: a run's report, a feature's readiness, a month's digest, each by name and signature.

    They raise ``NotFound``. ``policy`` is their Content-Security-Policy.
    """

    report: Callable[[str, str], str]
    reading: Callable[[str, str], str]
    digest: Callable[[str, str], str]
    policy: str


def web(app: App, *, ready: Ready, pages: Pages) -> Starlette:
    """The web application around Bolt's."""

    async def deliver(request: Request) -> Response:
        return await _deliver(app, request)

    async def health(_request: Request) -> Response:
        return PlainTextResponse("ok")

    async def readiness(_request: Request) -> Response:
        why = await run_in_threadpool(_why_not, ready)
        return JSONResponse({"ready": not why, "why": why}, status_code=503 if why else 200)

    async def metrics(_request: Request) -> Response:
        return Response(exposition(), media_type="text/plain; version=0.0.4")

    async def report(request: Request) -> Response:
        return await run_in_threadpool(_page, pages.report, request, pages.policy)

    async def reading(request: Request) -> Response:
        return await run_in_threadpool(_page, pages.reading, request, pages.policy)

    async def digest(request: Request) -> Response:
        return await run_in_threadpool(_page, pages.digest, request, pages.policy)

    return Starlette(
        routes=[
            Route("/slack/events", deliver, methods=["POST"]),
            Route("/healthz", health),
            Route("/readyz", readiness),
            Route("/metrics", metrics),
            Route("/reports/{run_id}/{signature}", report),
            Route("/readings/{slug}/{signature}", reading),
            Route("/digests/{period}/{signature}", digest),
        ]
    )


def _why_not(ready: Ready) -> list[str]:
    try:
        return ready()
    except Unavailable as error:
        return [str(error)]


def _page(made: Callable[..., str], request: Request, policy: str) -> Response:
    try:
        found = made(*map(str, request.path_params.values()))
    except NotFound as error:
        return PlainTextResponse(str(error), status_code=404)
    except Unavailable as error:
        return PlainTextResponse(str(error), status_code=503)
    return HTMLResponse(found, headers={**_PAGE_HEADERS, "Content-Security-Policy": policy})


async def _deliver(app: App, request: Request) -> Response:
    started = time.monotonic()
    body = await _body(request)
    if body is None:
        REQUESTS.labels(kind="http", outcome="too_large").inc()
        return PlainTextResponse("At most 1 MB.", status_code=413, headers=_NO_RETRY)
    if not _well_formed(request):
        REQUESTS.labels(kind="http", outcome="unsigned").inc()
        return PlainTextResponse("Not signed by Slack.", status_code=401, headers=_NO_RETRY)
    _widen()
    try:
        answer = await run_in_threadpool(_dispatch, app, request, body)
    except (BoltError, ValueError, TypeError, KeyError, AttributeError, IndexError, RecursionError) as error:
        log.warning("slack.garbage", exc_info=error)
        return PlainTextResponse("Not understood.", status_code=400)
    ACK_SECONDS.observe(time.monotonic() - started)
    headers = {name: values[0] for name, values in answer.headers.items() if name.lower() != "content-length"}
    extra = _NO_RETRY if answer.status == 401 else {}
    return Response(answer.body, status_code=answer.status, headers={**headers, **extra})


def _dispatch(app: App, request: Request, body: bytes) -> BoltResponse:
    headers: dict[str, str | Sequence[str]] = {name: [value] for name, value in request.headers.items()}
    text = body.decode("utf-8", "replace")
    return app.dispatch(BoltRequest(body=text, query=str(request.url.query), headers=headers))


async def _body(request: Request) -> bytes | None:
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > BODY_BYTES:
            return None
    return bytes(content)


def _well_formed(request: Request) -> bool:
    """Bolt raises on headers like these instead of refusing them (docs/decisions/0004-sync-bolt.md)."""
    stamp = request.headers.get("x-slack-request-timestamp", "")
    signature = request.headers.get("x-slack-signature", "")
    is_moment = stamp.isascii() and stamp.isdigit() and len(stamp) <= STAMP_DIGITS
    return is_moment and bool(signature) and signature.isascii()


def _widen() -> None:
    limiter = anyio.to_thread.current_default_thread_limiter()
    if limiter.total_tokens < THREADS:
        limiter.total_tokens = THREADS
