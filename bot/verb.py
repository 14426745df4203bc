"""What one verb is: its arguments, its keys, who may say it. The table itself is ``bot.verbs``."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from engine.models.actor import Role


class Kind(StrEnum):
    """What the value of an argument or key is."""

    TEXT = "text"
    SLUG = "slug"
    WORD = "word"
    PERSON = "person"
    PEOPLE = "people"
    CHANNEL = "channel"
    ADDRESS = "address"
    MONEY = "money"
    SHARE = "share"
    DAY = "day"
    NAMES = "names"
    FILE = "file"


@dataclass(frozen=True)
class Place:
    """One argument that is told by its place. ``words`` closes the list of what may stand there."""

    name: str
    kind: Kind = Kind.WORD
    needed: bool = True
    words: tuple[str, ...] = ()


SLUG = Place("SLUG", Kind.SLUG)


@dataclass(frozen=True)
class Key:
    """One ``key=value``. ``example`` is a value; ``words`` closes the list of values."""

    name: str
    kind: Kind = Kind.TEXT
    example: str = ""
    words: tuple[str, ...] = ()
    needed: bool = False


@dataclass(frozen=True)
class Verb:
    """One verb. ``role`` is the least role that may act; ``looks`` says that its bare form only looks, open to all.

    ``loosened`` names words at its last place that a lesser role may say too, ``tightened`` words and keys that need
    another role than the verb. ``aliases`` only help to guess.
    ``takes_any`` says that it knows more keys than are listed, which its desk function tells apart.
    """

    name: str
    summary: str
    examples: tuple[str, ...]
    role: Role = Role.GUEST
    places: tuple[Place, ...] = ()
    keys: tuple[Key, ...] = ()
    looks: bool = False
    loosened: tuple[tuple[str, Role], ...] = ()
    tightened: tuple[tuple[str, Role], ...] = ()
    aliases: tuple[str, ...] = ()
    takes_any: bool = False

    @property
    def example(self) -> str:
        """The plainest example that says all that is needed."""
        return next((line for line in self.examples if " " in line), self.examples[0])

    def key(self, name: str) -> Key | None:
        """The key of that name."""
        listed = next((key for key in self.keys if key.name == name), None)
        return Key(name, example="…") if listed is None and self.takes_any else listed
