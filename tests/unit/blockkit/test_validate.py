"""The validator refuses what Slack refuses, and takes what Slack takes."""

from __future__ import annotations

from typing import Any

import pytest

from bot.blockkit.validate import validate

PLAIN = {"type": "plain_text", "text": "Approve"}
CHART = {
    "type": "data_visualization",
    "title": "Cost per month",
    "chart": {
        "type": "bar",
        "axis_config": {"categories": ["Sep", "Oct"], "x_label": "Month", "y_label": "USD"},
        "series": [{"name": "Tuned", "data": [{"label": "Sep", "value": 10}, {"label": "Oct", "value": 12.5}]}],
    },
}
GOOD: list[dict[str, Any]] = [
    {"type": "header", "text": PLAIN},
    {
        "type": "section",
        "text": {"type": "mrkdwn", "text": "*Ship it*"},
        "accessory": {"type": "button", "text": PLAIN},
    },
    {"type": "section", "fields": [{"type": "mrkdwn", "text": "*Rows*\n4,000"}]},
    {"type": "context", "elements": [PLAIN, {"type": "image", "image_url": "https://x.test/a.png", "alt_text": "a"}]},
    {"type": "actions", "elements": [{"type": "button", "text": PLAIN, "action_id": "a", "style": "primary"}]},
    {"type": "divider"},
    {"type": "image", "image_url": "https://x.test/a.png", "alt_text": "a chart"},
    {
        "type": "rich_text",
        "elements": [
            {
                "type": "rich_text_section",
                "elements": [{"type": "text", "text": "hi"}, {"type": "user", "user_id": "U1"}],
            },
            {
                "type": "rich_text_list",
                "style": "bullet",
                "elements": [{"type": "rich_text_section", "elements": [{"type": "text", "text": "one"}]}],
            },
        ],
    },
    {"type": "markdown", "text": "**hi**"},
    {"type": "table", "rows": [[{"type": "raw_text", "text": "a"}]]},
    {
        "type": "data_table",
        "caption": "Scores",
        "rows": [[{"type": "raw_text", "text": "F1"}], [{"type": "raw_number", "value": 0.91, "text": "91 %"}]],
    },
    CHART,
    {"type": "plan", "title": "Steps", "tasks": [{"task_id": "1", "title": "Train", "status": "in_progress"}]},
    {"type": "file", "external_id": "F1", "source": "remote"},
]


def pointers(blocks: Any, surface: Any = "message") -> list[str]:
    return [problem.pointer for problem in validate(blocks, surface)]


def an_input(**element: Any) -> dict[str, Any]:
    return {"type": "input", "block_id": "b", "label": PLAIN, "element": {"action_id": "a", **element}}


def a_modal(*blocks: dict[str, Any], **parts: Any) -> dict[str, Any]:
    return {"type": "modal", "title": PLAIN, "submit": PLAIN, "blocks": list(blocks), **parts}


OPTION = {"text": PLAIN, "value": "v"}
INPUTS = [
    {"type": "plain_text_input", "multiline": True, "min_length": 10, "max_length": 500},
    {"type": "number_input", "is_decimal_allowed": True, "min_value": "0"},
    {"type": "static_select", "options": [OPTION], "initial_option": OPTION},
    {"type": "multi_static_select", "option_groups": [{"label": PLAIN, "options": [OPTION]}]},
    {"type": "users_select"},
    {"type": "channels_select"},
    {"type": "datepicker", "initial_date": "2026-11-25"},
    {"type": "timepicker"},
    {"type": "checkboxes", "options": [OPTION]},
    {"type": "radio_buttons", "options": [OPTION]},
    {"type": "file_input", "filetypes": ["csv", "jsonl"], "max_files": 1},
]


def test_every_kind_of_block_we_send_is_taken() -> None:
    assert validate(GOOD, "message") == []


@pytest.mark.parametrize("element", INPUTS, ids=lambda element: element["type"])
def test_every_kind_of_input_we_send_is_taken_in_a_modal(element: dict[str, Any]) -> None:
    assert validate(a_modal(an_input(**element)), "modal") == []


