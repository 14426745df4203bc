"""How the small Slack says no to an app: Slack's own code, plus whatever the code carries.

Knows nothing of sentences for people; those are in `templates/standin/notice.txt.j2`.
"""

from __future__ import annotations

from collections.abc import Sequence

from bot.blockkit.elements import Problem


class ApiRefused(Exception):
    """A Web API call Slack would answer with `{"ok": false, "error": code}`."""

    def __init__(self, code: str, **more: object) -> None:
        super().__init__(code)
        self.code = code
        self.more = more


class Unanswered(Exception):
    """The app did not acknowledge an envelope; `reason` is Slack's word for it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def refuse_problems(problems: Sequence[Problem], code: str = "invalid_blocks") -> None:
    """Raise `code` with each breach and its pointer, or return when there is none."""
    if problems:
        told = [f"[ERROR] {problem.message} [json-pointer:{problem.pointer}]" for problem in problems]
        raise ApiRefused(code, errors=told, response_metadata={"messages": told})
