"""Serve an ASGI app on a free loopback port from a thread, and an app that answers as a script says."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

START_SECONDS = 60.0
STOP_SECONDS = 5.0

# What a script says to a request body: the whole response.
Script = Callable[[dict[str, Any]], Response]


@contextmanager
def serving(app: ASGIApp) -> Generator[str]:
    """The base URL (``http://127.0.0.1:PORT``) of an app that is served until the block ends."""
    ready = threading.Event()
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="critical", ws="none", lifespan="off")
    server = _Server(config, ready)
    thread = threading.Thread(target=server.run, name="scripted-server", daemon=True)
    thread.start()
    assert ready.wait(START_SECONDS), "the server did not start"
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.should_exit = server.force_exit = True
        thread.join(STOP_SECONDS)


def scripted_app(script: Script) -> Starlette:
    """An OpenAI-compatible endpoint that answers any model as ``script`` says."""

    async def complete(request: Request) -> Response:
        return script(await request.json())

    return Starlette(routes=[Route("/v1/chat/completions", complete, methods=["POST"])])


def completion(model: str, text: str | None, *, finish: str = "stop", **message: object) -> JSONResponse:
    """A chat completion of 20 tokens in and 2 out; ``message`` adds to the message (``refusal=…``)."""
    said = {"role": "assistant", "content": text, **message}
    return JSONResponse(
        {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 0,
            "model": model,
            "choices": [{"index": 0, "message": said, "finish_reason": finish}],
            "usage": {"prompt_tokens": 20, "completion_tokens": 2, "total_tokens": 22},
        }
    )


def refusal(status: int, *, code: str = "", retry_after: str = "") -> JSONResponse:
    """An error as OpenAI words it; its message holds a canary that must never be shown."""
    headers = {"retry-after": retry_after} if retry_after else {}
    body = {"error": {"message": "CANARY sk-canary-0000000000", "type": "error", "code": code or None}}
    return JSONResponse(body, status, headers=headers)


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, ready: threading.Event) -> None:
        super().__init__(config)
        self._ready = ready
        self.port = 0

    async def startup(self, sockets: Any = None) -> None:  # noqa: ANN401 (uvicorn's signature)
        await super().startup(sockets)
        self.port = self.servers[0].sockets[0].getsockname()[1]
        self._ready.set()
