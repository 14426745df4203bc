"""Addresses of the pages people open from a message. Who has one may look: none can be guessed, none lasts for ever.

An address is signed with the bot's token: over the shelf, the name and the day until which it opens. Nothing is
stored, a new token closes all of them, and one that ran out is given anew by the command that gave it. Where several
workspaces are served their tokens come and go, so the app's client secret signs, over the workspace's own address too.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import date, timedelta
from enum import StrEnum
from urllib.parse import urlsplit

from engine.desk import Desk
from engine.errors import NotFound

KEY_LETTERS = 16  # of 32 signs each: 80 bits
DAYS = 90  # at least; then to the end of the month, so that a message shown again has the address it had


class Shelf(StrEnum):
    """A kind of page; the value stands in its address."""

    REPORT = "reports"
    READING = "readings"
    DIGEST = "digests"


_AGAIN = {
    Shelf.REPORT: "For a new one: /assay compare SLUG",
    Shelf.READING: "For a new one: /assay ready SLUG",
    Shelf.DIGEST: "For a new one: /assay digest",
}


def report(desk: Desk, run_id: str) -> str:
    """The address of a run's report; "" where no public address or no bot's token is known, as in a shell."""
    return _public(desk, path(desk, Shelf.REPORT, run_id))


def reading(desk: Desk, slug: str) -> str:
    """The address of a feature's readiness; "" as for a report."""
    return _public(desk, path(desk, Shelf.READING, slug))


def digest(desk: Desk, period: str) -> str:
    """The address of a month's digest; "" as for a report."""
    return _public(desk, path(desk, Shelf.DIGEST, period))


def path(desk: Desk, shelf: Shelf, name: str) -> str:
    """The path of a page, as another page names it; "" where no bot's token is known."""
    until = _last_day(desk.services.clock.now().date() + timedelta(days=DAYS))
    key = _key(desk, shelf, name, until)
    return f"{_under(desk)}/{shelf}/{name}/{until:%Y%m%d}-{key}" if key else ""


def check(desk: Desk, shelf: Shelf, name: str, signature: str) -> None:
    """Raises ``NotFound`` unless the signature is the one of this page and its day has not passed."""
    told, _, key = signature.partition("-")
    try:
        until = date.fromisoformat(told)
    except ValueError:
        until = date.min
    known = _key(desk, shelf, name, until)
    if not known or not hmac.compare_digest(known.encode(), key.encode()):
        raise NotFound("There is no such page, or its address has run out.", hint=_AGAIN[shelf])
    if desk.services.clock.now().date() > until:
        raise NotFound(f"This address opened until {until:%d %b %Y}.", hint=_AGAIN[shelf])


def _public(desk: Desk, where: str) -> str:
    base = desk.services.settings.public_url.rstrip("/")
    return f"{base.removesuffix(_under(desk))}{where}" if base and where else ""


def _under(desk: Desk) -> str:
    """The path that the public address begins with, "" for one that is a host alone."""
    base = desk.services.settings.public_url.rstrip("/")
    return urlsplit(base).path if "//" in base else ""


def _last_day(of: date) -> date:
    return (of.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)


def _key(desk: Desk, shelf: Shelf, name: str, until: date) -> str:
    settings = desk.services.settings
    secret, told = settings.slack_bot_token.get_secret_value(), f"{shelf}:{name}:{until.isoformat()}"
    if settings.serves_several:
        secret, told = settings.slack_client_secret.get_secret_value(), f"{settings.public_url}:{told}"
    if not secret:
        return ""
    signed = hmac.digest(secret.encode(), told.encode(), hashlib.sha256)
    return base64.b32encode(signed).decode().lower()[:KEY_LETTERS]
