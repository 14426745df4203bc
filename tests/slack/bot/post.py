"""A sender on the test's own time, beside the room it posts to."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from sqlmodel import col, select

from bot.outbox import Sender
from bot.projections import Projections, Rendered
from engine.desk import mail
from engine.models.mail import Outbox
from tests.slack.bot.wire import Wire

POST = "chat.postMessage"


class Post:
    """A sender on the test's own time, beside the room it posts to."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.passed = 0.0
        wire.clock.moment = datetime.now(UTC)  # Slack's messages are told by Slack's time
        self.sender = self.another()

    def another(self, render: Callable[[Outbox], Rendered | None] | None = None) -> Sender:
        """The sender of a bot that was started anew."""
        shows = render or Projections(self.wire.desk, report_url=lambda _run: "").render
        return Sender(self.wire.desk, self.wire.bot.slack, render=shows, specials={}, monotonic=lambda: self.passed)

    def restart(self) -> None:
        """The bot died and is started again."""
        mail.recover(self.wire.desk)
        self.sender = self.another()

    def wait(self, seconds: float) -> None:
        """Let time pass, for the bot and for Slack."""
        self.passed += seconds
        self.wire.clock.move(seconds=seconds)
        self.wire.room.clock.push(seconds)

    def go(self) -> int:
        """Send until nothing more may go now; how many rows were worked on."""
        worked = 0
        while done := self.sender.step():
            worked += done
        return worked

    def post(self, *texts: str, channel: str = "C1") -> None:
        """Have texts posted."""
        for text in texts:
            mail.post(self.wire.desk, channel, POST, {"text": text})

    def fault(self, kind: str, method: str = POST, **more: object) -> None:
        """What the next calls of a method meet."""
        self.wire.room.post("/_faults", {"method": method, "kind": kind, **more})

    def texts(self, channel: str = "C1") -> list[str]:
        """What stands in a channel."""
        return [str(one["text"]) for one in self.wire.posted(channel)]

    def states(self) -> list[str]:
        """The state of every row, oldest first."""
        with self.wire.desk.services.database.read() as tx:
            return [str(row.state) for row in tx.exec(select(Outbox).order_by(col(Outbox.id)))]

    def calls(self, method: str = POST) -> int:
        """How often a method was called and reached its effect."""
        return len(self.wire.calls(method))
