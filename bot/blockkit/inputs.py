"""The fields of a form, as templates call them; block and action carry the key's own name, so that errors can name it.

Knows nothing of what is asked or why.
"""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from bot.blockkit import limits
from bot.blockkit.escape import cut
from bot.blockkit.parts import Text, line, words
from bot.blockkit.shape import Json

FILE_TYPES = ("csv", "jsonl", "json", "parquet")


def form(title: Text, submit: Text, callback: str, metadata: str, *, close: Text) -> Markup:
    """The frame of a form: the first line of its template. ``metadata`` holds ids only."""
    return line(
        {
            "type": "modal",
            "title": words(title, limits.VIEW_TITLE),
            "submit": words(submit, limits.VIEW_TITLE),
            "close": words(close, limits.VIEW_TITLE),
            "callback_id": callback,
            "private_metadata": metadata[: limits.PRIVATE_METADATA],
        }
    )


def text_field(
    key: str,
    label: Text,
    hint: Text = "",
    *,
    value: str = "",
    lines: bool = False,
    least: int = 0,
    most: int = limits.INPUT_TEXT,
    example: Text = "",
    optional: bool = False,
) -> Markup:
    """A field of text; ``lines`` for a long one, ``example`` is shown while it is empty."""
    element: Json = {"type": "plain_text_input", "multiline": lines, "max_length": most}
    if least:
        element["min_length"] = least
    if value:
        element["initial_value"] = value[:most]
    if example:
        element["placeholder"] = words(example, limits.PLACEHOLDER)
    return _input(key, label, hint, element, optional=optional)


def choice(
    key: str,
    label: Text,
    options: Sequence[tuple[str, str]],
    hint: Text = "",
    *,
    value: str = "",
    optional: bool = False,
) -> Markup:
    """One of (value, text) options, each value once; more than Slack's lists take are typed."""
    told = {cut(word, limits.OPTION_VALUE): text for word, text in reversed(options)}
    known = list(dict.fromkeys(cut(word, limits.OPTION_VALUE) for word, _ in options))
    if len(known) > limits.OPTIONS:
        return text_field(key, label, hint, most=limits.OPTION_VALUE, example=known[0], optional=optional)
    found = [{"text": words(told[word], limits.OPTION_TEXT), "value": word} for word in known]
    element: Json = {"type": "static_select", "options": found}
    initial = next((option for option in found if option["value"] == value), None)
    if initial:
        element["initial_option"] = initial
    return _input(key, label, hint, element, optional=optional)


def day_field(key: str, label: Text, hint: Text = "", *, value: str = "", optional: bool = False) -> Markup:
    """A day."""
    element: Json = {"type": "datepicker", **({"initial_date": value} if value else {})}
    return _input(key, label, hint, element, optional=optional)


def person_field(key: str, label: Text, hint: Text = "", *, value: str = "", optional: bool = False) -> Markup:
    """One person."""
    element: Json = {"type": "users_select", **({"initial_user": value} if value else {})}
    return _input(key, label, hint, element, optional=optional)


def channel_field(key: str, label: Text, hint: Text = "", *, value: str = "", optional: bool = False) -> Markup:
    """One channel."""
    element: Json = {"type": "conversations_select", **({"initial_conversation": value} if value else {})}
    return _input(key, label, hint, element, optional=optional)


def file_field(key: str, label: Text, hint: Text = "", *, most: int = 1) -> Markup:
    """Files of labels."""
    element: Json = {"type": "file_input", "filetypes": list(FILE_TYPES), "max_files": most}
    return _input(key, label, hint, element, optional=False)


def _input(key: str, label: Text, hint: Text, element: Json, *, optional: bool) -> Markup:
    block: Json = {
        "type": "input",
        "block_id": key,
        "label": words(label, limits.INPUT_LABEL),
        "element": {**element, "action_id": key},
        "optional": optional,
    }
    if hint:
        block["hint"] = words(hint, limits.INPUT_HINT)
    return line(block)
