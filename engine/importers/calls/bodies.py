"""What was asked and answered, as one text each, of the shapes that logs keep: chat messages, parts, plain text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import orjson

from engine.importers.calls.fields import Fields, parsed

_TEXTS = ("text", "content", "parts", "tool_calls")  # where in a message, or a part of one, its text stands
_DEEPEST = 6  # messages hold parts that hold texts; whatever lies deeper is told as JSON


def asked(value: object) -> str | None:
    """One message verbatim, more as ``role: text`` blocks; none when nothing was kept."""
    found = parsed(value) if value else None
    if isinstance(found, dict):
        fields = cast("Fields", found)
        found = next((fields[name] for name in ("messages", "contents", "input", "prompt") if fields.get(name)), fields)
    return _told(found)


def answered(value: object) -> str | None:
    """The text of a reply: the first choice's message, else the outputs joined; none when nothing was kept."""
    found = parsed(value) if value else None
    if not isinstance(found, dict):
        return _told(found)
    fields = cast("Fields", found)
    choices = fields.get("choices")
    if isinstance(choices, list) and choices and isinstance(choices[0], dict):
        choice = cast("Fields", choices[0])
        return _message(choice.get("message") or choice.get("text"))
    return _message(next((fields[name] for name in ("output", "content", "completion") if fields.get(name)), fields))


def _told(found: object) -> str | None:
    if not found:
        return None
    if not isinstance(found, list):
        return _message(found)
    messages = cast("Sequence[object]", found)
    if len(messages) == 1:
        return _message(messages[0])
    return "\n\n".join(f"{_role(one)}: {_message(one) or ''}" for one in messages)


def _role(message: object) -> str:
    role = cast("Fields", message).get("role") if isinstance(message, dict) else None
    return role if isinstance(role, str) else "user"


def _message(message: object, depth: int = 0) -> str | None:
    if message is None or message == "" or message == {} or message == []:
        return None
    if isinstance(message, str):
        return message
    if depth == _DEEPEST or not isinstance(message, list | dict):
        return _json(message)
    if isinstance(message, list):
        parts = [_message(part, depth + 1) for part in cast("Sequence[object]", message)]
        return "\n".join(part for part in parts if part) or None
    fields = cast("Fields", message)
    inner = next((fields[name] for name in _TEXTS if fields.get(name)), None)
    return _message(inner, depth + 1) if inner is not None else _json(fields)


def _json(value: object) -> str:
    try:
        return orjson.dumps(value).decode()
    except orjson.JSONEncodeError:  # more brackets than it writes
        return ""
