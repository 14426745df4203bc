"""Modals, stacked at most three deep, and each person's Home.

Knows nothing of fields or of who pressed what; it keeps views and their hashes.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
from dataclasses import dataclass, replace

from bot.blockkit import limits
from bot.blockkit.shape import Json, mappings, string
from bot.standin.fill import with_ids
from bot.standin.refusals import ApiRefused
from bot.standin.room import Room, load


@dataclass(frozen=True)
class Kept:
    """A view as stored: whose it is, the stack it belongs to and its height in it."""

    id: str
    reader: str
    kind: str
    root: str
    depth: int
    body: Json
    hash: str = ""
    is_open: bool = True


def _kept(row: sqlite3.Row | None) -> Kept | None:
    if row is None:
        return None
    found: Json = {name: row[name] for name in row.keys()}  # noqa: SIM118 - a Row iterates over its values
    found["is_open"] = bool(found["is_open"])
    found["body"] = json.loads(found["body"])
    return Kept(**found)


def find(room: Room, view_id: str) -> Kept | None:
    """The view of this id, open or closed."""
    return _kept(room.row("SELECT * FROM view WHERE id = ?", view_id))


def by_external_id(room: Room, external_id: str) -> Kept | None:
    """The open view an app named itself."""
    for row in room.rows("SELECT * FROM view WHERE is_open = 1"):
        kept = _kept(row)
        if kept is not None and external_id and kept.body.get("external_id") == external_id:
            return kept
    return None


def top(room: Room, reader: str) -> Kept | None:
    """The modal this person sees, if one is open."""
    return _kept(
        room.row("SELECT * FROM view WHERE reader = ? AND kind = 'modal' AND is_open = 1 ORDER BY depth DESC", reader)
    )


def home(room: Room, reader: str) -> Kept | None:
    """What the app published on this person's Home, if anything."""
    return _kept(room.row("SELECT * FROM view WHERE reader = ? AND kind = 'home'", reader))


def open_modal(room: Room, reader: str, view: Json) -> Kept:
    """Open a modal; whatever this person had open closes, as in Slack's client."""
    if by_external_id(room, string(view.get("external_id"))):
        raise ApiRefused("duplicate_external_id")
    room.db.execute("UPDATE view SET is_open = 0 WHERE reader = ? AND kind = 'modal'", (reader,))
    view_id = room.next_id("V")
    return _insert(room, Kept(view_id, reader, "modal", view_id, 1, view))


def push(room: Room, below: Kept, view: Json) -> Kept:
    """Lay a modal over another one of the same person."""
    if below.depth >= limits.VIEW_DEPTH:
        raise ApiRefused("push_limit_reached")
    return _insert(room, Kept(room.next_id("V"), below.reader, "modal", below.root, below.depth + 1, view))


def publish(room: Room, reader: str, view: Json, expected: str) -> Kept:
    """Put a Home in place of the one before; `expected` is its hash, or empty to overwrite blindly."""
    before = home(room, reader)
    if before is None:
        return _insert(room, Kept(room.next_id("V"), reader, "home", "", 0, view))
    return update(room, before, view, expected)


def update(room: Room, kept: Kept, view: Json, expected: str) -> Kept:
    """Replace a view's content under the same id."""
    if expected and expected != kept.hash:
        raise ApiRefused("hash_conflict")
    return _insert(room, replace(kept, body=view))


def close(room: Room, kept: Kept, *, whole_stack: bool = False) -> None:
    """Close a modal, showing the one beneath it; or the whole stack."""
    if whole_stack:
        room.db.execute("UPDATE view SET is_open = 0 WHERE root = ?", (kept.root,))
    else:
        room.db.execute("UPDATE view SET is_open = 0 WHERE id = ?", (kept.id,))
    room.tell("view", reader=kept.reader)


def _insert(room: Room, kept: Kept) -> Kept:
    body = {**kept.body, "blocks": with_ids(mappings(kept.body.get("blocks")))}
    fresh = f"{int(room.seconds())}.{secrets.token_hex(4)}"
    room.db.execute(
        "INSERT OR REPLACE INTO view (id, reader, kind, root, depth, is_open, hash, body)"
        " VALUES (?, ?, ?, ?, ?, 1, ?, ?)",
        (kept.id, kept.reader, kept.kind, kept.root, kept.depth, fresh, json.dumps(body)),
    )
    room.tell("home" if kept.kind == "home" else "view", reader=kept.reader)
    return replace(kept, body=body, hash=fresh, is_open=True)


def view_json(room: Room, kept: Kept, values: Json | None = None) -> Json:
    """A view as Slack returns it and sends it, with the values a person has filled in."""
    work = room.workspace
    below = load(
        room.row(
            "SELECT json_object('id', id) AS body FROM view WHERE root = ? AND depth = ?", kept.root, kept.depth - 1
        )
    )
    return {
        "private_metadata": "",
        "callback_id": "",
        "external_id": "",
        "clear_on_close": False,
        "notify_on_close": False,
        "title": None,
        "close": None,
        "submit": None,
        **kept.body,
        "id": kept.id,
        "team_id": work.team_id,
        "app_id": work.app_id,
        "bot_id": work.bot_id,
        "app_installed_team_id": work.team_id,
        "state": {"values": values or {}},
        "hash": kept.hash,
        "previous_view_id": below["id"] if below and kept.depth > 1 else None,
        "root_view_id": kept.root or kept.id,
    }
