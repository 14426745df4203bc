"""Check Block Kit elements and composition objects: text, options, confirm, buttons, selects, inputs.

Knows nothing of surfaces: which element may stand in which block is `bot.blockkit.validate`'s to say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple, TypeAlias

from bot.blockkit import limits
from bot.blockkit.shape import Json, is_mapping, is_sequence, mapping, mappings, sequence, string


class Problem(NamedTuple):
    """One breach: the JSON pointer of the value, and a sentence about it."""

    pointer: str
    message: str


Problems: TypeAlias = Iterator[Problem]
Check: TypeAlias = Callable[[Json, str], Problems]

SELECTS = ("static_select", "external_select", "users_select", "conversations_select", "channels_select")
MULTI_SELECTS = tuple(f"multi_{name}" for name in SELECTS)
CHOICES = (*SELECTS, *MULTI_SELECTS, "checkboxes", "radio_buttons", "datepicker", "timepicker")
ACCESSORIES = frozenset((*CHOICES, "button", "overflow", "image"))
ACTIONS = frozenset((*CHOICES, "button", "overflow", "datetimepicker"))
TYPED = ("plain_text_input", "number_input", "email_text_input", "url_text_input", "rich_text_input")
INPUTS = frozenset((*CHOICES, *TYPED, "datetimepicker", "file_input"))


def short(value: object, at: str, limit: int, *, needed: bool = True) -> Problems:
    """A bare string of 1 to `limit` characters."""
    if value is None:
        if needed:
            yield Problem(at, "missing required field")
    elif not isinstance(value, str):
        yield Problem(at, "must be a string")
    elif needed and not value:
        yield Problem(at, "must be more than 0 characters")
    elif len(value) > limit:
        yield Problem(at, f"must be less than {limit + 1} characters")


def text(node: object, at: str, limit: int, *, plain: bool = False, needed: bool = True) -> Problems:
    """A text object; `plain` where Slack takes no mrkdwn."""
    if node is None and not needed:
        return
    if not is_mapping(node):
        yield Problem(at, "missing required field" if node is None else "must be an object")
        return
    found = mapping(node)
    kinds = ("plain_text",) if plain else ("plain_text", "mrkdwn")
    if string(found.get("type")) not in kinds:
        yield Problem(f"{at}/type", f"must be one of {', '.join(kinds)}")
    yield from short(found.get("text"), f"{at}/text", limit)


def between(nodes: object, at: str, most: int, least: int = 1) -> Problems:
    """An array of `least` to `most` entries."""
    if not is_sequence(nodes):
        yield Problem(at, "missing required field" if nodes is None else "must be an array")
    elif len(sequence(nodes)) < least:
        yield Problem(at, f"must have at least {least} items")
    elif len(sequence(nodes)) > most:
        yield Problem(at, f"no more than {most} items allowed [{len(sequence(nodes))} given]")


def confirm(node: object, at: str) -> Problems:
    """A confirm dialog, or none."""
    if node is None:
        return
    found = mapping(node)
    yield from text(found.get("title"), f"{at}/title", limits.CONFIRM_TITLE, plain=True)
    yield from text(found.get("text"), f"{at}/text", limits.CONFIRM_TEXT)
    yield from text(found.get("confirm"), f"{at}/confirm", limits.CONFIRM_BUTTON, plain=True)
    yield from text(found.get("deny"), f"{at}/deny", limits.CONFIRM_BUTTON, plain=True)


def option(node: Json, at: str, *, plain: bool) -> Problems:
    """One option of a menu or a group of boxes."""
    yield from text(node.get("text"), f"{at}/text", limits.OPTION_TEXT, plain=plain)
    yield from short(node.get("value"), f"{at}/value", limits.OPTION_VALUE)
    yield from text(node.get("description"), f"{at}/description", limits.OPTION_DESCRIPTION, needed=False)


def options(node: Json, at: str, most: int, *, plain: bool = True) -> Problems:
    """The options of a menu, with values that differ and initial ones that are among them."""
    yield from between(node.get("options"), f"{at}/options", most)
    known: list[object] = []
    for index, found in enumerate(sequence(node.get("options"))):
        here = f"{at}/options/{index}"
        yield from option(mapping(found), here, plain=plain)
        if mapping(found).get("value") in known:
            yield Problem(f"{here}/value", "must be unique among the options")
        known.append(mapping(found).get("value"))
    initial = mappings(node.get("initial_options")) or mappings([node.get("initial_option")])
    if any(found.get("value") not in known for found in initial):
        yield Problem(f"{at}/initial_option", "must be one of the options")


def _button(node: Json, at: str) -> Problems:
    yield from text(node.get("text"), f"{at}/text", limits.BUTTON_TEXT, plain=True)
    yield from short(node.get("value"), f"{at}/value", limits.BUTTON_VALUE, needed=False)
    yield from short(node.get("url"), f"{at}/url", limits.URL, needed=False)
    yield from short(node.get("accessibility_label"), f"{at}/accessibility_label", limits.BUTTON_LABEL, needed=False)
    if node.get("style") not in (None, "primary", "danger"):
        yield Problem(f"{at}/style", "must be primary or danger")


def _static(node: Json, at: str) -> Problems:
    if "option_groups" not in node:
        yield from options(node, at, limits.OPTIONS)
        return
    yield from between(node["option_groups"], f"{at}/option_groups", limits.OPTION_GROUPS)
    for index, group in enumerate(mappings(node["option_groups"])):
        here = f"{at}/option_groups/{index}"
        yield from text(group.get("label"), f"{here}/label", limits.OPTION_TEXT, plain=True)
        yield from options(group, here, limits.OPTIONS)


def _nothing(node: Json, at: str) -> Problems:
    del node, at
    yield from ()


def _overflow(node: Json, at: str) -> Problems:
    yield from options(node, at, limits.OVERFLOW_OPTIONS)


def _boxes(node: Json, at: str) -> Problems:
    yield from options(node, at, limits.CHOICE_OPTIONS, plain=False)


def _image(node: Json, at: str) -> Problems:
    yield from short(node.get("alt_text"), f"{at}/alt_text", limits.IMAGE_ALT_TEXT)
    if ("image_url" in node) == ("slack_file" in node):
        yield Problem(at, "must have exactly one of image_url and slack_file")
    yield from short(node.get("image_url"), f"{at}/image_url", limits.URL, needed="image_url" in node)


def _plain_text_input(node: Json, at: str) -> Problems:
    least, most = node.get("min_length") or 0, node.get("max_length") or limits.INPUT_TEXT
    if not 0 <= least <= most <= limits.INPUT_TEXT:
        yield Problem(at, f"lengths must be 0 <= min_length <= max_length <= {limits.INPUT_TEXT}")
    yield from short(node.get("initial_value"), f"{at}/initial_value", limits.INPUT_TEXT, needed=False)


def _number_input(node: Json, at: str) -> Problems:
    if not isinstance(node.get("is_decimal_allowed"), bool):
        yield Problem(f"{at}/is_decimal_allowed", "missing required field")


def _file_input(node: Json, at: str) -> Problems:
    if not 1 <= (node.get("max_files") or 1) <= limits.INPUT_FILES:
        yield Problem(f"{at}/max_files", f"must be between 1 and {limits.INPUT_FILES}")


ELEMENTS: dict[str, Check] = {
    **dict.fromkeys((*CHOICES, *TYPED, "datetimepicker"), _nothing),
    "button": _button,
    "checkboxes": _boxes,
    "file_input": _file_input,
    "image": _image,
    "multi_static_select": _static,
    "number_input": _number_input,
    "overflow": _overflow,
    "plain_text_input": _plain_text_input,
    "radio_buttons": _boxes,
    "static_select": _static,
}


def element(node: object, at: str, allowed: frozenset[str]) -> Problems:
    """One interactive element, of a kind its block takes."""
    found = mapping(node)
    kind = found.get("type")
    if not isinstance(kind, str) or kind not in allowed:
        yield Problem(f"{at}/type", f"unsupported type here: {kind}")
        return
    yield from short(found.get("action_id"), f"{at}/action_id", limits.ID, needed=False)
    yield from text(found.get("placeholder"), f"{at}/placeholder", limits.PLACEHOLDER, plain=True, needed=False)
    yield from confirm(found.get("confirm"), f"{at}/confirm")
    yield from ELEMENTS[kind](found, at)
