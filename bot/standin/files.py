"""Uploaded files: the two-step upload of the Web API, drops from the page, and the bytes.

Knows nothing of what is inside a file.
"""

from __future__ import annotations

import json
import mimetypes
from dataclasses import dataclass

from bot.blockkit.shape import Json, mapping, string
from bot.standin.refusals import ApiRefused
from bot.standin.room import Room, load

SAFE_PICTURES = ("image/png", "image/jpeg", "image/gif", "image/webp")  # shown; anything else is only offered to save


@dataclass(frozen=True)
class Upload:
    """What is known of a file before its bytes are here."""

    owner: str
    name: str
    base_url: str
    title: str = ""
    alt_text: str = ""


def begin(room: Room, upload: Upload) -> Json:
    """Make a place for a file; its bytes come later."""
    file_id = room.next_id("F")
    kind = mimetypes.guess_type(upload.name)[0] or "application/octet-stream"
    link = f"{upload.base_url}/files-pri/{room.workspace.team_id}-{file_id}"
    body: Json = {
        "id": file_id,
        "created": int(room.seconds()),
        "name": upload.name,
        "title": upload.title or upload.name,
        "alt_txt": upload.alt_text,
        "mimetype": kind,
        "filetype": upload.name.rpartition(".")[2].lower() or "binary",
        "user": upload.owner,
        "mode": "hosted",
        "is_external": False,
        "file_access": "visible",
        "size": 0,
        "url_private": f"{link}/{file_id}",
        "url_private_download": f"{link}/download/{file_id}",
        "channels": [],
    }
    room.db.execute("INSERT INTO file (id, body, content) VALUES (?, ?, x'')", (file_id, json.dumps(body)))
    return body


def fill(room: Room, file_id: str, content: bytes) -> Json:
    """Keep a file's bytes."""
    body = {**shown(room, file_id), "size": len(content)}
    room.db.execute("UPDATE file SET body = ?, content = ? WHERE id = ?", (json.dumps(body), content, file_id))
    return body


def complete(room: Room, file_id: str, *, title: str, channel: str) -> Json:
    """Say where a file was shared, and under which title."""
    before = shown(room, file_id)
    channels = [*before["channels"], channel] if channel else before["channels"]
    body = {**before, "title": title or before["title"], "channels": channels}
    room.db.execute("UPDATE file SET body = ? WHERE id = ?", (json.dumps(body), file_id))
    return body


def place(room: Room, file_id: str, channel: str, message: Json) -> None:
    """Note the message a file stands in, as `files.info` tells it."""
    body = shown(room, file_id)
    share = {name: message[name] for name in ("ts", "thread_ts") if message.get(name)}
    found = mapping(mapping(body.get("shares")).get("public"))
    found[channel] = [*found.get(channel, []), share]
    room.db.execute(
        "UPDATE file SET body = ? WHERE id = ?", (json.dumps({**body, "shares": {"public": found}}), file_id)
    )


def shown(room: Room, file_id: str) -> Json:
    """A file as `files.info` shows it; refuses `file_not_found`."""
    body = load(room.row("SELECT body FROM file WHERE id = ?", file_id))
    if body is None:
        raise ApiRefused("file_not_found")
    return body


def content(room: Room, file_id: str) -> bytes:
    """A file's bytes; empty when it is unknown."""
    row = room.row("SELECT content FROM file WHERE id = ?", file_id)
    return bytes(row["content"]) if row else b""


def is_picture(file: Json) -> bool:
    """Whether the page may show the file in place."""
    return string(file.get("mimetype")) in SAFE_PICTURES
