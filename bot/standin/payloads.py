"""What Slack sends an app, word for word: commands, presses, forms, events.

Knows nothing of how they travel.
"""

from __future__ import annotations

import secrets

from bot.blockkit.shape import Json, string
from bot.standin.messages import Place
from bot.standin.room import Channel, Person, Room

VERIFICATION_TOKEN = "standin-verification"  # noqa: S105 - Slack's retired token; apps must not rely on it


def _user(room: Room, person: Person) -> Json:
    return {"id": person.id, "username": person.name, "name": person.name, "team_id": room.workspace.team_id}


def _envelope(room: Room, person: Person, kind: str) -> Json:
    return {
        "type": kind,
        "team": {"id": room.workspace.team_id, "domain": room.workspace.team_domain},
        "user": _user(room, person),
        "api_app_id": room.workspace.app_id,
        "token": VERIFICATION_TOKEN,
        "enterprise": None,
        "is_enterprise_install": False,
    }


def command(room: Room, person: Person, where: Channel, text: str) -> Json:
    """A slash command; the caller adds `trigger_id` and `response_url`."""
    return {
        "token": VERIFICATION_TOKEN,
        "team_id": room.workspace.team_id,
        "team_domain": room.workspace.team_domain,
        "channel_id": where.id,
        "channel_name": "directmessage" if where.dm_with else where.name,
        "user_id": person.id,
        "user_name": person.name,
        "command": room.workspace.command,
        "text": text,
        "api_app_id": room.workspace.app_id,
        "is_enterprise_install": "false",
    }


def press_in_message(room: Room, person: Person, where: Channel, message: Json) -> Json:
    """A press on an element of a message; the caller adds `actions`, `trigger_id`, `response_url`, `state`."""
    container: Json = {
        "type": "message",
        "message_ts": message["ts"],
        "channel_id": where.id,
        "is_ephemeral": bool(message.get("is_ephemeral")),
    }
    if message.get("thread_ts"):
        container["thread_ts"] = message["thread_ts"]
    payload = {
        **_envelope(room, person, "block_actions"),
        "container": container,
        "channel": {"id": where.id, "name": "directmessage" if where.dm_with else where.name},
    }
    return payload if message.get("is_ephemeral") else {**payload, "message": message}


def shortcut(room: Room, person: Person, callback_id: str) -> Json:
    """A shortcut picked beside the message box; the caller adds `trigger_id`."""
    return {**_envelope(room, person, "shortcut"), "callback_id": callback_id, "action_ts": f"{room.seconds():.6f}"}


def message_shortcut(room: Room, person: Person, where: Channel, callback_id: str, *, message: Json) -> Json:
    """A shortcut picked from a message's menu; the caller adds `trigger_id` and `response_url`."""
    return {
        **_envelope(room, person, "message_action"),
        "callback_id": callback_id,
        "action_ts": f"{room.seconds():.6f}",
        "channel": {"id": where.id, "name": "directmessage" if where.dm_with else where.name},
        "message_ts": message["ts"],
        "message": message,
    }


def press_in_view(room: Room, person: Person, view: Json) -> Json:
    """A press on an element of a modal or of Home."""
    return {
        **_envelope(room, person, "block_actions"),
        "container": {"type": "view", "view_id": view["id"]},
        "view": view,
    }


def submission(room: Room, person: Person, view: Json) -> Json:
    """A form sent off."""
    return {**_envelope(room, person, "view_submission"), "view": view, "response_urls": []}


def closing(room: Room, person: Person, view: Json, *, is_cleared: bool) -> Json:
    """A form closed without sending; Slack tells only apps that asked with `notify_on_close`."""
    return {**_envelope(room, person, "view_closed"), "view": view, "is_cleared": is_cleared}


def event(room: Room, inner: Json) -> Json:
    """An event of the Events API around its inner event."""
    return {
        "token": VERIFICATION_TOKEN,
        "team_id": room.workspace.team_id,
        "context_team_id": room.workspace.team_id,
        "api_app_id": room.workspace.app_id,
        "type": "event_callback",
        "event_id": f"Ev{secrets.token_hex(8).upper()}",
        "event_time": int(room.seconds()),
        "event": inner,
        "is_ext_shared_channel": False,
        "event_context": f"4-{secrets.token_hex(8)}",
        "authorizations": [
            {
                "enterprise_id": None,
                "team_id": room.workspace.team_id,
                "user_id": room.workspace.bot_user_id,
                "is_bot": True,
                "is_enterprise_install": False,
            }
        ],
    }


def message_event(place: Channel, message: Json, *, mention: bool = False) -> Json:
    """The inner event of a message in the app's conversation, or of a mention of the app elsewhere."""
    kind = "app_mention" if mention else "message"
    inner = {**message, "type": kind, "channel": place.id, "event_ts": message["ts"]}
    return inner if mention else {**inner, "channel_type": "im" if place.dm_with else "channel"}


def home_opened(person: Person, dm: Channel, at: str, view: Json | None) -> Json:
    """The inner event of a person looking at the app's Home."""
    inner: Json = {"type": "app_home_opened", "user": person.id, "channel": dm.id, "tab": "home", "event_ts": at}
    return {**inner, "view": view} if view else inner


def file_shared(person: Person, place: Place, file: Json, at: str) -> Json:
    """The inner event of a file dropped into a conversation; the app asks `files.info` for the rest."""
    return {
        "type": "file_shared",
        "file_id": string(file.get("id")),
        "file": {"id": string(file.get("id"))},
        "user_id": person.id,
        "channel_id": place.channel,
        "event_ts": at,
    }
