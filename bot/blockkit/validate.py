"""Check blocks and views against Slack's limits before anything is sent.

Knows nothing of templates, of sending, or of shortening: it names each breach by its JSON pointer and stops there.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from bot.blockkit import limits
from bot.blockkit.data_blocks import chart, data_table, table
from bot.blockkit.elements import (
    ACCESSORIES,
    ACTIONS,
    INPUTS,
    Check,
    Problem,
    Problems,
    between,
    element,
    short,
    text,
)
from bot.blockkit.rich_text import rich_text
from bot.blockkit.shape import Json, is_mapping, is_sequence, mapping, mappings, sequence, string

Surface = Literal["message", "modal", "home"]

MESSAGES_ONLY = frozenset({"plan", "task_card", "markdown", "file", "context_actions"})
NEVER_IN_MODALS = frozenset({"table", "data_table", "data_visualization", "container", "carousel"})
CELLS_COUNTED_APART = frozenset({"data_table", "data_visualization"})
ALERT_LEVELS = ("default", "info", "warning", "error", "success")
TASK_STATES = ("pending", "in_progress", "complete", "error")


def validate(blocks_or_view: Sequence[Json] | Mapping[str, Any], surface: Surface) -> list[Problem]:
    """All breaches of Slack's rules, in reading order; an empty list means Slack would take it.

    A list is a message's blocks; a mapping is a whole view (`surface` then says modal or home).
    """
    if isinstance(blocks_or_view, Mapping):
        return list(_view(dict(blocks_or_view), surface))
    return list(_blocks(list(blocks_or_view), "/blocks", surface))


def _view(view: Json, surface: Surface) -> Problems:
    if view.get("type") != surface:
        yield Problem("/view/type", f"must be {surface}")
    if surface == "modal":
        yield from text(view.get("title"), "/view/title", limits.VIEW_TITLE, plain=True)
        for part in ("submit", "close"):
            yield from text(view.get(part), f"/view/{part}", limits.VIEW_TITLE, plain=True, needed=False)
        if "submit" not in view and any(block.get("type") == "input" for block in mappings(view.get("blocks"))):
            yield Problem("/view/submit", "missing required field: a view with an input needs a submit")
    yield from short(view.get("private_metadata"), "/view/private_metadata", limits.PRIVATE_METADATA, needed=False)
    yield from short(view.get("callback_id"), "/view/callback_id", limits.ID, needed=False)
    if len(json.dumps(view, ensure_ascii=False).encode()) > limits.VIEW_BYTES:
        yield Problem("/view", f"must be less than {limits.VIEW_BYTES + 1} bytes")
    yield from _blocks(view.get("blocks"), "/view/blocks", surface)


def _blocks(blocks: object, at: str, surface: Surface) -> Problems:
    most = limits.MESSAGE_BLOCKS if surface == "message" else limits.VIEW_BLOCKS
    yield from between(blocks, at, most, least=0)
    for index, found in enumerate(sequence(blocks)):
        yield from _block(mapping(found), f"{at}/{index}", surface)
    known = mappings(blocks)
    yield from _unique([string(block.get("block_id")) for block in known], at, "block_id")
    kinds = Counter(string(block.get("type")) for block in known)
    if kinds["table"] > limits.TABLES:
        yield Problem(at, "only one table is allowed")
    if kinds["data_visualization"] > limits.CHARTS:
        yield Problem(at, f"no more than {limits.CHARTS} data_visualization blocks allowed")
    if kinds["plan"] and kinds["task_card"]:
        yield Problem(at, "plan and task_card exclude each other")
    if surface == "message":
        yield from _total(known, at)


def _total(blocks: list[Json], at: str) -> Problems:
    markdown = sum(len(string(block.get("text"))) for block in blocks if block.get("type") == "markdown")
    if markdown > limits.MARKDOWN_TEXT:
        yield Problem(at, f"markdown blocks must be less than {limits.MARKDOWN_TEXT + 1} characters together")
    told = sum(letters(block) for block in blocks if string(block.get("type")) not in CELLS_COUNTED_APART)
    if told > limits.MESSAGE_TEXT:
        yield Problem(at, f"all text must be less than {limits.MESSAGE_TEXT + 1} characters together [{told} given]")


def letters(node: object) -> int:
    """The characters of a block that count towards a message's total."""
    if is_sequence(node):
        return sum(letters(part) for part in sequence(node))
    found = mapping(node)
    own = len(string(found.get("text")))
    return own + sum(letters(part) for part in found.values() if is_mapping(part) or is_sequence(part))


def _unique(names: list[str], at: str, field: str) -> Problems:
    for name, times in Counter(names).items():
        if name and times > 1:
            yield Problem(at, f"{field} {name} must be unique [used {times} times]")


