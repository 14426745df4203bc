"""Methods about messages: post, update, delete, ephemeral, history, and answers at a response_url.

Knows nothing of tokens or HTTP; a refusal is `ApiRefused`.
"""

from __future__ import annotations

from collections.abc import Callable

from bot.blockkit import limits
from bot.blockkit.shape import Json, is_sequence, mapping, mappings, sequence, string
from bot.blockkit.validate import validate
from bot.standin import files, messages, people, tickets
from bot.standin.call import Call
from bot.standin.messages import Place
from bot.standin.refusals import ApiRefused, refuse_problems
from bot.standin.room import Channel, Room


def checked(content: Json) -> Json:
    """A message's content if Slack would take it: some text, not too much, and valid blocks."""
    text, blocks = string(content.get("text")), content.get("blocks")
    if not text and not blocks and not content.get("attachments"):
        raise ApiRefused("no_text")
    if len(text) > limits.MESSAGE_FALLBACK_TEXT:
        raise ApiRefused("msg_too_long")
    if blocks is not None and not is_sequence(blocks):
        raise ApiRefused("invalid_blocks_format")
    problems = validate(sequence(blocks), "message")
    refuse_problems(problems)
    _check_pictures(blocks)
    return content


def _check_pictures(blocks: object) -> None:
    """Slack fetches `image_url` itself; what is not even an address it refuses."""
    for block in mappings(blocks):
        if string(block.get("image_url")).startswith("data:"):
            raise ApiRefused("invalid_blocks", response_metadata={"messages": ["[ERROR] downloading image failed"]})


def _content(call: Call) -> Json:
    content: Json = {"text": call.text("text"), "blocks": call.json("blocks"), "attachments": call.json("attachments")}
    metadata = call.mapping("metadata")
    if metadata:
        if not metadata.get("event_type") or "event_payload" not in metadata:
            raise ApiRefused("invalid_metadata_format")
        content["metadata"] = metadata
    return checked({name: value for name, value in content.items() if value})


def post_message(call: Call) -> Json:
    """chat.postMessage."""
    where = people.destination(call.room, call.needed("channel"))
    place = Place(where.id, _thread(call, where))
    body = messages.post(call.room, place, call.room.workspace.bot_user_id, _content(call))
    return {"channel": where.id, "ts": body["ts"], "message": body}


def _thread(call: Call, where: Channel) -> str:
    thread_ts = call.text("thread_ts")
    if thread_ts and messages.find(call.room, where.id, thread_ts) is None:
        raise ApiRefused("thread_not_found")
    return thread_ts


def post_ephemeral(call: Call) -> Json:
    """chat.postEphemeral."""
    where = people.destination(call.room, call.needed("channel"))
    reader = people.person(call.room, call.needed("user"))
    if reader is None or where.dm_with not in ("", reader.id):
        raise ApiRefused("user_not_in_channel")
    place = Place(where.id, _thread(call, where), reader.id)
    body = messages.post(call.room, place, call.room.workspace.bot_user_id, _content(call))
    return {"message_ts": body["ts"]}


def _own(call: Call, channel: str, ts: str, refusal: str) -> None:
    kept = messages.find(call.room, channel, ts)
    if kept is None or kept.reader:
        raise ApiRefused("message_not_found")
    if kept.body.get("bot_id") != call.room.workspace.bot_id:
        raise ApiRefused(refusal)


def update_message(call: Call) -> Json:
    """chat.update."""
    where = people.destination(call.room, call.needed("channel"))
    ts = call.needed("ts")
    _own(call, where.id, ts, "cant_update_message")
    body = messages.update(call.room, where.id, ts, _content(call)) or {}
    return {"channel": where.id, "ts": ts, "text": string(body.get("text")), "message": body}


def delete_message(call: Call) -> Json:
    """chat.delete."""
    where = people.destination(call.room, call.needed("channel"))
    ts = call.needed("ts")
    _own(call, where.id, ts, "cant_delete_message")
    messages.delete(call.room, where.id, ts)
    return {"channel": where.id, "ts": ts}


