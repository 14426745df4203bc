"""What an app may use once or a few times: triggers for 3 seconds, response_urls 5 times in 30 minutes.

Knows nothing of modals or messages; it says whose a ticket is, or refuses with Slack's code.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass

from bot.blockkit.shape import Json
from bot.standin.refusals import ApiRefused
from bot.standin.room import Room, load

TRIGGER_SECONDS = 3.0
RESPONSE_URL_SECONDS = 30 * 60
RESPONSE_URL_USES = 5


@dataclass(frozen=True)
class Trigger:
    """A press or a command that lets an app open one modal: who did it, in which view if any, when."""

    user_id: str
    view_id: str
    at: float


class Triggers:
    """Triggers still known. A restart forgets them: they would be too old anyway."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._fresh: dict[str, Trigger] = {}
        self._used: set[str] = set()

    def issue(self, user_id: str, view_id: str = "") -> str:
        """A new trigger id."""
        trigger_id = f"{secrets.randbelow(10**12)}.{secrets.randbelow(10**9)}.{secrets.token_hex(16)}"
        self._fresh[trigger_id] = Trigger(user_id, view_id, self._room.seconds())
        return trigger_id

    def spend(self, trigger_id: str) -> Trigger:
        """Use a trigger up, or refuse: never issued, used before, or older than 3 seconds."""
        if trigger_id in self._used:
            raise ApiRefused("exchanged_trigger_id")
        trigger = self._fresh.pop(trigger_id, None)
        if trigger is None:
            raise ApiRefused("invalid_trigger_id")
        if self._room.seconds() - trigger.at > TRIGGER_SECONDS:
            self._fresh[trigger_id] = trigger
            raise ApiRefused("expired_trigger_id")
        self._used.add(trigger_id)
        return trigger


def issue_response_url(room: Room, base_url: str, place: Json) -> str:
    """A URL the app may answer at. `place` holds channel, user, and the ts and thread of the message pressed."""
    token = secrets.token_urlsafe(18)
    room.db.execute(
        "INSERT INTO response_url (token, expires_at, uses, body) VALUES (?, ?, 0, ?)",
        (token, room.seconds() + RESPONSE_URL_SECONDS, json.dumps(place)),
    )
    return f"{base_url}/actions/{room.workspace.team_id}/{token}"


def spend_response_url(room: Room, token: str) -> Json:
    """Where an answer belongs; refuses an unknown, an old, and a worn-out URL."""
    row = room.row("SELECT * FROM response_url WHERE token = ?", token)
    if row is None:
        raise ApiRefused("expired_url")
    if row["expires_at"] < room.seconds():
        raise ApiRefused("expired_url")
    if row["uses"] >= RESPONSE_URL_USES:
        raise ApiRefused("used_url")
    room.db.execute("UPDATE response_url SET uses = uses + 1 WHERE token = ?", (token,))
    return load(row) or {}


def repoint_response_url(room: Room, token: str, place: Json) -> None:
    """Remember which message the next `replace_original` means."""
    room.db.execute("UPDATE response_url SET body = ? WHERE token = ?", (json.dumps(place), token))
