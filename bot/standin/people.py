"""Who is here: persons, channels, and each person's conversation with the app.

Knows nothing of what they say to each other.
"""

from __future__ import annotations

from dataclasses import asdict, replace

from bot.blockkit.shape import Json
from bot.standin.refusals import ApiRefused
from bot.standin.room import Channel, Person, Room, load


def person(room: Room, user_id: str) -> Person | None:
    """The person of this id, if any."""
    body = load(room.row("SELECT body FROM person WHERE id = ?", user_id))
    return Person(**body) if body else None


def persons(room: Room) -> list[Person]:
    """Everybody, the app included, in the order they were seeded."""
    found = [load(row) for row in room.rows("SELECT body FROM person ORDER BY place")]
    return [Person(**body) for body in found if body]


def humans(room: Room) -> list[Person]:
    """Those the page can act as."""
    return [found for found in persons(room) if not found.is_bot]


def channel(room: Room, channel_id: str) -> Channel | None:
    """The channel of this id, if any."""
    body = load(room.row("SELECT body FROM channel WHERE id = ?", channel_id))
    return Channel(**body) if body else None


def channels(room: Room) -> list[Channel]:
    """Every channel and direct conversation, in the order they were seeded."""
    found = [load(row) for row in room.rows("SELECT body FROM channel ORDER BY place")]
    return [Channel(**body) for body in found if body]


def visible(room: Room, user_id: str) -> list[Channel]:
    """What one person sees in the side bar: channels, and their own conversation with the app."""
    return [found for found in channels(room) if found.dm_with in ("", user_id)]


def dm_of(room: Room, user_id: str) -> Channel:
    """A person's conversation with the app."""
    found = channel(room, f"D{user_id[1:]}")
    if found is None:
        raise ApiRefused("user_not_found")
    return found


def app_joins(room: Room, channel_id: str) -> None:
    """The app becomes a member of a channel, as after /invite."""
    found = channel(room, channel_id)
    if found is not None:
        room.put_channel(replace(found, has_app=True))


def destination(room: Room, target: str) -> Channel:
    """Where a post goes: a channel id, #name, or a user id that means the conversation with that person."""
    if target.startswith("U"):
        return dm_of(room, target)
    named = [found for found in channels(room) if not found.dm_with and target == f"#{found.name}"]
    found = channel(room, target) or (named[0] if named else None)
    if found is None:
        raise ApiRefused("channel_not_found")
    if found.is_archived:
        raise ApiRefused("is_archived")
    if not found.has_app:
        raise ApiRefused("not_in_channel")
    return found


def user_json(room: Room, found: Person) -> Json:
    """A user as `users.info` shows it."""
    return {
        "id": found.id,
        "team_id": found.team_id or room.workspace.team_id,
        "name": found.name,
        "real_name": found.real_name or found.name,
        "deleted": found.is_deleted,
        "is_bot": found.is_bot,
        "is_admin": found.is_admin,
        "is_owner": found.is_admin,
        "is_restricted": found.is_guest,
        "is_ultra_restricted": False,
        "tz": "Etc/UTC",
        "tz_offset": 0,
        "profile": {
            "real_name": found.real_name or found.name,
            "display_name": found.name,
            "title": found.roles,
            "team": room.workspace.team_id,
        },
    }


def channel_json(room: Room, found: Channel) -> Json:
    """A conversation as `conversations.info` shows it."""
    shown: Json = {
        **asdict(found),
        "is_channel": not found.dm_with,
        "is_im": bool(found.dm_with),
        "is_member": found.has_app,
        "context_team_id": room.workspace.team_id,
        "topic": {"value": found.topic},
    }
    if found.dm_with:
        shown["user"] = found.dm_with
    return {key: value for key, value in shown.items() if key not in ("has_app", "dm_with")}
