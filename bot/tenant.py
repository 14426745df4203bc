"""The bot of one workspace: its counter, its Slack, its sender, its pages. Several run side by side and share nothing.

Knows nothing of Bolt's app, which takes deliveries for all of them, nor of how many there are.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Protocol, TypeVar

from slack_sdk import WebClient

from bot import asgi, links
from bot.access import Groups, People
from bot.blockkit.render import Message, View, render
from bot.homes import Homes
from bot.inbox import Deliveries
from bot.listen import Listener
from bot.messages import notice
from bot.outbox import Sender, Special
from bot.pages import digest, paper, reading, report
from bot.parcels import Parcels
from bot.projections import Projections
from bot.surface import Place, Slack
from engine.desk import Desk, mail, open_desk, operate
from engine.errors import Refused, Repeated, Upstream, WorkFailed
from engine.services import Services

log = logging.getLogger(__name__)

T = TypeVar("T")


class Broken(WorkFailed):
    """What nobody foresaw; ``reference`` is in the log."""

    def __init__(self, reference: str) -> None:
        super().__init__(f"broke (ref {reference})")
        self.reference = reference


class Foreseen(Protocol):
    """Does work; whatever nobody foresaw is logged once, as the event, and comes out as ``Broken``."""

    def __call__(self, event: str, work: Callable[[], T]) -> T:
        """Do the work."""
        ...


@dataclass(frozen=True)
class Tenant:
    """The parts of one workspace's bot, none of them started."""

    desk: Desk
    slack: Slack
    listener: Listener
    sender: Sender
    pages: asgi.Pages


def furnish(
    services: Services,
    web: WebClient,
    *,
    foreseen: Foreseen,
    monotonic: Callable[[], float] = time.monotonic,
    team: str = "",
) -> Tenant:
    """The bot of the workspace that these services and this client are of.

    ``monotonic`` paces what is sent; ``team`` names one of several workspaces in figures.
    """
    slack, desk = Slack(web), open_desk(services)
    boundary = Boundary(desk, slack, foreseen)
    people = People(slack, lambda: operate.team(services))
    deliveries = Deliveries(desk, slack, people, Groups(slack, people), boundary=boundary.run)
    homes, parcels = Homes(desk, slack), Parcels(desk, slack, report=partial(report.shown, desk))
    projections = Projections(desk, partial(links.report, desk), partial(links.digest, desk))
    specials: dict[str, Special] = {
        mail.DELIVERY: lambda row: foreseen("delivery.broke", lambda: deliveries.effect(row)),
        mail.FETCH: lambda row: foreseen("delivery.broke", lambda: deliveries.fetch(row)),
        mail.FILE: lambda row: foreseen("file.broke", lambda: parcels.send(row)),
        mail.HOMES: lambda row: foreseen("home.broke", lambda: homes.spread(row)),
        mail.HOME: lambda row: foreseen("home.broke", lambda: homes.renew(row)),
    }
    sender = Sender(
        desk,
        slack,
        render=lambda row: foreseen("message.broke", lambda: projections.render(row)),
        specials=specials,
        monotonic=monotonic,
        team=team,
    )
    pages = asgi.Pages(
        report=partial(report.page, desk),
        reading=partial(reading.page, desk),
        digest=partial(digest.page, desk),
        policy=paper.policy(),
    )
    return Tenant(desk, slack, Listener(deliveries, slack, homes, boundary.run), sender, pages)


class Boundary:
    """Runs work for a person and tells them what came of it. What nobody foresaw ends here, with a reference."""

    def __init__(self, desk: Desk, slack: Slack, foreseen: Foreseen) -> None:
        self._desk = desk
        self._slack = slack
        self._foreseen = foreseen

    def run(self, place: Place, work: Callable[[], View | None]) -> None:
        """Do the work; answer with its view, a refusal, or a reference that is in the log."""
        try:
            view = self._foreseen("request.broke", work)
        except Repeated:
            return
        except Refused as error:
            view = notice.refused(error)
        except Upstream as error:
            log.warning("request.let_down", extra={"why": type(error).__name__})
            view = notice.Refusal(str(error), "Nothing was changed. Try again.")
        except Broken as error:
            view = notice.Broke(error.reference)
        if view is not None:
            self._slack.answer(place, render(view), fallback=self._direct)

    def _direct(self, person: str, message: Message) -> None:
        mail.post(self._desk, person, "chat.postMessage", {"text": message.text, "blocks": message.blocks})
