"""The page in the browser: whole pages, the parts a live page fetches again, and what a person's deeds are posted to.

Knows nothing of Block Kit; `render` draws, `deeds` and `forms` act.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from urllib.parse import parse_qs, quote, urlsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from bot.blockkit.shape import Json, string
from bot.manifest import SHORTCUTS
from bot.standin import deeds, forms, messages, people, views
from bot.standin.context import Standin
from bot.standin.deeds import Hand
from bot.standin.methods_files import as_download
from bot.standin.notices import notice
from bot.standin.refusals import ApiRefused
from bot.standin.render import Renderer
from bot.standin.room import Channel
from bot.standin.stream import follow

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none';"
    " frame-ancestors 'none'; img-src 'self' http://127.0.0.1:* http://localhost:*"
)
HEADERS = {"Content-Security-Policy": POLICY, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin"}
Deed = Callable[[Hand, dict[str, list[str]], Request], Awaitable[Json]]


def routes() -> list[BaseRoute]:
    """The page's routes; `as/U1` in each says who is looking."""
    return [
        Route("/", _front),
        Route("/archives/{channel}/{stamp}", _permalink),
        Route("/as/{user}/c/{channel}", _channel),
        Route("/as/{user}/home", _home),
        Route("/as/{user}/events", follow),
        Route("/as/{user}/file/{file_id}", _file),
        Route("/as/{user}/part/modal", _part_modal),
        Route("/as/{user}/part/home", _part_home),
        Route("/as/{user}/part/message/{channel}/{ts}", _part_message),
        Route("/as/{user}/say", _posted(_say), methods=["POST"]),
        Route("/as/{user}/press", _posted(_press), methods=["POST"]),
        Route("/as/{user}/shortcut", _posted(_pick), methods=["POST"]),
        Route("/as/{user}/tour", _posted(_tour_done), methods=["POST"]),
        Route("/as/{user}/upload", _upload, methods=["POST"]),
        Route("/as/{user}/view/{view}/press", _posted(_press_view), methods=["POST"]),
        Route("/as/{user}/view/{view}/submit", _posted(_submit_view), methods=["POST"]),
        Route("/as/{user}/view/{view}/close", _posted(_close_view), methods=["POST"]),
        Mount("/static", StaticFiles(packages=[("templates", "standin")])),
    ]


def _standin(request: Request) -> Standin:
    return request.app.state.standin


def _hand(request: Request) -> Hand | None:
    standin = _standin(request)
    found = people.person(standin.room, string(request.path_params["user"]))
    return Hand(standin, found, str(request.base_url).rstrip("/")) if found and not found.is_bot else None


def _html(body: str, status: int = 200) -> Response:
    return HTMLResponse(body, status, HEADERS)


async def _front(request: Request) -> Response:
    room = _standin(request).room
    humans, channels = people.humans(room), [found for found in people.channels(room) if not found.dm_with]
    if not humans or not channels:
        return PlainTextResponse(notice("empty_room"), 503)
    return RedirectResponse(f"/as/{humans[0].id}/c/{channels[0].id}", 303)


async def _permalink(request: Request) -> Response:
    first = people.humans(_standin(request).room)[0]
    stamp = string(request.path_params["stamp"]).removeprefix("p")
    return RedirectResponse(
        f"/as/{first.id}/c/{quote(string(request.path_params['channel']))}#m-{quote(f'{stamp[:-6]}.{stamp[-6:]}')}", 303
    )


def _frame(hand: Hand, **facts: object) -> Response:
    room = hand.room
    modal = views.top(room, hand.person.id)
    toured = room.remembered("toured", "")
    body = Renderer(hand.standin).html(
        "page.html.j2",
        me=hand.person,
        humans=people.humans(room),
        channels=[found for found in people.visible(room, hand.person.id) if not found.dm_with],
        dm=people.dm_of(room, hand.person.id),
        last_change=room.last_change(),
        modal=modal and views.view_json(room, modal),
        depth=modal.depth if modal else 0,
        verbs=hand.standin.tour.verbs,
        shortcuts=[one for one in SHORTCUTS if one[1] == "global"],
        hints=() if toured else hand.standin.tour.hints,
        **facts,
    )
    return _html(body)


async def _channel(request: Request) -> Response:
    hand = _hand(request)
    where = _visible(hand, string(request.path_params["channel"])) if hand else None
    if hand is None or where is None:
        return PlainTextResponse(notice("unknown_person"), 404)
    thread = request.query_params.get("thread", "")
    return _frame(
        hand,
        where=where,
        home=None,
        thread=thread,
        posts=messages.roots(hand.room, where.id, hand.person.id),
        replies=messages.replies(hand.room, where.id, thread, hand.person.id) if thread else [],
    )


def _visible(hand: Hand, channel_id: str) -> Channel | None:
    return next((found for found in people.visible(hand.room, hand.person.id) if found.id == channel_id), None)


