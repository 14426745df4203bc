"""Methods and routes about files: an upload URL, what is known of a file, and its bytes for a bearer.

Knows nothing of where a file was shared.
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response

from bot.blockkit.shape import Json, string
from bot.standin import faults, files
from bot.standin.call import Call
from bot.standin.context import Standin
from bot.standin.files import Upload
from bot.standin.refusals import ApiRefused

LOGIN_PAGE = "<!DOCTYPE html><html><head><title>Slack</title></head><body>Sign in to Slack</body></html>"
MOST_BYTES = 1_000_000_000


def upload_url(call: Call) -> Json:
    """files.getUploadURLExternal."""
    name, length = call.needed("filename"), call.number("length", 0)
    if not 0 < length <= MOST_BYTES:
        raise ApiRefused("invalid_arguments", response_metadata={"messages": ["[ERROR] length must be positive"]})
    owner = call.room.workspace.bot_user_id
    body = files.begin(call.room, Upload(owner, name, call.base_url, alt_text=call.text("alt_txt")))
    return {"file_id": body["id"], "upload_url": f"{call.base_url}/upload/v1/{body['id']}"}


def show_file(call: Call) -> Json:
    """files.info."""
    return {"file": files.shown(call.room, call.needed("file")), "comments": [], "paging": {}}


async def receive(request: Request) -> Response:
    """The bytes of an upload, sent raw to the URL that files.getUploadURLExternal named."""
    standin: Standin = request.app.state.standin
    fault = standin.faults.take("upload")
    broken = await faults.answer(fault, request) if fault else None
    if broken is not None:
        return broken
    try:
        files.fill(standin.room, string(request.path_params["file_id"]), await request.body())
    except ApiRefused:
        return PlainTextResponse("invalid_upload_url", 404)
    return PlainTextResponse("OK")


async def download(request: Request) -> Response:
    """A file's bytes for the bot's token; anybody else gets a page to sign in at, with status 200, as Slack does."""
    standin: Standin = request.app.state.standin
    if request.headers.get("authorization", "") != f"Bearer {standin.room.workspace.bot_token}":
        return HTMLResponse(LOGIN_PAGE)
    return as_download(standin, string(request.path_params["file_id"]), inline=False)


def as_download(standin: Standin, file_id: str, *, inline: bool) -> Response:
    """A file's bytes as a response; `inline` shows a picture in place."""
    try:
        file = files.shown(standin.room, file_id)
    except ApiRefused:
        return PlainTextResponse("file_not_found", 404)
    shown = inline and files.is_picture(file)
    disposition = "inline" if shown else "attachment"
    headers = {
        "Content-Disposition": f"{disposition}; filename*=UTF-8''{quote(string(file.get('name')))}",
        "X-Content-Type-Options": "nosniff",
    }
    kind = string(file.get("mimetype")) if shown else "application/octet-stream"
    return Response(files.content(standin.room, file_id), media_type=kind, headers=headers)


METHODS: dict[str, Callable[[Call], Json]] = {
    "files.getUploadURLExternal": upload_url,
    "files.info": show_file,
}
