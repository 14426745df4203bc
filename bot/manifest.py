"""The manifest of the Slack app, generated from the grammar: drift between it and the bot cannot happen unseen."""

from __future__ import annotations

import json
from typing import Any

from bot.grammar import usage_hint

SCOPES = (
    "commands",
    "chat:write",
    "files:read",
    "files:write",
    "app_mentions:read",
    "im:history",
    "channels:history",
    "groups:history",
    "users:read",
    "usergroups:read",
)
SHORTCUTS = (  # (id, where it is offered, name of at most 24 letters, what it does)
    ("new_feature", "global", "New feature", "Register an LLM feature with Assay"),
    ("use_as_labels", "message", "Use this file as labels", "Check the message's file and show a preview of it"),
)
EVENTS = ("app_home_opened", "app_mention", "file_shared", "message.im", "app_uninstalled", "tokens_revoked")
INSTALL_PATH, REDIRECT_PATH = "/slack/install", "/slack/oauth_redirect"
HINT_MOST = 1_000


def missing_scopes(granted: str) -> list[str]:
    """Scopes the bot lacks, of Slack's ``x-oauth-scopes`` header; empty when Slack did not say."""
    have = {scope.strip() for scope in granted.split(",") if scope.strip()}
    return [scope for scope in SCOPES if scope not in have] if have else []


def manifest(*, url: str = "", install_from: str = "") -> str:
    """The manifest as YAML; without ``url`` for Socket Mode. ``install_from``: workspaces install it there."""
    return "\n".join(_yaml(_body(url.rstrip("/"), install_from.rstrip("/")))) + "\n"


def _body(url: str, install_from: str) -> dict[str, Any]:
    events = f"{url}/slack/events"
    address = {"url": events} if url else {}
    request = {"request_url": events} if url else {}
    back = {"redirect_urls": [f"{install_from}{REDIRECT_PATH}"]} if install_from else {}
    return {
        "display_information": {
            "name": "Assay",
            "description": "Does a fine-tuned small model beat the prompted one, in numbers, today?",
        },
        "features": {
            "app_home": {"home_tab_enabled": True, "messages_tab_enabled": True},
            "bot_user": {"display_name": "Assay", "always_online": True},
            "shortcuts": [
                {"name": name, "type": kind, "callback_id": callback, "description": told}
                for callback, kind, name, told in SHORTCUTS
            ],
            "slash_commands": [
                {
                    "command": "/assay",
                    **address,
                    "description": "Register, investigate, roll out, watch",
                    "usage_hint": usage_hint()[:HINT_MOST],
                    "should_escape": True,
                }
            ],
        },
        "oauth_config": {**back, "scopes": {"bot": list(SCOPES)}},
        "settings": {
            "event_subscriptions": {**request, "bot_events": list(EVENTS)},
            "interactivity": {"is_enabled": True, **request},
            "org_deploy_enabled": False,
            "socket_mode_enabled": not url,
            "token_rotation_enabled": bool(install_from),
        },
    }


def _yaml(body: Any, indent: str = "") -> list[str]:  # noqa: ANN401 (any JSON value)
    """Block-style YAML of plain JSON values; strings are quoted as JSON, which YAML reads the same."""
    lines: list[str] = []
    if isinstance(body, dict):
        for name, value in body.items():  # pyright: ignore[reportUnknownVariableType] # any JSON value
            nested = isinstance(value, dict | list)
            lines.append(f"{indent}{name}:" if nested else f"{indent}{name}: {json.dumps(value)}")
            lines += _yaml(value, indent + "  ") if nested else []
        return lines
    for value in body:
        first, *rest = _yaml(value, indent + "  ") if isinstance(value, dict) else [f"{indent}  {json.dumps(value)}"]
        lines += [f"{indent}- {first.strip()}", *rest]
    return lines