def _long(limit: int) -> str:
    return "x" * (limit + 1)


def _text(limit: int, kind: str = "plain_text") -> dict[str, str]:
    return {"type": kind, "text": _long(limit)}


def _button(**parts: Any) -> list[dict[str, Any]]:
    return [{"type": "actions", "elements": [{"type": "button", "text": PLAIN, "action_id": "a", **parts}]}]


def _confirm(**parts: Any) -> dict[str, Any]:
    return {"title": PLAIN, "text": PLAIN, "confirm": PLAIN, "deny": PLAIN, **parts}


def _table(rows: int, columns: int) -> dict[str, Any]:
    return {"type": "table", "rows": [[{"type": "raw_text", "text": "a"}] * columns] * rows}


BREACHES: dict[str, tuple[list[dict[str, Any]], str]] = {
    "51 blocks": ([{"type": "divider"}] * 51, "/blocks"),
    "unknown type": ([{"type": "hologram"}], "/blocks/0/type"),
    "section text": ([{"type": "section", "text": _text(3000, "mrkdwn")}], "/blocks/0/text/text"),
    "empty section text": ([{"type": "section", "text": {"type": "mrkdwn", "text": ""}}], "/blocks/0/text/text"),
    "bare section": ([{"type": "section"}], "/blocks/0"),
    "11 fields": ([{"type": "section", "fields": [PLAIN] * 11}], "/blocks/0/fields"),
    "field text": ([{"type": "section", "fields": [_text(2000)]}], "/blocks/0/fields/0/text"),
    "header": ([{"type": "header", "text": _text(150)}], "/blocks/0/text/text"),
    "header in mrkdwn": ([{"type": "header", "text": {"type": "mrkdwn", "text": "a"}}], "/blocks/0/text/type"),
    "11 in a context": ([{"type": "context", "elements": [PLAIN] * 11}], "/blocks/0/elements"),
    "button text": (_button(text=_text(75)), "/blocks/0/elements/0/text/text"),
    "button value": (_button(value=_long(2000)), "/blocks/0/elements/0/value"),
    "button label": (_button(accessibility_label=_long(75)), "/blocks/0/elements/0/accessibility_label"),
    "button style": (_button(style="purple"), "/blocks/0/elements/0/style"),
    "confirm title": (_button(confirm=_confirm(title=_text(100))), "/blocks/0/elements/0/confirm/title/text"),
    "confirm text": (_button(confirm=_confirm(text=_text(300))), "/blocks/0/elements/0/confirm/text/text"),
    "confirm button": (_button(confirm=_confirm(deny=_text(30))), "/blocks/0/elements/0/confirm/deny/text"),
    "same action twice": (
        [{"type": "actions", "elements": [{"type": "button", "text": PLAIN, "action_id": "a"}] * 2}],
        "/blocks/0/elements",
    ),
    "same block twice": ([{"type": "divider", "block_id": "b"}] * 2, "/blocks"),
    "6 in an overflow": (
        [
            {
                "type": "actions",
                "elements": [{"type": "overflow", "options": [{"text": PLAIN, "value": str(n)} for n in range(6)]}],
            }
        ],
        "/blocks/0/elements/0/options",
    ),
    "markdown": ([{"type": "markdown", "text": _long(12_000)}], "/blocks/0/text"),
    "all text": ([{"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3000}}] * 5, "/blocks"),
    "101 rows": ([_table(101, 1)], "/blocks/0/rows"),
    "21 columns": ([_table(1, 21)], "/blocks/0/rows/0"),
    "2 tables": ([_table(1, 1)] * 2, "/blocks"),
    "header row alone": (
        [{"type": "data_table", "caption": "c", "rows": [[{"type": "raw_text", "text": "a"}]]}],
        "/blocks/0/rows",
    ),
    "3 charts": ([CHART] * 3, "/blocks"),
    "chart title": ([{**CHART, "title": _long(50)}], "/blocks/0/title"),
    "chart without its category": (
        [{**CHART, "chart": {**CHART["chart"], "axis_config": {"categories": ["Sep"]}}}],  # pyright: ignore
        "/blocks/0/chart/series/0/data",
    ),
    "plan beside task_card": (
        [GOOD[12], {"type": "task_card", "task_id": "1", "title": "t", "status": "complete"}],
        "/blocks",
    ),
    "alert": ([{"type": "alert", "text": PLAIN}], "/blocks/0/type"),
    "image without alt": ([{"type": "image", "image_url": "https://x.test/a"}], "/blocks/0/alt_text"),
    "section with an input": (
        [{"type": "section", "text": PLAIN, "accessory": {"type": "plain_text_input"}}],
        "/blocks/0/accessory/type",
    ),
    "bad status": (
        [{"type": "plan", "title": "t", "tasks": [{"task_id": "1", "title": "t", "status": "completed"}]}],
        "/blocks/0/tasks/0/status",
    ),
    "user text as a list": (
        [{"type": "rich_text", "elements": [{"type": "rich_text_poem"}]}],
        "/blocks/0/elements/0/type",
    ),
}


@pytest.mark.parametrize("name", BREACHES)
def test_a_breach_is_named_by_its_pointer(name: str) -> None:
    blocks, pointer = BREACHES[name]
    assert pointer in pointers(blocks)


VIEWS: dict[str, tuple[dict[str, Any], str]] = {
    "input without submit": (
        {"type": "modal", "title": PLAIN, "blocks": [an_input(type="users_select")]},
        "/view/submit",
    ),
    "title": (a_modal(title=_text(24)), "/view/title/text"),
    "close": (a_modal(close=_text(24)), "/view/close/text"),
    "private_metadata": (a_modal(private_metadata=_long(3000)), "/view/private_metadata"),
    "callback_id": (a_modal(callback_id=_long(255)), "/view/callback_id"),
    "101 blocks": (a_modal(*[{"type": "divider"}] * 101), "/view/blocks"),
    "table in a modal": (a_modal(_table(1, 1)), "/view/blocks/0/type"),
    "chart in a modal": (a_modal(CHART), "/view/blocks/0/type"),
    "plan in a modal": (a_modal(GOOD[12]), "/view/blocks/0/type"),
    "alert text": (a_modal({"type": "alert", "text": _text(200)}), "/view/blocks/0/text/text"),
    "number without decimals said": (
        a_modal(an_input(type="number_input")),
        "/view/blocks/0/element/is_decimal_allowed",
    ),
    "11 files": (a_modal(an_input(type="file_input", max_files=11)), "/view/blocks/0/element/max_files"),
    "button as input": (a_modal(an_input(type="button", text=PLAIN)), "/view/blocks/0/element/type"),
    "11 radios": (
        a_modal(an_input(type="radio_buttons", options=[{"text": PLAIN, "value": str(n)} for n in range(11)])),
        "/view/blocks/0/element/options",
    ),
    "option text": (
        a_modal(an_input(type="static_select", options=[{"text": _text(75), "value": "v"}])),
        "/view/blocks/0/element/options/0/text/text",
    ),
    "initial not offered": (
        a_modal(an_input(type="static_select", options=[OPTION], initial_option={"text": PLAIN, "value": "w"})),
        "/view/blocks/0/element/initial_option",
    ),
    "home where a modal belongs": ({"type": "home", "blocks": []}, "/view/type"),
    "250 kB": (a_modal(*[{"type": "section", "text": {"type": "mrkdwn", "text": "é" * 3000}}] * 60), "/view"),
}


@pytest.mark.parametrize("name", VIEWS)
def test_a_breach_in_a_view_is_named_by_its_pointer(name: str) -> None:
    view, pointer = VIEWS[name]
    assert pointer in pointers(view, "modal")


@pytest.mark.parametrize("garbage", [[None], [[]], [{}], [{"type": 7}], [{"type": "section", "text": "bare"}], ["x"]])
def test_garbage_is_a_breach_and_never_a_crash(garbage: Any) -> None:
    assert pointers(garbage)


def test_home_takes_tables_and_a_hundred_blocks() -> None:
    assert validate({"type": "home", "blocks": [_table(2, 2), *[{"type": "divider"}] * 99]}, "home") == []