async def _home(request: Request) -> Response:
    hand = _hand(request)
    if hand is None:
        return PlainTextResponse(notice("unknown_person"), 404)
    forms.open_home(hand)
    kept = views.home(hand.room, hand.person.id)
    return _frame(
        hand, where=None, home=views.view_json(hand.room, kept) if kept else {}, thread="", posts=[], replies=[]
    )


async def _part_home(request: Request) -> Response:
    hand = _hand(request)
    kept = views.home(hand.room, hand.person.id) if hand else None
    if hand is None or kept is None:
        return PlainTextResponse("", 404)
    return _html(Renderer(hand.standin).html("home.html.j2", home=views.view_json(hand.room, kept), me=hand.person))


async def _part_modal(request: Request) -> Response:
    hand = _hand(request)
    kept = views.top(hand.room, hand.person.id) if hand else None
    if hand is None or kept is None:
        return _html("")
    view = views.view_json(hand.room, kept)
    facts: Json = {"me": hand.person, "humans": people.humans(hand.room), "channels": _pickable(hand)}
    return _html(Renderer(hand.standin).html("modal.html.j2", modal=view, depth=kept.depth, **facts))


def _pickable(hand: Hand) -> list[Channel]:
    return [found for found in people.visible(hand.room, hand.person.id) if not found.dm_with]


async def _part_message(request: Request) -> Response:
    hand = _hand(request)
    where = _visible(hand, string(request.path_params["channel"])) if hand else None
    if hand is None or where is None:
        return PlainTextResponse("", 404)
    post = messages.shown(hand.room, where.id, string(request.path_params["ts"]), hand.person.id)
    if post is None:  # deleted, or not for this person: nothing to draw is no error
        return _html("")
    facts: Json = {"me": hand.person, "humans": people.humans(hand.room), "channels": _pickable(hand)}
    return _html(Renderer(hand.standin).html("message.html.j2", post=post, where=where, **facts))


async def _file(request: Request) -> Response:
    return as_download(_standin(request), string(request.path_params["file_id"]), inline=True)


def _is_ours(request: Request) -> bool:
    """Another site in the same browser must not act here: its Origin is not this address."""
    origin = request.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == request.headers.get("host")


def _posted(deed: Deed) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        hand = _hand(request)
        if hand is None or not _is_ours(request):
            return JSONResponse({"error": notice("unknown_person")}, 403)
        fields = parse_qs((await request.body()).decode("utf-8", "replace"), keep_blank_values=True)
        try:
            return JSONResponse(await deed(hand, fields, request), headers=HEADERS)
        except ApiRefused as refused:
            return JSONResponse({"error": refused.code}, 400, HEADERS)

    return answer


def _one(fields: dict[str, list[str]], name: str) -> str:
    return fields.get(name, [""])[0]


async def _say(hand: Hand, fields: dict[str, list[str]], _: Request) -> Json:
    place = deeds.checked_place(hand, _one(fields, "channel"), _one(fields, "thread_ts"))
    file_ids = [file_id for file_id in fields.get("file", []) if file_id]
    if file_ids:
        deeds.share(hand, place, _one(fields, "text"), file_ids)
    else:
        await deeds.say(hand, place, _one(fields, "text"))
    return {}


def _told(sentence: str) -> Json:
    return {"error": sentence} if sentence else {}


async def _press(hand: Hand, fields: dict[str, list[str]], _: Request) -> Json:
    where = people.channel(hand.room, deeds.checked_place(hand, _one(fields, "channel"), "").channel)
    assert where is not None
    return _told(await deeds.press(hand, where, _one(fields, "ts"), _one(fields, "pressed"), fields=fields))


async def _pick(hand: Hand, fields: dict[str, list[str]], _: Request) -> Json:
    where = people.channel(hand.room, deeds.checked_place(hand, _one(fields, "channel"), "").channel)
    assert where is not None
    return _told(await deeds.pick(hand, where, _one(fields, "pressed"), _one(fields, "ts")))


async def _press_view(hand: Hand, fields: dict[str, list[str]], request: Request) -> Json:
    return _told(await forms.press(hand, string(request.path_params["view"]), _one(fields, "pressed"), fields))


async def _submit_view(hand: Hand, fields: dict[str, list[str]], request: Request) -> Json:
    return await forms.submit(hand, string(request.path_params["view"]), fields)


async def _close_view(hand: Hand, fields: dict[str, list[str]], request: Request) -> Json:
    await forms.close(hand, string(request.path_params["view"]), whole_stack=_one(fields, "all") == "1")
    return {}


async def _tour_done(hand: Hand, _: dict[str, list[str]], __: Request) -> Json:
    hand.room.remember("toured", "1")
    return {}


async def _upload(request: Request) -> Response:
    hand = _hand(request)
    if hand is None or not _is_ours(request):
        return JSONResponse({"error": notice("unknown_person")}, 403)
    file = deeds.keep_upload(hand, request.query_params.get("name", "") or "file", await request.body())
    field = request.query_params.get("field", "") or "file"
    chip = Renderer(hand.standin).html("chip.html.j2", file=file, field=field)
    return JSONResponse({"id": file["id"], "html": chip}, headers=HEADERS)
