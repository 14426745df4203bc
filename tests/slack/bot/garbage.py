"""Deliveries that are not what Slack promises: from noise to almost right."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

from hypothesis import strategies as st

from tests.slack.bot.wire import FORM, interactive

KINDS = ("block_actions", "view_submission", "view_closed", "shortcut", "message_action", "block_suggestion", "x", "")
leaves: Any = st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.sampled_from(["U1", "C1", "T0DEMO"])
names = st.sampled_from(
    ["type", "user", "team", "channel", "actions", "view", "id", "callback_id", "state", "values", "message", "ts",
     "event", "event_id", "text", "command", "trigger_id", "container", "action_id", "value", "files", "blocks",
     "private_metadata", "response_url", "channel_type", "api_app_id", "x"]
)  # fmt: skip
trees: Any = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=5), max_leaves=15
)


@st.composite
def garbage(draw: Any) -> tuple[bytes, str]:
    """Bodies from noise to almost right."""
    shape = draw(st.sampled_from(["bytes", "json", "payload", "event", "command"]))
    payload = draw(st.dictionaries(names, trees, max_size=8))
    kind = draw(st.sampled_from(KINDS))
    match shape:
        case "bytes":
            return draw(st.binary(max_size=200)), draw(st.sampled_from([FORM, "application/json", "text/plain"]))
        case "json":
            return json.dumps(draw(trees)).encode(), "application/json"
        case "payload":
            return interactive({**payload, "type": kind})
        case "event":
            body = {**payload, "type": "event_callback", "event": {**draw(st.dictionaries(names, trees)), "type": kind}}
            return json.dumps(body).encode(), "application/json"
        case _:
            fields = {**{name: str(value) for name, value in payload.items()}, "command": "/assay"}
            return urlencode(fields, errors="replace").encode(), FORM


NEARLY: list[dict[str, Any]] = [
    {"type": "block_actions"},
    {"type": "block_actions", "actions": []},
    {"type": "block_actions", "actions": [{}], "user": {"id": "U1"}},
    {"type": "block_actions", "actions": [{"action_id": "approval.approve"}], "user": {"id": "U1"}},
    {"type": "block_actions", "actions": [{"action_id": "verb.run", "value": None}], "user": {"id": "U1"}},
    {"type": "view_submission"},
    {"type": "view_submission", "view": {"callback_id": "register_feature"}},
    {"type": "view_submission", "view": {"id": "V", "callback_id": "register_feature"}, "user": {"id": "U1"}},
    {"type": "view_submission", "user": {"id": "U1"}, "view": {"id": "V", "callback_id": "upload_labels", "state": 7}},
    {"type": "view_closed", "view": {}},
    {"type": "shortcut"},
    {"type": 7, "user": []},
]
