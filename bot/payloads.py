"""Read what Slack sends: places, keys, the values of forms. Knows nothing of what is done with them."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from bot import files
from bot.surface import Place

Payload = Mapping[str, Any]
GREETED = ("message", "app_mention")
_MENTION = re.compile(r"^\s*<@[A-Z0-9]+>\s*")


def part(body: Payload, name: str) -> dict[str, Any]:
    """A part of a payload, empty where Slack left it out."""
    found: Any = body.get(name)
    return found or {}


def parts(body: Payload, name: str) -> list[dict[str, Any]]:
    """A list of parts, empty where Slack left it out."""
    found: Any = body.get(name)
    return found or []


def place_of(body: Payload) -> Place:
    """Where the person who pressed can be answered."""
    channel = part(body, "channel").get("id") or part(body, "container").get("channel_id") or ""
    return Place(body["user"]["id"], channel, str(body.get("response_url") or ""))


def team(body: Payload) -> str:
    """The workspace a delivery comes from: part of its name, the same before and after the bot has met Slack."""
    return str(body.get("team_id") or part(body, "team").get("id") or "")


def words_said(event: Payload) -> str | None:
    """The words of a mention of the bot or of a direct message to it; none for any other event."""
    by_a_person = event.get("type") in GREETED and not event.get("bot_id") and not event.get("subtype")
    if not by_a_person or (event.get("type") == "message" and event.get("channel_type") != "im"):
        return None
    return _MENTION.sub("", str(event.get("text", "")))


def asked_by_event(event: Payload) -> tuple[Place, dict[str, Any]]:
    """Who is to be answered where, and what is to be done about an event; nothing where it asks for nothing."""
    if event.get("type") == "file_shared" and event.get("file_id"):
        place = Place(str(event.get("user_id", "")), str(event.get("channel_id", "")))
        return place, {"kind": "dropped", "file": str(event["file_id"])}
    words = words_said(event)
    place = Place(str(event.get("user", "")), str(event.get("channel", "")))
    return place, {} if words is None else {"kind": "words", "words": words}


def thread_in(said: Payload, channel: str) -> str:
    """The thread a file of ``files.info`` stands in, in one channel; "" where it stands in none."""
    shares = part(said, "shares")
    found = [one for kind in ("public", "private") for one in parts(part(shares, kind), channel)]
    return next((str(one["thread_ts"]) for one in found if one.get("thread_ts")), "")


def where(body: Payload) -> str:
    """The message or form a press came from."""
    return message_ts(body) or str(part(body, "view").get("id", ""))


def message_ts(body: Payload) -> str:
    """The message a press came from, "" for a form."""
    return str(part(body, "message").get("ts") or part(body, "container").get("message_ts") or "")


def values(view: Payload) -> tuple[dict[str, str], tuple[files.SentFile, ...]]:
    """A form's values by field (its block id), and the files among them."""
    found: dict[str, str] = {}
    sent: list[files.SentFile] = []
    for name, actions in part(part(view, "state"), "values").items():
        for said in actions.values():
            sent += [files.sent(one) for one in parts(said, "files")]
            found[name] = _value(said)
    return found, tuple(sent)


def first_field(view: Payload) -> str:
    """The field an error of the whole form is told beside."""
    return next((str(block["block_id"]) for block in parts(view, "blocks") if block.get("type") == "input"), "")


def sha(body: object) -> str:
    """A short name of a payload: the same content is the same name."""
    return hashlib.sha256(json.dumps(body, sort_keys=True, default=str).encode()).hexdigest()[:20]


def _value(said: dict[str, Any]) -> str:
    found: list[Any] = [said.get("value"), said.get("selected_date"), part(said, "selected_option").get("value")]
    for name in ("selected_user", "selected_conversation", "selected_channel"):
        found += [said.get(name), *parts(said, f"{name}s")]
    found += [one["value"] for one in parts(said, "selected_options")]
    return ",".join(str(one) for one in found if one)
