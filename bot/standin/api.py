"""The Web API: who may call, what they sent, and the answer in Slack's shape.

Knows nothing of the methods themselves; those are in `methods_chat`, `methods_views`, `methods_lists`, `methods_files`.
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from bot.blockkit.shape import Json, mapping, string
from bot.standin import faults, methods_chat, methods_files, methods_lists, methods_views
from bot.standin.call import Call, loaded
from bot.standin.context import Standin
from bot.standin.refusals import ApiRefused

METHODS: dict[str, Callable[[Call], Json]] = {
    **methods_chat.METHODS,
    **methods_files.METHODS,
    **methods_lists.METHODS,
    **methods_views.METHODS,
}
KEPT_CALLS = 10_000


async def call_method(request: Request) -> Response:
    """Answer `/api/<method>`, meeting whatever fault is planned for it."""
    standin: Standin = request.app.state.standin
    method = string(request.path_params["method"])
    arguments = await _arguments(request)
    fault = standin.faults.take(method)
    if fault is not None and not fault.after:
        broken = await faults.answer(fault, request)
        if broken is not None:
            return broken
    answer = _answer(Call(standin, _token(request, arguments), arguments, base_url(request)), method)
    _remember(standin, method, arguments, answer)
    if fault is not None and fault.after:
        return await faults.answer(fault, request) or JSONResponse(answer)
    return JSONResponse(
        answer, headers={"x-oauth-scopes": standin.room.workspace.scopes, "x-accepted-oauth-scopes": ""}
    )


def base_url(request: Request) -> str:
    """The stand-in's own address, as the caller reached it."""
    return str(request.base_url).rstrip("/")


def _answer(call: Call, method: str) -> Json:
    if method not in METHODS:
        return {"ok": False, "error": "unknown_method", "req_method": method}
    try:
        call.check_token(method)
        return {"ok": True, **METHODS[method](call)}
    except ApiRefused as refused:
        return {"ok": False, "error": refused.code, **refused.more}


def _remember(standin: Standin, method: str, arguments: Json, answer: Json) -> None:
    standin.calls.append({"method": method, "arguments": arguments, "answer": answer, "at": standin.room.seconds()})
    del standin.calls[:-KEPT_CALLS]


def _token(request: Request, arguments: Json) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else string(arguments.get("token"))


async def _arguments(request: Request) -> Json:
    """JSON, a form or the query: Slack takes all three. JSON inside a form field is read where Slack reads it."""
    found: Json = dict(request.query_params)
    body = (await request.body()).decode("utf-8", "replace")
    if request.headers.get("content-type", "").startswith("application/json"):
        try:
            return found | mapping(loaded(body or "{}"))
        except ValueError:
            return found
    return found | dict(parse_qsl(body, keep_blank_values=True))
