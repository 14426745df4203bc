"""Slack's Block Kit limits, as one constant each.

Knows numbers only: who checks them is `bot.blockkit.validate`, who shortens is `bot.blockkit.degrade`.
Source: docs.slack.dev/reference/block-kit, and slackblocks 3.0.0, which a test compares with this file.
"""

from __future__ import annotations

from typing import Final

MESSAGE_BLOCKS: Final = 50
VIEW_BLOCKS: Final = 100
MESSAGE_TEXT: Final = 12_000  # all text of a message's blocks; Slack says msg_blocks_too_long at about 13,200
MESSAGE_FALLBACK_TEXT: Final = 40_000  # the `text` beside the blocks; longer is refused as msg_too_long
MARKDOWN_TEXT: Final = 12_000

ID: Final = 255  # block_id, action_id, callback_id
PRIVATE_METADATA: Final = 3_000
VIEW_TITLE: Final = 24  # also a view's submit and close
VIEW_BYTES: Final = 250_000
VIEW_DEPTH: Final = 3

TEXT: Final = 3_000
FIELDS: Final = 10
FIELD_TEXT: Final = 2_000
HEADER_TEXT: Final = 150
CONTEXT_ELEMENTS: Final = 10
ACTIONS_ELEMENTS: Final = 25
INPUT_LABEL: Final = 2_000
INPUT_HINT: Final = 2_000
ALERT_TEXT: Final = 200
PLAN_TASKS: Final = 50

URL: Final = 3_000
IMAGE_ALT_TEXT: Final = 2_000
IMAGE_TITLE: Final = 2_000

BUTTON_TEXT: Final = 75
BUTTON_VALUE: Final = 2_000
BUTTON_LABEL: Final = 75
CONFIRM_TITLE: Final = 100
CONFIRM_TEXT: Final = 300
CONFIRM_BUTTON: Final = 30
PLACEHOLDER: Final = 150
OPTIONS: Final = 100
OPTION_GROUPS: Final = 100
OVERFLOW_OPTIONS: Final = 5
CHOICE_OPTIONS: Final = 10  # checkboxes and radio buttons
OPTION_TEXT: Final = 75
OPTION_VALUE: Final = 150
OPTION_DESCRIPTION: Final = 75
INPUT_TEXT: Final = 3_000
INPUT_FILES: Final = 10

TABLE_ROWS: Final = 100
TABLE_COLUMNS: Final = 20
TABLES: Final = 1
DATA_TABLE_ROWS_LEAST: Final = 2
DATA_TABLE_ROWS: Final = 201
DATA_TABLE_TEXT: Final = 20_000
DATA_TABLE_PAGE: Final = 100
CHARTS: Final = 2
CHART_TITLE: Final = 50
CHART_LABEL: Final = 20
CHART_AXIS_LABEL: Final = 50
CHART_POINTS: Final = 20
CHART_SERIES: Final = 6  # slackblocks allows 12, Slack's own page said 6; nobody has seen 12 live
