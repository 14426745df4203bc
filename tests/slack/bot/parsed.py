"""Where Slack looks for mentions and links in what it is sent."""

from __future__ import annotations

import json
from typing import Any


def parsed_by_slack(sent: Any) -> list[str]:
    """Every text of a payload in which Slack looks for mentions and links; mentions made as elements stand as such."""
    found: list[str] = []
    match sent:
        case {"type": "mrkdwn", "text": str(said)}:
            found.append(said)
        case {"type": "broadcast" | "user" | "usergroup" | "link"}:
            found.append(json.dumps(sent))
        case {"type": "plain_text" | "raw_text" | "text"}:
            pass  # here Slack looks for nothing
        case dict():
            parts: dict[str, Any] = sent
            found += [said for said in (parts.get("text"),) if isinstance(said, str)]
            found += [text for part in parts.values() for text in parsed_by_slack(part)]
        case list():
            pieces: list[Any] = sent
            found += [text for part in pieces for text in parsed_by_slack(part)]
        case _:
            pass
    return found
