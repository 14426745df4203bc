"""Methods that only look things up: who am I, who is here, which channels, which groups.

Knows nothing of messages.
"""

from __future__ import annotations

from collections.abc import Callable

from bot.blockkit.shape import Json
from bot.standin import people
from bot.standin.call import Call
from bot.standin.refusals import ApiRefused


def who_am_i(call: Call) -> Json:
    """auth.test."""
    work = call.room.workspace
    return {
        "url": f"{call.base_url}/",
        "team": work.team_name,
        "user": work.app_name.lower(),
        "team_id": work.team_id,
        "user_id": work.bot_user_id,
        "bot_id": work.bot_id,
        "is_enterprise_install": False,
    }


def open_connection(call: Call) -> Json:
    """apps.connections.open."""
    ticket = call.standin.sockets.ticket()
    base = call.base_url.replace("http", "ws", 1)
    return {"url": f"{base}/link/?ticket={ticket}&app_id={call.room.workspace.app_id}"}


def user(call: Call) -> Json:
    """users.info."""
    found = people.person(call.room, call.needed("user"))
    if found is None:
        raise ApiRefused("user_not_found")
    return {"user": people.user_json(call.room, found)}


def users(call: Call) -> Json:
    """users.list, on one page."""
    members = [people.user_json(call.room, found) for found in people.persons(call.room)]
    return {"members": members, "response_metadata": {"next_cursor": ""}}


def conversation(call: Call) -> Json:
    """conversations.info."""
    found = people.channel(call.room, call.needed("channel"))
    if found is None:
        raise ApiRefused("channel_not_found")
    return {"channel": people.channel_json(call.room, found)}


def conversations(call: Call) -> Json:
    """conversations.list, on one page; public channels unless `types` says more."""
    kinds = call.words("types") or ["public_channel"]
    found = [
        people.channel_json(call.room, channel)
        for channel in people.channels(call.room)
        if ("im" if channel.dm_with else "private_channel" if channel.is_private else "public_channel") in kinds
    ]
    return {"channels": found, "response_metadata": {"next_cursor": ""}}


def open_conversation(call: Call) -> Json:
    """conversations.open: the conversation with one person."""
    found = people.dm_of(call.room, call.needed("users").split(",")[0])
    return {"channel": {"id": found.id}, "already_open": True, "no_op": True}


def groups(call: Call) -> Json:
    """usergroups.list."""
    work = call.room.workspace
    found = [
        {"id": key, "team_id": work.team_id, "is_usergroup": True, "handle": key.lower(), "user_count": len(members)}
        for key, members in work.groups.items()
    ]
    return {"usergroups": found}


def group_members(call: Call) -> Json:
    """usergroups.users.list."""
    group = call.needed("usergroup")
    if group not in call.room.workspace.groups:
        raise ApiRefused("no_such_subteam")
    return {"users": list(call.room.workspace.groups[group])}


METHODS: dict[str, Callable[[Call], Json]] = {
    "apps.connections.open": open_connection,
    "auth.test": who_am_i,
    "conversations.info": conversation,
    "conversations.list": conversations,
    "conversations.open": open_conversation,
    "usergroups.list": groups,
    "usergroups.users.list": group_members,
    "users.info": user,
    "users.list": users,
}
