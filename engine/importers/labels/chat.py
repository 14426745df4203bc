"""OpenAI chat rows: the last assistant message is the output, what was said before it the input."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from engine.importers.labels.raw import RawRow
from engine.models.call import BadRow

_INSTRUCTIONS = ("system", "developer")  # the prompt, which every contender has its own of
_BESIDE = ("id", "group", "source", "minutes", "rationale", "rejected")


def is_chat(fields: Mapping[str, object]) -> bool:
    """Whether a row is a conversation."""
    return isinstance(fields.get("messages"), list)


def flattened(row: RawRow) -> RawRow | BadRow:
    """The row with ``input`` and ``output``: one message before the answer verbatim, more as ``role: text`` blocks."""
    if row.fields.get("tools") or row.fields.get("functions"):
        return _bad(row, "has tools; only conversations of text can be read")
    said: list[tuple[str, str]] = []
    for message in cast("Sequence[object]", row.fields["messages"]):
        read = _message(message)
        if isinstance(read, str):
            return _bad(row, read)
        said.append(read)
    if not said or said[-1][0] != "assistant":
        return _bad(row, "does not end with an assistant message")
    asked = [(role, text) for role, text in said[:-1] if role not in _INSTRUCTIONS]
    fields: dict[str, object] = {name: row.fields[name] for name in _BESIDE if name in row.fields}
    text = asked[0][1] if len(asked) == 1 else "\n\n".join(f"{role}: {text}" for role, text in asked)
    return RawRow(row.line, {**fields, "input": text, "output": said[-1][1]})


def _message(message: object) -> tuple[str, str] | str:
    """Role and text, or why the message cannot be read."""
    if not isinstance(message, dict):
        return "holds a message that is no object"
    fields = cast("dict[str, object]", message)
    role = fields.get("role")
    if fields.get("tool_calls") or fields.get("function_call") or role in ("tool", "function"):
        return "has tools; only conversations of text can be read"
    text = _text(fields.get("content"))
    if not isinstance(role, str) or text is None:
        return "has a message without text (images cannot be read)"
    return role, text


def _text(content: object) -> str | None:
    """Text, or the texts of a list of text parts joined; none for anything else."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return None
    parts = [_part(part) for part in cast("list[object]", content)]
    return None if None in parts else "".join(part or "" for part in parts)


def _part(part: object) -> str | None:
    fields = cast("dict[str, object]", part) if isinstance(part, dict) else {}
    text = fields.get("text")
    return text if fields.get("type") == "text" and isinstance(text, str) else None


def _bad(row: RawRow, reason: str) -> BadRow:
    return BadRow(line=row.line, field="messages", reason=reason)
