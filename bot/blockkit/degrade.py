"""Make blocks fit: long sections in parts, too much as a head and a last word, no data blocks on request.

Knows nothing of what the blocks say; what was left out is said by the caller's own closing line.
"""

from __future__ import annotations

from collections.abc import Sequence

from bot.blockkit import limits
from bot.blockkit.escape import cut_escaped
from bot.blockkit.shape import Json, mapping, mappings, string
from bot.blockkit.validate import CELLS_COUNTED_APART, letters

ROOM = 800  # letters kept free for the closing line and the buttons
MARKS = {"pending": "○", "in_progress": "▸", "complete": "✓", "error": "✗"}


def fit(blocks: Sequence[Json], ending: Json) -> list[Json]:
    """The blocks inside a message's limits. When some had to go, ``ending`` says so and the last buttons stay."""
    parts = [part for block in blocks for part in split(block)]
    if len(parts) <= limits.MESSAGE_BLOCKS and _letters(parts) <= limits.MESSAGE_TEXT:
        return parts
    last = [block for block in parts if block.get("type") == "actions"][-1:]
    kept: list[Json] = []
    for block in parts:
        full = len(kept) + len(last) + 2 > limits.MESSAGE_BLOCKS
        if full or _letters([*kept, block, ending, *last]) > limits.MESSAGE_TEXT - ROOM:
            break
        kept.append(block)
    return [*kept, ending, *(block for block in last if block not in kept)]


def split(block: Json) -> list[Json]:
    """A section whose text is too long, as several; any other block alone."""
    text = mapping(block.get("text"))
    if block.get("type") != "section" or len(string(text.get("text"))) <= limits.TEXT:
        return [block]
    pieces: list[str] = []
    for line in string(text["text"]).split("\n"):
        short = cut_escaped(line, limits.TEXT)
        if pieces and len(pieces[-1]) + len(short) < limits.TEXT:
            pieces[-1] = f"{pieces[-1]}\n{short}"
        else:
            pieces.append(short)
    return [{"type": "section", "text": {**text, "text": piece}} for piece in pieces if piece]


def plainer(blocks: Sequence[Json]) -> list[Json]:
    """The blocks for a Slack that refuses data blocks: plans as lists, charts left to the text twin."""
    return [
        _listed(block) if block.get("type") == "plan" else block
        for block in blocks
        if block.get("type") not in CELLS_COUNTED_APART
    ]


def typed(form: Json) -> Json:
    """A form that is too large for Slack: what its lists offer is typed instead."""
    return {**form, "blocks": [_typed(block) for block in mappings(form.get("blocks"))]}


def _typed(block: Json) -> Json:
    element = mapping(block.get("element"))
    if element.get("type") != "static_select":
        return block
    chosen = mapping(element.get("initial_option")).get("value")
    field: Json = {"type": "plain_text_input", "action_id": element.get("action_id"), "max_length": limits.OPTION_VALUE}
    return {**block, "element": {**field, **({"initial_value": chosen} if chosen else {})}}


def _listed(block: Json) -> Json:
    tasks = mappings(block.get("tasks"))
    title = {"type": "text", "text": string(block.get("title")), "style": {"bold": True}}
    entries = [{"type": "rich_text_section", "elements": _task(task)} for task in tasks]
    return {
        "type": "rich_text",
        "elements": [
            {"type": "rich_text_section", "elements": [title]},
            {"type": "rich_text_list", "style": "bullet", "elements": entries},
        ],
    }


def _task(task: Json) -> list[Json]:
    mark = MARKS.get(string(task.get("status")), "")
    words = [{"type": "text", "text": f"{mark} {string(task.get('title'))}"}]
    notes = [
        leaf
        for part in mappings(mapping(task.get("details")).get("elements"))
        for leaf in mappings(part.get("elements"))
    ]
    return [*words, {"type": "text", "text": ": "}, *notes] if notes else words


def _letters(blocks: Sequence[Json]) -> int:
    return sum(letters(block) for block in blocks if block.get("type") not in CELLS_COUNTED_APART)