def permalink(call: Call) -> Json:
    """chat.getPermalink."""
    where = people.destination(call.room, call.needed("channel"))
    ts = call.needed("message_ts")
    if messages.find(call.room, where.id, ts) is None:
        raise ApiRefused("message_not_found")
    return {"channel": where.id, "permalink": f"{call.base_url}/archives/{where.id}/p{ts.replace('.', '')}"}


def _page(call: Call, found: list[Json], *, newest_first: bool) -> Json:
    oldest, latest = call.text("oldest") or "0", call.text("latest") or "9" * 12
    limit, start = min(call.number("limit", 100), 999), call.number("cursor", 0)
    edge = call.flag("inclusive")
    within = [
        body
        for body in found
        if float(oldest) < float(body["ts"]) < float(latest) or (edge and body["ts"] in (oldest, latest))
    ]
    if newest_first:
        within.reverse()
    if not call.flag("include_all_metadata"):
        within = [{key: value for key, value in body.items() if key != "metadata"} for body in within]
    more = len(within) > start + limit
    return {
        "messages": within[start : start + limit],
        "has_more": more,
        "response_metadata": {"next_cursor": str(start + limit) if more else ""},
    }


def history(call: Call) -> Json:
    """conversations.history, newest first; ephemerals are in nobody's history."""
    where = people.destination(call.room, call.needed("channel"))
    return _page(call, messages.roots(call.room, where.id), newest_first=True)


def replies(call: Call) -> Json:
    """conversations.replies, oldest first."""
    where = people.destination(call.room, call.needed("channel"))
    thread_ts = call.needed("ts")
    found = messages.replies(call.room, where.id, thread_ts)
    if not found:
        raise ApiRefused("thread_not_found")
    return _page(call, found, newest_first=False)


def respond(room: Room, token: str, answer: Json) -> None:
    """An answer at a response_url: a new message, or one in place of the original, or none at all."""
    place = tickets.spend_response_url(room, token)
    channel, original = string(place.get("channel")), string(place.get("ts"))
    if answer.get("delete_original"):
        messages.delete(room, channel, original)
        return
    content = checked({name: answer[name] for name in ("text", "blocks", "attachments") if answer.get(name)})
    if answer.get("replace_original") and original and messages.update(room, channel, original, content):
        return
    reader = "" if answer.get("response_type") == "in_channel" else string(place.get("user"))
    where = Place(channel, string(answer.get("thread_ts")) or string(place.get("thread_ts")), reader)
    body = messages.post(room, where, room.workspace.bot_user_id, content)
    if not original:
        tickets.repoint_response_url(room, token, {**place, "ts": body["ts"]})


def share_file(call: Call) -> Json:
    """files.completeUploadExternal: one message with the files, where a channel is named."""
    asked = call.mappings("files")
    target = call.text("channel_id") or call.text("channels")
    where = people.destination(call.room, target) if target else None
    shared = [
        files.complete(
            call.room, string(file.get("id")), title=string(file.get("title")), channel=where.id if where else ""
        )
        for file in asked
    ]
    if where is not None:
        content = {"text": call.text("initial_comment"), "files": shared, "blocks": call.json("blocks")}
        author = call.room.workspace.bot_user_id
        body = messages.post(call.room, Place(where.id, _thread(call, where)), author, content)
        for file in shared:
            files.place(call.room, string(file.get("id")), where.id, body)
    return {"files": [mapping(file) for file in shared]}


METHODS: dict[str, Callable[[Call], Json]] = {
    "chat.delete": delete_message,
    "chat.getPermalink": permalink,
    "chat.postEphemeral": post_ephemeral,
    "chat.postMessage": post_message,
    "chat.update": update_message,
    "conversations.history": history,
    "conversations.replies": replies,
    "files.completeUploadExternal": share_file,
}
