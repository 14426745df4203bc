"""Our limits against two independent readings of Slack's rules: slackblocks and slack_sdk."""

from __future__ import annotations

import copy
import random
from importlib import import_module
from typing import Any

import pytest
from slack_sdk.errors import SlackObjectFormationError
from slack_sdk.models.blocks import Block

from bot.blockkit import limits
from bot.blockkit.validate import validate
from tests.unit.blockkit.test_validate import BREACHES, GOOD

SLACKBLOCKS = import_module("slackblocks._limits")

SAME = {
    "ACTIONS_ELEMENTS": "ACTIONS_ELEMENTS_MAX_ITEMS",
    "ALERT_TEXT": "ALERT_TEXT_MAX_LENGTH",
    "BUTTON_LABEL": "BUTTON_ACCESSIBILITY_LABEL_MAX_LENGTH",
    "BUTTON_TEXT": "BUTTON_TEXT_MAX_LENGTH",
    "BUTTON_VALUE": "BUTTON_VALUE_MAX_LENGTH",
    "CHART_AXIS_LABEL": "DATA_VISUALIZATION_AXIS_LABEL_MAX_LENGTH",
    "CHART_LABEL": "DATA_VISUALIZATION_POINT_LABEL_MAX_LENGTH",
    "CHART_POINTS": "DATA_VISUALIZATION_DATA_MAX_ITEMS",
    "CHART_TITLE": "DATA_VISUALIZATION_TITLE_MAX_LENGTH",
    "CHOICE_OPTIONS": "CHECKBOXES_OPTIONS_MAX_ITEMS",
    "CONFIRM_BUTTON": "CONFIRMATION_CONFIRM_MAX_LENGTH",
    "CONFIRM_TEXT": "CONFIRMATION_TEXT_MAX_LENGTH",
    "CONFIRM_TITLE": "CONFIRMATION_TITLE_MAX_LENGTH",
    "CONTEXT_ELEMENTS": "CONTEXT_ELEMENTS_MAX_ITEMS",
    "DATA_TABLE_PAGE": "DATA_TABLE_PAGE_SIZE_MAX",
    "DATA_TABLE_ROWS": "DATA_TABLE_ROWS_MAX_ITEMS",
    "DATA_TABLE_ROWS_LEAST": "DATA_TABLE_ROWS_MIN_ITEMS",
    "DATA_TABLE_TEXT": "DATA_TABLE_CONTENT_MAX_LENGTH",
    "HEADER_TEXT": "HEADER_TEXT_MAX_LENGTH",
    "ID": "ACTION_ID_MAX_LENGTH",
    "IMAGE_ALT_TEXT": "IMAGE_ALT_TEXT_MAX_LENGTH",
    "IMAGE_TITLE": "IMAGE_TITLE_MAX_LENGTH",
    "INPUT_FILES": "FILE_INPUT_MAX_FILES_MAX",
    "INPUT_HINT": "INPUT_HINT_MAX_LENGTH",
    "INPUT_LABEL": "INPUT_LABEL_MAX_LENGTH",
    "INPUT_TEXT": "PLAIN_TEXT_INPUT_MAX_LENGTH_MAX",
    "MARKDOWN_TEXT": "MARKDOWN_TOTAL_TEXT_MAX_LENGTH",
    "OPTIONS": "SELECT_OPTIONS_MAX_ITEMS",
    "OPTION_DESCRIPTION": "OPTION_DESCRIPTION_MAX_LENGTH",
    "OPTION_GROUPS": "SELECT_OPTION_GROUPS_MAX_ITEMS",
    "OPTION_TEXT": "OPTION_TEXT_MAX_LENGTH",
    "OPTION_VALUE": "OPTION_VALUE_MAX_LENGTH",
    "OVERFLOW_OPTIONS": "OVERFLOW_OPTIONS_MAX_ITEMS",
    "PLACEHOLDER": "SELECT_PLACEHOLDER_MAX_LENGTH",
    "PLAN_TASKS": "PLAN_TASKS_MAX_ITEMS",
    "TABLE_COLUMNS": "TABLE_COLUMNS_MAX_ITEMS",
    "TABLE_ROWS": "TABLE_ROWS_MAX_ITEMS",
    "TEXT": "TEXT_MAX_LENGTH",
    "URL": "BUTTON_URL_MAX_LENGTH",
}


@pytest.mark.parametrize("ours", SAME)
def test_a_limit_is_the_one_slackblocks_knows(ours: str) -> None:
    assert getattr(limits, ours) == getattr(SLACKBLOCKS, SAME[ours])


def test_we_allow_fewer_series_than_slackblocks_does() -> None:
    assert limits.CHART_SERIES < SLACKBLOCKS.DATA_VISUALIZATION_SERIES_MAX_ITEMS


def slack_sdk_refuses(block: dict[str, Any]) -> bool:
    try:
        parsed = Block.parse(copy.deepcopy(block))
        if parsed is not None:
            parsed.validate_json()
    except (SlackObjectFormationError, TypeError):  # TypeError: a required field is missing
        return True
    return False


def _grown(node: Any, chance: random.Random) -> Any:
    """The same JSON with strings lengthened, lists repeated or emptied at random."""
    if isinstance(node, dict):
        return {key: value if key == "type" else _grown(value, chance) for key, value in node.items()}
    if isinstance(node, list):
        return [_grown(part, chance) for part in node] * chance.choice([0, 1, 1, 1, 1, 12, 30])
    if isinstance(node, str) and chance.random() < 0.2:
        return node[:1] * chance.choice([0, 20, 80, 160, 2001, 3001])
    return node


def test_what_slack_sdk_refuses_we_refuse() -> None:
    chance = random.Random(7)
    blocks = [block for breach, _ in BREACHES.values() for block in breach[:2]] + GOOD
    tried = blocks + [_grown(chance.choice(GOOD), chance) for _ in range(2_000)]
    refused = [block for block in tried if slack_sdk_refuses(block)]
    assert len(refused) > 50  # the oracle has something to say
    assert [block for block in refused if not validate([block], "message")] == []
