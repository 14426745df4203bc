"""Addresses of the pages people open from a message. Whoever has one may look, so none can be guessed.

A run's id is random. A feature's name and a month are not, so the address of such a page carries a key made of its
name and the bot's token: nothing is stored, and a new token closes the old addresses.
"""

from __future__ import annotations

import base64
import hashlib
import hmac

from engine.settings import Settings

KEY_LETTERS = 16  # of 32 signs each: 80 bits


def report(settings: Settings, run_id: str) -> str:
    """The address of a run's report; "" where no public address is known."""
    return f"{settings.public_url.rstrip('/')}/reports/{run_id}" if settings.public_url else ""


def reading(settings: Settings, slug: str) -> str:
    """The address of a feature's readiness; "" where no public address or no bot's token is known, as in a shell."""
    return _keyed(settings, "readings", slug)


def digest(settings: Settings, period: str) -> str:
    """The address of a month's digest; "" where no public address or no bot's token is known, as in a shell."""
    return _keyed(settings, "digests", period)


def opens(settings: Settings, shelf: str, name: str, key: str) -> bool:
    """Whether the key is the one of this page's address."""
    known = _key(settings, shelf, name)
    return bool(known) and hmac.compare_digest(known.encode(), key.encode())


def _keyed(settings: Settings, shelf: str, name: str) -> str:
    key = _key(settings, shelf, name)
    return f"{settings.public_url.rstrip('/')}/{shelf}/{name}/{key}" if settings.public_url and key else ""


def _key(settings: Settings, shelf: str, name: str) -> str:
    secret = settings.slack_bot_token.get_secret_value()
    if not secret:
        return ""
    digest = hmac.digest(secret.encode(), f"{shelf}:{name}".encode(), hashlib.sha256)
    return base64.b32encode(digest).decode().lower()[:KEY_LETTERS]
