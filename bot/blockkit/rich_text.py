"""Check rich_text: sections, lists, quotes and preformatted text.

Knows nothing of how it is drawn; user text is safest here, since Slack parses nothing in a text element.
"""

from __future__ import annotations

from bot.blockkit import limits
from bot.blockkit.elements import Problem, Problems, between, short
from bot.blockkit.shape import Json, mapping, sequence, string

PARTS = frozenset({"rich_text_section", "rich_text_list", "rich_text_quote", "rich_text_preformatted"})
LEAVES: dict[str, str] = {
    "broadcast": "range",
    "channel": "channel_id",
    "color": "value",
    "date": "timestamp",
    "emoji": "name",
    "link": "url",
    "text": "text",
    "user": "user_id",
    "usergroup": "usergroup_id",
}


def rich_text(block: Json, at: str) -> Problems:
    """A rich_text block, or a cell or task detail of that type."""
    if block.get("type") != "rich_text":
        yield Problem(f"{at}/type", "must be rich_text")
    yield from between(block.get("elements"), f"{at}/elements", limits.VIEW_BLOCKS, least=0)
    for index, part in enumerate(sequence(block.get("elements"))):
        yield from _part(mapping(part), f"{at}/elements/{index}")


def _part(part: Json, at: str) -> Problems:
    kind = string(part.get("type"))
    if kind not in PARTS:
        yield Problem(f"{at}/type", f"unsupported rich_text part: {kind}")
        return
    if kind == "rich_text_list" and part.get("style") not in ("bullet", "ordered"):
        yield Problem(f"{at}/style", "must be bullet or ordered")
    for index, leaf in enumerate(sequence(part.get("elements"))):
        here = f"{at}/elements/{index}"
        if kind == "rich_text_list":
            yield from _part(mapping(leaf), here)
        else:
            yield from _leaf(mapping(leaf), here)


def _leaf(leaf: Json, at: str) -> Problems:
    field = LEAVES.get(str(leaf.get("type")))
    if field is None:
        yield Problem(f"{at}/type", f"unsupported rich_text element: {leaf.get('type')}")
    elif field == "timestamp":
        if not isinstance(leaf.get(field), int):
            yield Problem(f"{at}/{field}", "must be whole seconds")
    else:
        yield from short(leaf.get(field), f"{at}/{field}", limits.MESSAGE_TEXT)