def _block(block: Json, at: str, surface: Surface) -> Problems:
    kind = string(block.get("type"))
    if kind not in BLOCKS:
        yield Problem(f"{at}/type", f"unsupported block type: {kind or 'none'}")
        return
    if (
        (kind in MESSAGES_ONLY and surface != "message")
        or (kind in NEVER_IN_MODALS and surface == "modal")
        or (kind == "alert" and surface != "modal")
    ):
        yield Problem(f"{at}/type", f"{kind} is not allowed in a {surface}")
    yield from short(block.get("block_id"), f"{at}/block_id", limits.ID, needed=False)
    yield from BLOCKS[kind](block, at)
    action_ids = [string(part.get("action_id")) for part in mappings(block.get("elements"))]
    yield from _unique(action_ids, f"{at}/elements", "action_id")


def _section(block: Json, at: str) -> Problems:
    if "text" not in block and "fields" not in block:
        yield Problem(at, "must have text or fields")
    yield from text(block.get("text"), f"{at}/text", limits.TEXT, needed=False)
    if "fields" in block:
        yield from between(block["fields"], f"{at}/fields", limits.FIELDS)
    for index, field in enumerate(sequence(block.get("fields"))):
        yield from text(field, f"{at}/fields/{index}", limits.FIELD_TEXT)
    if "accessory" in block:
        yield from element(block["accessory"], f"{at}/accessory", ACCESSORIES)


def _header(block: Json, at: str) -> Problems:
    yield from text(block.get("text"), f"{at}/text", limits.HEADER_TEXT, plain=True)


def _context(block: Json, at: str) -> Problems:
    yield from between(block.get("elements"), f"{at}/elements", limits.CONTEXT_ELEMENTS)
    for index, part in enumerate(sequence(block.get("elements"))):
        here = f"{at}/elements/{index}"
        if mapping(part).get("type") == "image":
            yield from element(part, here, frozenset({"image"}))
        else:
            yield from text(part, here, limits.TEXT)


def _actions(block: Json, at: str) -> Problems:
    yield from between(block.get("elements"), f"{at}/elements", limits.ACTIONS_ELEMENTS)
    for index, part in enumerate(sequence(block.get("elements"))):
        yield from element(part, f"{at}/elements/{index}", ACTIONS)


def _input(block: Json, at: str) -> Problems:
    yield from text(block.get("label"), f"{at}/label", limits.INPUT_LABEL, plain=True)
    yield from text(block.get("hint"), f"{at}/hint", limits.INPUT_HINT, plain=True, needed=False)
    yield from element(block.get("element"), f"{at}/element", INPUTS)


def _image(block: Json, at: str) -> Problems:
    yield from element(block, at, frozenset({"image"}))
    yield from text(block.get("title"), f"{at}/title", limits.IMAGE_TITLE, plain=True, needed=False)


def _divider(block: Json, at: str) -> Problems:
    del block, at
    yield from ()


def _file(block: Json, at: str) -> Problems:
    yield from short(block.get("external_id"), f"{at}/external_id", limits.ID)
    if block.get("source") != "remote":
        yield Problem(f"{at}/source", "must be remote")


def _markdown(block: Json, at: str) -> Problems:
    yield from short(block.get("text"), f"{at}/text", limits.MARKDOWN_TEXT)


def _alert(block: Json, at: str) -> Problems:
    yield from text(block.get("text"), f"{at}/text", limits.ALERT_TEXT)
    if block.get("level", "default") not in ALERT_LEVELS:
        yield Problem(f"{at}/level", f"must be one of {', '.join(ALERT_LEVELS)}")


def _task(task: Json, at: str) -> Problems:
    yield from short(task.get("task_id"), f"{at}/task_id", limits.ID)
    yield from short(task.get("title"), f"{at}/title", limits.TEXT)
    if task.get("status") not in TASK_STATES:
        yield Problem(f"{at}/status", f"must be one of {', '.join(TASK_STATES)}")
    for part in ("details", "output"):
        if part in task:
            yield from rich_text(mapping(task[part]), f"{at}/{part}")


def _plan(block: Json, at: str) -> Problems:
    yield from short(block.get("title"), f"{at}/title", limits.TEXT)
    yield from between(block.get("tasks"), f"{at}/tasks", limits.PLAN_TASKS)
    for index, task in enumerate(sequence(block.get("tasks"))):
        yield from _task(mapping(task), f"{at}/tasks/{index}")
    yield from _unique([string(task.get("task_id")) for task in mappings(block.get("tasks"))], f"{at}/tasks", "task_id")


BLOCKS: dict[str, Check] = {
    "actions": _actions,
    "alert": _alert,
    "context": _context,
    "data_table": data_table,
    "data_visualization": chart,
    "divider": _divider,
    "file": _file,
    "header": _header,
    "image": _image,
    "input": _input,
    "markdown": _markdown,
    "plan": _plan,
    "rich_text": rich_text,
    "section": _section,
    "table": table,
    "task_card": _task,
}
