"""The bot's web server: Slack's deliveries over HTTP, health, metrics and report pages.

Our own adapter, because Bolt's runs its dispatch on the event loop (docs/decisions/0004-sync-bolt.md): the body is read
up to a megabyte, the headers are checked, and Bolt runs in a thread.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import anyio
from slack_bolt import App, BoltRequest, BoltResponse
from slack_bolt.adapter.starlette.handler import to_starlette_response
from slack_bolt.error import BoltError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from bot.manifest import INSTALL_PATH, REDIRECT_PATH
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


class Install(Protocol):
    """The two steps of an installation, as a browser takes them."""

    def begin(self, request: BoltRequest) -> BoltResponse:
        """Off to Slack."""
        ...

    def finish(self, request: BoltRequest) -> BoltResponse:
        """Back from there."""
        ...


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
    return Starlette(routes=[*_deliveries(app, ready), *_pages("", lambda _team: pages)])


def web_of_several(app: App, *, ready: Ready, pages: Callable[[str], Pages], install: Install) -> Starlette:
    """The same for several workspaces: pages by the workspace's id, and the two addresses it is installed at."""

    async def begin(request: Request) -> Response:
        return await run_in_threadpool(_installing, install.begin, request)

    async def finish(request: Request) -> Response:
        return await run_in_threadpool(_installing, install.finish, request)

    installing = [Route(INSTALL_PATH, begin), Route(REDIRECT_PATH, finish)]
    return Starlette(routes=[*_deliveries(app, ready), *installing, *_pages("/w/{team}", pages)])


def _deliveries(app: App, ready: Ready) -> list[Route]:
    async def deliver(request: Request) -> Response:
        return await _deliver(app, request)

    async def health(_request: Request) -> Response:
        return PlainTextResponse("ok")

    async def readiness(_request: Request) -> Response:
        why = await run_in_threadpool(_why_not, ready)
        return JSONResponse({"ready": not why, "why": why}, status_code=503 if why else 200)

    async def metrics(_request: Request) -> Response:
        return Response(exposition(), media_type="text/plain; version=0.0.4")

    return [
        Route("/slack/events", deliver, methods=["POST"]),
        Route("/healthz", health),
        Route("/readyz", readiness),
        Route("/metrics", metrics),
    ]


def _pages(under: str, pages: Callable[[str], Pages]) -> list[Route]:
    async def report(request: Request) -> Response:
        return await run_in_threadpool(_page, pages, lambda found: found.report, request)

    async def reading(request: Request) -> Response:
        return await run_in_threadpool(_page, pages, lambda found: found.reading, request)

    async def digest(request: Request) -> Response:
        return await run_in_threadpool(_page, pages, lambda found: found.digest, request)

    return [
        Route(f"{under}/reports/{{run_id}}/{{signature}}", report),
        Route(f"{under}/readings/{{slug}}/{{signature}}", reading),
        Route(f"{under}/digests/{{period}}/{{signature}}", digest),
    ]


def _installing(step: Callable[[BoltRequest], BoltResponse], request: Request) -> Response:
    headers: dict[str, str | Sequence[str]] = {name: [value] for name, value in request.headers.items()}
    try:
        answer = step(BoltRequest(body="", query=str(request.url.query), headers=headers))
    except Unavailable as error:
        return PlainTextResponse(str(error), status_code=503)
    made = to_starlette_response(answer)
    made.headers.update(_PAGE_HEADERS)
    return made


def _why_not(ready: Ready) -> list[str]:
    try:
        return ready()
    except Unavailable as error:
        return [str(error)]


def _page(pages: Callable[[str], Pages], shelf: Callable[[Pages], Callable[..., str]], request: Request) -> Response:
    named = {name: str(value) for name, value in request.path_params.items()}
    try:
        site = pages(named.pop("team", ""))
        found = shelf(site)(*named.values())
    except NotFound as error:
        return PlainTextResponse(str(error), status_code=404)
    except Unavailable as error:
        return PlainTextResponse(str(error), status_code=503)
    return HTMLResponse(found, headers={**_PAGE_HEADERS, "Content-Security-Policy": site.policy})


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
