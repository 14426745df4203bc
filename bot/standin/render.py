"""Turn what the room holds into HTML with the templates of `templates/standin/`, autoescape on.

Knows nothing of HTTP. User text reaches a template only as nodes or as plain strings, never as markup.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from bot.blockkit.shape import Json, mapping, mappings, string
from bot.manifest import SHORTCUTS
from bot.standin import chart, mrkdwn, people, rich
from bot.standin.context import Standin
from bot.standin.nodes import Names, Node, emoji
from bot.standin.room import Person, Room
from bot.standin.state import numbered, options_of

EMOJI_WORD = re.compile(r":([a-z0-9_+-]+):")
COLOURS = 8


@dataclass(frozen=True)
class Spot:
    """An element with the name of its field."""

    name: str
    element: Json


@dataclass(frozen=True)
class Drawn:
    """A block with its numbered elements, and its chart where it is one."""

    block: Json
    spots: tuple[Spot, ...]
    chart: chart.Chart | None = None


class Renderer:
    """The templates with the filters they use, for one room."""

    def __init__(self, standin: Standin) -> None:
        self._room = standin.room
        self._environment = Environment(
            loader=PackageLoader("templates", "standin"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        filters: dict[str, Any] = {
            "clock": clock,
            "colour": colour,
            "day": day,
            "draw": draw,
            "initials": initials,
            "markdown": rich.markdown,
            "mrkdwn": self._mrkdwn,
            "options": options_of,
            "plain": plain,
            "rich": self._rich,
            "right": stands_right,
            "size": size,
            "text": self._text,
        }
        known: dict[str, Any] = {
            "message_shortcuts": [one for one in SHORTCUTS if one[1] == "message"],
            "person": self._person,
            "work": standin.room.workspace,
        }
        self._environment.filters.update(filters)
        self._environment.globals.update(known)

    def html(self, template: str, **facts: object) -> str:
        """A template rendered with facts."""
        return self._environment.get_template(template).render(**facts)

    def _names(self) -> Names:
        return Names.of(self._room)

    def _mrkdwn(self, text: str) -> tuple[Node, ...]:
        return mrkdwn.parse(text, self._names())

    def _rich(self, block: Json) -> tuple[Node, ...]:
        return rich.rich_text(block, self._names())

    def _text(self, found: object) -> tuple[Node, ...]:
        """A text object, plain or mrkdwn, as nodes."""
        text = mapping(found)
        if text.get("type") == "mrkdwn":
            return self._mrkdwn(string(text.get("text")))
        return (Node("text", plain(string(text.get("text")))),)

    def _person(self, user_id: str) -> Person:
        return author(self._room, user_id)


def author(room: Room, user_id: str) -> Person:
    """Who wrote a message; the stand-in's own lines come from nobody seeded."""
    return people.person(room, user_id) or Person(user_id, "standin", "Stand-in")


def draw(blocks: object) -> list[Drawn]:
    """Blocks with their elements numbered as the page names their fields."""
    known = mappings(blocks)
    spots: dict[int, list[Spot]] = {}
    for found in numbered(known):
        spots.setdefault(id(found.block), []).append(Spot(found.name, found.element))
    return [
        Drawn(
            block,
            tuple(spots.get(id(block), ())),
            chart.lay_out(block) if block.get("type") == "data_visualization" else None,
        )
        for block in known
    ]


def stands_right(table: Json, column: int) -> bool:
    """Whether a table's column is set to the right, as figures are."""
    return [setting.get("align") for setting in mappings(table.get("column_settings"))][column : column + 1] == [
        "right"
    ]


def plain(text: str) -> str:
    """Plain text with its emoji words drawn."""
    return EMOJI_WORD.sub(lambda found: emoji(found.group(1)).text, text)


def clock(ts: str) -> str:
    """The time of a message, UTC."""
    return _moment(ts).strftime("%H:%M")


def day(ts: str) -> str:
    """The day of a message, UTC."""
    return _moment(ts).strftime("%A, %-d %B %Y")


def _moment(ts: str) -> datetime:
    return datetime.fromtimestamp(float(ts or "0"), UTC)


def initials(person: Person) -> str:
    """Up to two letters for an avatar."""
    words = (person.real_name or person.name).split()
    return "".join(word[0] for word in (words[:1] + words[1:][-1:])).upper()


def colour(key: str) -> int:
    """A number that always goes with the same person, for an avatar's colour."""
    return sum(ord(letter) * (index + 1) for index, letter in enumerate(key)) % COLOURS


def size(count: int) -> str:
    """A file's size for a person."""
    if count < 1_000:
        return f"{count} bytes"
    return f"{count / 1_000:.0f} kB" if count < 1_000_000 else f"{count / 1_000_000:.1f} MB"
