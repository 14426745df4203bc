"""Posts, replies and ephemerals.

Knows nothing of who may post where, nor of blocks beyond keeping them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from bot.blockkit.shape import Json, mappings, string
from bot.standin.fill import with_ids
from bot.standin.room import Room, load

KEPT = ("text", "blocks", "metadata", "files", "attachments", "subtype", "username")


@dataclass(frozen=True)
class Place:
    """Where a message stands: its channel, the thread it answers in, and its only reader if it has one."""

    channel: str
    thread_ts: str = ""
    reader: str = ""


@dataclass(frozen=True)
class Kept:
    """A message as stored, with the reader of an ephemeral."""

    body: Json
    reader: str


def post(room: Room, place: Place, author: str, content: Json) -> Json:
    """Keep a new message and tell the page; returns it as Slack shows it."""
    ts = room.next_ts()
    body: Json = {"type": "message", "user": author, "team": room.workspace.team_id, "ts": ts}
    body |= {key: content[key] for key in KEPT if content.get(key)}
    body.setdefault("text", "")
    if author == room.workspace.bot_user_id:
        body |= {"bot_id": room.workspace.bot_id, "app_id": room.workspace.app_id}
    if "blocks" in body:
        body["blocks"] = with_ids(mappings(body["blocks"]))
    if place.thread_ts:
        body["thread_ts"] = place.thread_ts
    room.db.execute(
        "INSERT INTO message (channel, ts, thread_ts, reader, body) VALUES (?, ?, ?, ?, ?)",
        (place.channel, ts, place.thread_ts, place.reader, json.dumps(body)),
    )
    _tell(room, place, ts)
    return body


def _tell(room: Room, place: Place, ts: str) -> None:
    room.tell("message", place.channel, ts, place.reader)
    if place.thread_ts:
        room.tell("message", place.channel, place.thread_ts, place.reader)


def find(room: Room, channel: str, ts: str) -> Kept | None:
    """The message of this channel and timestamp, if any."""
    row = room.row("SELECT body, reader FROM message WHERE channel = ? AND ts = ?", channel, ts)
    return Kept(load(row) or {}, row["reader"]) if row else None


def update(room: Room, channel: str, ts: str, content: Json) -> Json | None:
    """Replace a message's content, keeping its place; None when it is gone."""
    kept = find(room, channel, ts)
    if kept is None:
        return None
    body = {key: value for key, value in kept.body.items() if key not in ("text", "blocks", "attachments")}
    body |= {key: content[key] for key in KEPT if content.get(key)}
    body.setdefault("text", "")
    body["edited"] = {"user": string(kept.body.get("user")), "ts": room.next_ts()}
    if "blocks" in body:
        body["blocks"] = with_ids(mappings(body["blocks"]))
    room.db.execute("UPDATE message SET body = ? WHERE channel = ? AND ts = ?", (json.dumps(body), channel, ts))
    _tell(room, Place(channel, string(body.get("thread_ts")), kept.reader), ts)
    return body


def delete(room: Room, channel: str, ts: str) -> bool:
    """Take a message away; False when there was none."""
    kept = find(room, channel, ts)
    room.db.execute("DELETE FROM message WHERE channel = ? AND ts = ?", (channel, ts))
    if kept is not None:
        _tell(room, Place(channel, string(kept.body.get("thread_ts")), kept.reader), ts)
    return kept is not None


def roots(room: Room, channel: str, reader: str = "") -> list[Json]:
    """What a channel shows outside its threads, oldest first; ephemerals only to their reader."""
    found = room.rows(
        "SELECT body, reader FROM message WHERE channel = ? AND thread_ts IN ('', ts) AND reader IN ('', ?)"
        " ORDER BY ts",
        channel,
        reader,
    )
    return [_shown(room, channel, load(row) or {}, row["reader"]) for row in found]


def replies(room: Room, channel: str, thread_ts: str, reader: str = "") -> list[Json]:
    """A thread: its root, then the answers, oldest first."""
    found = room.rows(
        "SELECT body, reader FROM message WHERE channel = ? AND (ts = ? OR thread_ts = ?) AND reader IN ('', ?)"
        " ORDER BY ts",
        channel,
        thread_ts,
        thread_ts,
        reader,
    )
    return [_shown(room, channel, load(row) or {}, row["reader"]) for row in found]


def shown(room: Room, channel: str, ts: str, reader: str) -> Json | None:
    """One message as this person sees it, or None."""
    kept = find(room, channel, ts)
    if kept is None or kept.reader not in ("", reader):
        return None
    return _shown(room, channel, kept.body, kept.reader)


def _shown(room: Room, channel: str, body: Json, reader: str) -> Json:
    if reader:
        return {**body, "is_ephemeral": True}
    found = room.rows(
        "SELECT ts, body FROM message WHERE channel = ? AND thread_ts = ? AND ts != ? AND reader = '' ORDER BY ts",
        channel,
        body["ts"],
        body["ts"],
    )
    if not found:
        return body
    authors = list(dict.fromkeys(string((load(row) or {}).get("user")) for row in found))
    return {
        **body,
        "thread_ts": body["ts"],
        "reply_count": len(found),
        "reply_users": authors,
        "reply_users_count": len(authors),
        "latest_reply": found[-1]["ts"],
    }
