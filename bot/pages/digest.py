"""The digest of a month as a page for managers: what was saved, whether it is still worth it, what to decide."""

from __future__ import annotations

from dataclasses import dataclass

from bot import links
from bot.messages.digest import Month, month
from bot.pages import paper
from engine.desk import Desk, digests


@dataclass(frozen=True)
class DigestPage:
    """Everything the page shows."""

    month: Month


def page(desk: Desk, period: str, signature: str) -> str:
    """The digest of a month as HTML. Raises ``NotFound``, for a signature of another address too."""
    links.check(desk, links.Shelf.DIGEST, period, signature)
    return paper.page("digest/month", DigestPage(month(digests.show(desk, period))))
