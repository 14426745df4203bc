# pyright: basic
"""Serve one classifier on this host: the OpenAI wire format, and a plain one. Loads the weights; meant for a child.

``python -m engine.servers.local FOLDER [PORT [PROMPT]]`` serves an artifact's folder until SIGTERM; port 0 takes a free
one. PROMPT is a file with the prompt that callers write around the input, which the candidate never saw.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import sys
import threading
import time
from collections.abc import AsyncGenerator, Generator
from pathlib import Path
from typing import Any
from uuid import uuid4

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from engine.errors import AssayError, Invalid, NotFound, Refused, Unavailable
from engine.servers import Endpoint
from engine.servers.batcher import Batcher
from engine.servers.host import SAID
from engine.settings import load_settings
from engine.teachers.prompt import input_of
from engine.train import Answerer, Host, Sharing
from engine.train.ladder import host_here, rung_of

LARGEST_BODY = 1 << 20  # bytes
MOST_TEXTS = 256  # of one request
START_SECONDS = 30.0
USAGE = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}  # nothing here is paid by the token


def loaded(folder: Path, host: Host) -> Answerer:
    """The candidate in an artifact's folder. Raises ``Invalid`` for a folder that is none."""
    try:
        candidate = json.loads((folder / "candidate.json").read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise Invalid(f"{folder.name} is no candidate: it has no candidate.json.", hint="Name its folder.") from error
    return rung_of(str(candidate["rung"])).load(folder, host)


class Wire:
    """The routes of one served candidate."""

    def __init__(self, model: str, answerer: Answerer, cores: int, prompt: str) -> None:
        self.model = model
        self._prompt = prompt
        self._batcher = Batcher(answerer, cores if isinstance(answerer, Sharing) else 1)
        self._began = int(time.time())

    @contextlib.asynccontextmanager
    async def lifespan(self, _app: Starlette) -> AsyncGenerator[None]:
        """Works batches while the server runs."""
        worker = asyncio.create_task(self._batcher.work())
        yield
        worker.cancel()

    async def healthz(self, _request: Request) -> Response:
        """200 once the weights are there."""
        return JSONResponse({"status": "ok", "model": self.model})

    async def models(self, _request: Request) -> Response:
        """The one model."""
        known = {"id": self.model, "object": "model", "created": self._began, "owned_by": "assay"}
        return JSONResponse({"object": "list", "data": [known]})

    async def classify(self, request: Request) -> Response:
        """``{"input": text or [texts]}`` to ``{"model", "results": [{"label", "score"}]}``."""
        body = await _body(request)
        asked = body.get("input")
        texts = [_text(text, "input") for text in (asked if isinstance(asked, list) else [asked])]
        if not 1 <= len(texts) <= MOST_TEXTS:
            raise Invalid(f"input holds {len(texts)} texts.", hint=f"Send 1 to {MOST_TEXTS} at once.")
        answers = await asyncio.gather(*[self._batcher.ask(text) for text in texts])
        results = [{"label": answer.text, "score": answer.confidence} for answer in answers]
        return JSONResponse({"model": self.model, "results": results})

    async def chat(self, request: Request) -> Response:
        """The last user message is the input, or holds it where the prompt has its place for it.

        The label is the content, its probability ``assay.score``.
        """
        body = await _body(request)
        self._check_model(body.get("model"))
        _check_wishes(body)
        answer = await self._batcher.ask(_question(body.get("messages"), self._prompt))
        kept = {"id": f"chatcmpl-{uuid4().hex}", "created": int(time.time()), "model": self.model}
        scored = {"assay": {"score": answer.confidence}}
        if body.get("stream") is True:
            wished = body.get("stream_options")
            wants_usage = isinstance(wished, dict) and wished.get("include_usage") is True
            said = _events(kept, scored, answer.text, wants_usage=wants_usage)
            return StreamingResponse(said, media_type="text/event-stream")
        choice = {"index": 0, "message": {"role": "assistant", "content": answer.text}, "finish_reason": "stop"}
        return JSONResponse({**kept, "object": "chat.completion", "choices": [choice], "usage": USAGE, **scored})

    def _check_model(self, asked: object) -> None:
        if asked != self.model:
            raise NotFound(f"The model {str(asked)[:80]!r} is not served here.", hint=f"Served is {self.model}.")


def build_app(model: str, answerer: Answerer, cores: int = 1, prompt: str = "") -> Starlette:
    """The ASGI application of one candidate; ``model`` is its artifact id, ``cores`` are what it may work on.

    ``prompt`` is what callers may have written around an input, "" for none.
    """
    wire = Wire(model, answerer, cores, prompt)
    routes = [
        Route("/healthz", wire.healthz),
        Route("/v1/models", wire.models),
        Route("/v1/classify", wire.classify, methods=["POST"]),
        Route("/v1/chat/completions", wire.chat, methods=["POST"]),
    ]
    handlers = {Refused: _refused, HTTPException: _plain, ClientDisconnect: _left, Exception: _broke}
    return Starlette(routes=routes, lifespan=wire.lifespan, exception_handlers=handlers)


@contextlib.contextmanager
def served(app: Starlette, model: str) -> Generator[Endpoint]:
    """Serve on a free loopback port from a thread of this process. Raises ``Unavailable`` when it does not start."""
    listening = _listening("127.0.0.1", 0)
    server = uvicorn.Server(_config(app))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    deadline = time.monotonic() + START_SECONDS
    try:
        while not server.started:
            if not thread.is_alive() or time.monotonic() > deadline:
                raise Unavailable("The local server did not start.")
            time.sleep(0.01)
        yield Endpoint(base_url=f"http://127.0.0.1:{listening.getsockname()[1]}/v1", model=model)
    finally:
        server.should_exit = True
        thread.join(START_SECONDS)
        listening.close()


def main(arguments: list[str]) -> int:
    """Serve the artifact's folder named first, on the port named second (0: a free one), on ASSAY_SERVE_HOST.

    The third is the file of the prompt that callers write around an input.
    """
    settings = load_settings()
    folder = Path(arguments[0]).resolve()
    host, port = settings.serve_host, int(arguments[1]) if len(arguments) > 1 else 0
    try:
        here = host_here(settings)
        prompt = Path(arguments[2]).read_text(encoding="utf-8") if len(arguments) > 2 else ""
        app = build_app(folder.name, loaded(folder, here), here.cores, prompt)
        listening = _listening(host, port)
    except (AssayError, OSError) as error:
        sys.stderr.write(f"{SAID}{error}\n")
        return 1
    with contextlib.closing(listening):
        sys.stderr.write(f"Serving {folder.name} on http://{host}:{listening.getsockname()[1]}/v1\n")
        uvicorn.Server(_config(app)).run(sockets=[listening])
    return 0


def _config(app: Starlette) -> uvicorn.Config:
    return uvicorn.Config(app, log_level="warning", access_log=False, lifespan="on", timeout_graceful_shutdown=2)


def _listening(host: str, port: int) -> socket.socket:
    listening = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind((host, port))
    listening.listen(128)
    return listening


async def _body(request: Request) -> dict[str, Any]:
    content = bytearray()
    async for part in request.stream():
        content += part
        if len(content) > LARGEST_BODY:
            raise HTTPException(413, "The request is larger than 1 MB. Send one text at a time.")
    try:
        body: object = json.loads(bytes(content))
    except (ValueError, RecursionError) as error:
        raise Invalid("The request is not JSON.", hint="Send a JSON object.") from error
    if not isinstance(body, dict):
        raise Invalid("The request is not a JSON object.", hint="Send a JSON object.")
    return body


def _question(messages: object, prompt: str) -> str:
    asked = messages if isinstance(messages, list) else []
    said = [message for message in asked if isinstance(message, dict) and message.get("role") == "user"]
    if not said:
        raise Invalid("messages holds no user message.", hint="Send the text as a message with the role user.")
    content = said[-1].get("content")
    if isinstance(content, list):
        content = "".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return _text(input_of(prompt, _text(content, "the user message")), "the input in the user message")


def _text(value: object, name: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise Invalid(f"{name} is not a text, or an empty one.", hint="Send the text to be classified.")
    if any("\ud800" <= sign <= "\udfff" for sign in value):
        raise Invalid(f"{name} holds half a character (a lone surrogate).", hint="Send whole UTF-8.")
    return value


def _check_wishes(body: dict[str, Any]) -> None:
    """What a candidate cannot give is refused, so that nobody takes its answer for what they asked."""
    if body.get("tools") or body.get("functions"):
        raise Invalid(
            "A candidate calls no tools.", hint="Leave tools out: assay routes --set SLUG drop=tools,tool_choice"
        )
    if body.get("n", 1) not in (1, None):
        raise Invalid("A candidate gives one answer.", hint="Leave n out.")


async def _events(
    kept: dict[str, Any], scored: dict[str, Any], content: str, *, wants_usage: bool
) -> AsyncGenerator[str]:
    for delta, finish in (({"role": "assistant", "content": content}, None), ({}, "stop")):
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        chunk = {**kept, "object": "chat.completion.chunk", "choices": [choice], **scored}
        yield f"data: {json.dumps(chunk)}\n\n"
    if wants_usage:
        yield f"data: {json.dumps({**kept, 'object': 'chat.completion.chunk', 'choices': [], 'usage': USAGE})}\n\n"
    yield "data: [DONE]\n\n"


async def _refused(_request: Request, error: Exception) -> Response:
    status = 404 if isinstance(error, NotFound) else 400
    kind = "model_not_found" if status == 404 else "invalid_request_error"
    return JSONResponse({"error": {"message": str(error), "type": kind, "code": kind}}, status_code=status)


async def _left(_request: Request, _error: Exception) -> Response:
    return Response(status_code=400)  # to nobody


async def _broke(_request: Request, error: Exception) -> Response:
    """What the candidate could not do. Foreign messages are left out: they may quote a text."""
    said = str(error) if isinstance(error, AssayError) else f"The candidate broke ({type(error).__name__})."
    return JSONResponse({"error": {"message": said, "type": "server_error", "code": None}}, status_code=500)


async def _plain(_request: Request, error: Exception) -> Response:
    """What the framework refuses by itself (no such path, another method, too large), in OpenAI's words."""
    assert isinstance(error, HTTPException)
    told = {"message": error.detail, "type": "invalid_request_error", "code": "invalid_request_error"}
    return JSONResponse({"error": told}, status_code=error.status_code, headers=error.headers)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
