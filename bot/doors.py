"""Which workspace a delivery is for, and the door it goes in at: Bolt's one app before the bots of all workspaces."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from typing import Any, Protocol

from slack_bolt import Ack, App, BoltContext, BoltResponse

log = logging.getLogger(__name__)

ANYTHING = re.compile(".*")
Body = dict[str, Any]


class Door(Protocol):
    """Where deliveries of one workspace go in."""

    def command(self, ack: Ack, body: Body) -> None:
        """``/assay …``."""
        ...

    def action(self, ack: Ack, body: Body) -> None:
        """A button, a menu or a link that was pressed."""
        ...

    def view(self, ack: Ack, body: Body) -> None:
        """A form that was sent."""
        ...

    def shortcut(self, ack: Ack, body: Body) -> None:
        """A shortcut that was picked."""
        ...

    def passed(self, ack: Ack, body: Body) -> None:
        """What nothing is done about."""
        ...

    def keep(self, body: Body, context: dict[str, Any], next_: Callable[[], Any]) -> Any:  # noqa: ANN401 (Bolt's)
        """An event, before it is acknowledged."""
        ...

    def event(self, body: Body, context: dict[str, Any]) -> None:
        """An event that was acknowledged."""
        ...


class Shut:
    """The door of a workspace that has not installed Assay, or took it away: people are told, nothing is kept.

    ``comes_again``: it may be open in a moment, so Slack is to send an event again.
    """

    def __init__(self, why: str, *, comes_again: bool = False) -> None:
        self._why = why
        self._comes_again = comes_again

    def command(self, ack: Ack, body: Body) -> None:
        """Say why nothing happens."""
        log.info("slack.shut_out", extra={"type": str(body.get("command", ""))[:40]})
        ack(text=self._why)

    def passed(self, ack: Ack, body: Body) -> None:
        """Acknowledge, and do nothing."""
        log.info("slack.shut_out", extra={"type": str(body.get("type", ""))[:40]})
        ack()

    action = view = shortcut = passed

    def keep(self, body: Body, context: dict[str, Any], next_: Callable[[], Any]) -> Any:  # noqa: ANN401 (Bolt's)
        """Keep nothing."""
        del body, context
        return BoltResponse(status=503) if self._comes_again else next_()

    def event(self, body: Body, context: dict[str, Any]) -> None:
        """Do nothing."""
        log.info("slack.shut_out", extra={"type": str(body.get("type", ""))[:40]})
        del context


DoorOf = Callable[[str], Door]  # by the id of the workspace a delivery is for


def attach(app: App, door: DoorOf) -> None:
    """Have Bolt bring everything that may arrive to the door of its workspace."""
    hall = _Hall(door)
    app.command(ANYTHING)(hall.command)
    app.action(ANYTHING)(hall.action)
    app.view(ANYTHING)(hall.view)
    app.view_closed(ANYTHING)(hall.passed)
    app.shortcut(ANYTHING)(hall.shortcut)
    app.options(ANYTHING)(hall.passed)
    app.event(ANYTHING, middleware=[hall.keep])(hall.event)


class _Hall:
    """What Bolt calls: it finds the arguments by their names."""

    def __init__(self, door: DoorOf) -> None:
        self._door = door

    def command(self, ack: Ack, body: Body, context: BoltContext) -> None:
        self._door(_team(context)).command(ack, body)

    def action(self, ack: Ack, body: Body, context: BoltContext) -> None:
        self._door(_team(context)).action(ack, body)

    def view(self, ack: Ack, body: Body, context: BoltContext) -> None:
        self._door(_team(context)).view(ack, body)

    def shortcut(self, ack: Ack, body: Body, context: BoltContext) -> None:
        self._door(_team(context)).shortcut(ack, body)

    def passed(self, ack: Ack, body: Body, context: BoltContext) -> None:
        self._door(_team(context)).passed(ack, body)

    def keep(self, body: Body, context: BoltContext, next_: Callable[[], Any]) -> Any:  # noqa: ANN401 (Bolt's)
        return self._door(_team(context)).keep(body, context, next_)

    def event(self, body: Body, context: BoltContext) -> None:
        self._door(_team(context)).event(body, context)


def _team(context: BoltContext) -> str:
    return str(context.team_id or "")
