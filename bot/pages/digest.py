"""The digest of a month as a page for managers: what was saved, whether it is still worth it, what to decide."""

from __future__ import annotations

from dataclasses import dataclass

from bot import links
from bot.messages.digest import Month, month
from bot.pages import paper
from engine.desk import Desk, digests
from engine.errors import NotFound


@dataclass(frozen=True)
class DigestPage:
    """Everything the page shows."""

    month: Month


def page(desk: Desk, period: str, key: str) -> str:
    """The digest of a month as HTML. Raises ``NotFound``, for a key of another address too."""
    if not links.opens(desk.services.settings, "digests", period, key):
        raise NotFound("There is no such page, or its address has run out.", hint="/assay digest gives a new one.")
    return paper.page("digest/month", DigestPage(month(digests.show(desk, period))))
