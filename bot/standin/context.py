"""What one running stand-in is made of, passed to everything that answers a request.

Knows nothing of the requests.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from bot.blockkit.shape import Json
from bot.standin.delivery import Delivery
from bot.standin.faults import Faults
from bot.standin.room import Room
from bot.standin.socket import Sockets
from bot.standin.tickets import Triggers


@dataclass(frozen=True)
class Verb:
    """A word the page completes after the command, with what it does in a few words."""

    name: str
    summary: str = ""
    example: str = ""


@dataclass(frozen=True)
class Tour:
    """What a newcomer is shown: the verbs to complete, three lines of what to try, and a title."""

    verbs: tuple[Verb, ...] = ()
    hints: tuple[str, ...] = ()


@dataclass
class Standin:
    """The parts, once each."""

    room: Room
    sockets: Sockets
    delivery: Delivery
    triggers: Triggers
    faults: Faults
    tour: Tour
    calls: list[Json] = field(default_factory=list[Json])  # what the app called, for tests; the newest 10,000
