"""One call of the Web API: its arguments, read as leniently as Slack reads them.

Knows nothing of any method.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from bot.blockkit.shape import Json, mapping, mappings, string
from bot.standin.context import Standin
from bot.standin.refusals import ApiRefused
from bot.standin.room import Room

APP_TOKEN_METHODS = ("apps.connections.open",)


def loaded(text: str) -> object:
    """A JSON text that can be sent on again; ``ValueError`` for any other: nested endlessly, half a character."""
    try:
        found: object = json.loads(text)
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    json.dumps(found, ensure_ascii=False).encode()
    return found


@dataclass(frozen=True)
class Call:
    """What an app sent to one method."""

    standin: Standin
    token: str
    arguments: Json
    base_url: str

    @property
    def room(self) -> Room:
        """The room it is about."""
        return self.standin.room

    def check_token(self, method: str) -> None:
        """Refuse a missing token, a foreign one, and one of the wrong kind."""
        work = self.room.workspace
        if not self.token:
            raise ApiRefused("not_authed")
        if self.token not in (work.bot_token, work.app_token):
            raise ApiRefused("invalid_auth")
        if (self.token == work.app_token) != (method in APP_TOKEN_METHODS):
            raise ApiRefused("not_allowed_token_type")

    def text(self, name: str) -> str:
        """A string argument, empty when missing."""
        value = self.arguments.get(name)
        return "" if value is None else str(value)

    def needed(self, name: str) -> str:
        """A string argument that must be there."""
        value = self.text(name)
        if not value:
            raise ApiRefused(
                "invalid_arguments", response_metadata={"messages": [f"[ERROR] missing required field: {name}"]}
            )
        return value

    def flag(self, name: str) -> bool:
        """A truth value, however it was spelled."""
        return self.text(name).lower() in ("1", "true")

    def number(self, name: str, default: int) -> int:
        """A whole number, or the default when it is none."""
        value = self.text(name)
        return int(value) if value.isdigit() else default

    def json(self, name: str) -> object:
        """A structured argument: JSON itself, or JSON in a string; refuses text that is no JSON."""
        value = self.arguments.get(name)
        if not isinstance(value, str):
            return value
        try:
            return loaded(value)
        except ValueError:
            raise ApiRefused("invalid_json") from None

    def mappings(self, name: str) -> list[Json]:
        """An array of objects."""
        return mappings(self.json(name))

    def mapping(self, name: str) -> Json:
        """An object."""
        return mapping(self.json(name))

    def words(self, name: str) -> list[str]:
        """A comma-separated list."""
        return [word for word in string(self.arguments.get(name)).split(",") if word]
