"""Read rendered blocks as a person would."""

from __future__ import annotations

from typing import Any


def buttons(blocks: list[dict[str, Any]]) -> dict[str, tuple[str, str]]:
    """Label to (action id, value) of every button."""
    return {
        one["text"]["text"]: (one["action_id"], one.get("value", ""))
        for block in blocks
        if block["type"] == "actions"
        for one in block["elements"]
    }


def kinds(blocks: list[dict[str, Any]]) -> list[str]:
    """The types of the blocks, in order."""
    return [block["type"] for block in blocks]
