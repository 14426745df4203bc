"""What any text becomes before it is HTML: a small tree that templates draw and autoescape guards.

Knows nothing of the three notations that are read into it: mrkdwn, markdown, rich_text.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from bot.standin import people
from bot.standin.room import Room

Kind = Literal[
    "text", "bold", "italic", "strike", "code", "pre", "quote", "link", "mention", "broadcast", "emoji", "break",
    "bullets", "numbers", "entry", "heading", "paragraph",
]  # fmt: skip

EMOJI = {
    "arrow_right": "→", "bar_chart": "📊", "chart_with_upwards_trend": "📈", "eyes": "👀", "hourglass": "⌛",
    "hourglass_flowing_sand": "⏳", "inbox_tray": "📥", "information_source": "ℹ️", "lock": "🔒", "moneybag": "💰",
    "no_entry": "⛔", "pencil2": "✏️", "red_circle": "●", "rocket": "🚀", "seedling": "🌱", "smile": "😄", "tada": "🎉",
    "thumbsup": "👍", "+1": "👍", "warning": "⚠️", "wave": "👋", "white_check_mark": "✅", "x": "❌",
}  # fmt: skip

DATE_FORMATS = {
    "{date}": "%B %-d, %Y", "{date_long}": "%A, %B %-d, %Y", "{date_long_pretty}": "%A, %B %-d, %Y",
    "{date_num}": "%Y-%m-%d", "{date_pretty}": "%B %-d, %Y", "{date_short}": "%b %-d, %Y",
    "{date_short_pretty}": "%b %-d, %Y", "{time}": "%H:%M UTC", "{time_secs}": "%H:%M:%S UTC",
}  # fmt: skip

SAFE_SCHEMES = ("http://", "https://", "mailto:")


@dataclass(frozen=True)
class Node:
    """One piece: its words or its parts; `href` only for a link, already known to be harmless."""

    kind: Kind
    text: str = ""
    parts: tuple[Node, ...] = ()
    href: str = ""


@dataclass(frozen=True)
class Names:
    """How people and channels are called here."""

    persons: dict[str, str] = field(default_factory=dict[str, str])
    channels: dict[str, str] = field(default_factory=dict[str, str])

    @classmethod
    def of(cls, room: Room) -> Names:
        """The names known in a room."""
        return cls(
            {found.id: found.real_name or found.name for found in people.persons(room)},
            {found.id: found.name for found in people.channels(room)},
        )

    def person(self, user_id: str) -> Node:
        """A mention of a person."""
        return Node("mention", f"@{self.persons.get(user_id, user_id)}")

    def channel(self, channel_id: str) -> Node:
        """A mention of a channel."""
        return Node("mention", f"#{self.channels.get(channel_id, channel_id)}")


def emoji(name: str) -> Node:
    """An emoji by its short name; one that is unknown here stays as it was written."""
    return Node("emoji", EMOJI[name]) if name in EMOJI else Node("text", f":{name}:")


def link(url: str, label: str) -> Node:
    """A link, or its plain words when the scheme is not a harmless one."""
    if url.lower().startswith(SAFE_SCHEMES):
        return Node("link", label or url, href=url)
    return Node("text", label or url)


def date(timestamp: str, pattern: str, otherwise: str) -> Node:
    """A moment written by Slack's pattern, in UTC."""
    if not timestamp.isdigit() or len(timestamp) > 10:  # the year 2286; beyond it the pattern makes no sense
        return Node("text", otherwise)
    moment = datetime.fromtimestamp(int(timestamp), UTC)
    for token, code in DATE_FORMATS.items():
        pattern = pattern.replace(token, moment.strftime(code))
    return Node("text", pattern)


def plain_words(nodes: tuple[Node, ...]) -> str:
    """All words of a tree, for a label or a table cell."""
    return "".join(" " if node.kind == "break" else node.text + plain_words(node.parts) for node in nodes)
