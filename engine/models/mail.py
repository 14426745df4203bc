"""What came in from people once, what goes out to them, and which message shows which row."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, UniqueConstraint
from sqlmodel import Column, Field

from engine.models.base import Table, UtcDateTime, Value, word, words_check


class Once(Value):
    """The name of a delivery: the same (team, key) takes effect once. ``kind`` is command, press, form, event, file."""

    team: str
    key: str
    kind: str

    def effect(self) -> "Once":
        """The name of what an accepted delivery does, apart from its being accepted."""
        return Once(team=self.team, key=f"{self.key}!", kind=self.kind)


class Inbox(Table, table=True):
    """A delivery already taken: inserted in the same transaction as its effect, kept 7 days."""

    __table_args__ = (UniqueConstraint("team", "key"),)

    id: int | None = Field(default=None, primary_key=True)
    team: str
    key: str
    kind: str
    at: datetime = Field(sa_type=UtcDateTime)


class MailState(StrEnum):
    """Where an outgoing message stands. ``unsure``: Slack may or may not have it; look before sending again."""

    READY = "new"
    SENDING = "sending"
    UNSURE = "unsure"
    SENT = "sent"
    DEAD = "dead"


class Outbox(Table, table=True):
    """A call to Slack that waits its turn.

    ``method`` is a Slack method with ``payload``; or ``project`` with ``entity``, ``entity_id``, ``kind``: then the
    sender renders the newest state of that row and posts, updates, or does nothing.
    """

    __table_args__ = (words_check("state", MailState),)

    id: int | None = Field(default=None, primary_key=True)
    uid: str = Field(max_length=36, unique=True)
    channel: str = Field(index=True)
    method: str
    payload: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    entity: str = ""
    entity_id: str = ""
    kind: str = ""
    state: MailState = word(MailState, default=MailState.READY, index=True)
    attempts: int = 0
    not_before: datetime = Field(sa_type=UtcDateTime)
    ts: str = ""
    error: str = ""
    created_at: datetime = Field(sa_type=UtcDateTime)


class MessageRef(Table, table=True):
    """The one Slack message that shows one row: what was last rendered into it, and of which version.

    A person's Home is kept here too: ``ts`` is then the hash Slack gave it, ``updated_at`` when it was opened last,
    ``entity_version`` how many features stand before the first that it shows.
    """

    __table_args__ = (UniqueConstraint("entity", "entity_id", "kind", "channel"),)

    id: int | None = Field(default=None, primary_key=True)
    entity: str
    entity_id: str
    kind: str
    channel: str
    ts: str = ""
    rendered_sha: str = ""
    entity_version: int = 0
    updated_at: datetime = Field(sa_type=UtcDateTime)
