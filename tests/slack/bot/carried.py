"""Two ways a delivery reaches the bot: signed HTTP, and the room's socket. Both give a status and what was said."""

from __future__ import annotations

import json
import threading
import urllib.parse
from collections.abc import Generator
from contextlib import contextmanager
from typing import Protocol

from bot import socket
from tests.slack.bot.wire import Delivery, Wire
from tests.waiting import eventually


class Carrier(Protocol):
    """Whatever delivers."""

    def send(self, delivery: Delivery) -> tuple[int, str]:
        """Deliver; Slack's status for an acknowledgement, and what it carried."""
        ...


class OverSocket:
    """The same deliveries, through the room's socket."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def send(self, delivery: Delivery) -> tuple[int, str]:
        """Deliver; Slack's status for an acknowledgement, and what it carried."""
        body, kind = delivery
        fields = dict(urllib.parse.parse_qsl(body.decode())) if kind.startswith("application/x-www") else {}
        if "payload" in fields:
            envelope = {"kind": "interactive", "payload": json.loads(fields["payload"])}
        elif fields:
            envelope = {"kind": "slash_commands", "payload": fields}
        else:
            envelope = {"kind": "events_api", "payload": json.loads(body)}
        status, said = self._wire.room.post("/_deliver", envelope)
        return status, json.dumps(said)


def hurry(line: socket.Wire) -> None:
    """Have the SDK's thread look up more often than each 3 s, so that a test ends soon."""
    link = line._line.client.current_session  # pyright: ignore[reportPrivateUsage] # nothing else tells it
    assert link is not None
    assert link.sock is not None
    link.sock.settimeout(0.05)


@contextmanager
def by_socket(wire: Wire) -> Generator[OverSocket]:
    """A socket of the wire's bot to its room, until the end."""
    line = socket.Wire(wire.bot.app, wire.bot.slack.client, "xapp-standin", threads=8)
    before = wire.room.standin.sockets.count
    line.connect(threading.Event())
    eventually(lambda: wire.room.standin.sockets.count > before)
    hurry(line)
    yield OverSocket(wire)
    line.end()
