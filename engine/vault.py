"""Seal what must not lie open in the database: with the newest of several keys, opened by any of them.

Fernet (AES-128-CBC under HMAC-SHA256, the moment of sealing inside) of the package cryptography. Knows nothing of what
is sealed.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from engine.errors import Invalid, NotReady

VARIABLE = "ASSAY_SLACK_KEYS"
_MAKE = 'python -c "from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())"'


class Vault:
    """Keys from newest to oldest, separated by commas. Raises ``Invalid`` for none, or for one that is no key."""

    def __init__(self, keys: str) -> None:
        try:
            self._keys = [Fernet(key.strip()) for key in keys.split(",") if key.strip()]
        except ValueError as error:
            raise Invalid(f"{VARIABLE} holds something that is no key.", hint=f"Make one: {_MAKE}") from error
        if not self._keys:
            raise Invalid(f"{VARIABLE} is missing.", hint=f"Make a key and keep it safe: {_MAKE}")
        self._all = MultiFernet(self._keys)

    def seal(self, text: str, at: datetime) -> str:
        """The text sealed with the newest key, at a moment that can be asked for when it is opened."""
        return self._keys[0].encrypt_at_time(text.encode(), int(at.timestamp())).decode()

    def open(self, sealed: str) -> str:
        """What was sealed by any of the keys. Raises ``NotReady`` where none of them did."""
        try:
            return self._all.decrypt(sealed.encode()).decode()
        except InvalidToken as error:
            raise NotReady(
                f"No key of {VARIABLE} opens it.", hint=f"Add the key it was sealed with at the end of {VARIABLE}."
            ) from error

    def open_within(self, sealed: str, now: datetime, lasts: timedelta) -> str:
        """The same, for what opens only so long after it was sealed; "" for anything else."""
        try:
            return self._all.decrypt_at_time(sealed.encode(), int(lasts.total_seconds()), int(now.timestamp())).decode()
        except InvalidToken:
            return ""

    def is_newest(self, sealed: str) -> bool:
        """Whether the newest key sealed it, so that the others are not needed for it."""
        try:
            self._keys[0].decrypt(sealed.encode())
        except InvalidToken:
            return False
        return True
