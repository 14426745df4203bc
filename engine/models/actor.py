"""Who did what: actors, their roles, and the append-only chain of deeds."""

import re
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, UniqueConstraint
from sqlmodel import Column, Field

from engine.models.base import Table, UtcDateTime, Value, word, words_check

NAMED_MOST = 10
GROUP = re.compile(r"S(?=[A-Z0-9]*[0-9])[A-Z0-9]{1,40}", re.ASCII)


def is_group(holder: str) -> bool:
    """Whether who holds a role is named by the id of a user group (``S`` and then letters and digits)."""
    return GROUP.fullmatch(holder) is not None


def mentions(people: Sequence[str]) -> str:
    """Who may, for a refusal: ten of them at most and how many more, for a user group may hold hundreds."""
    if not people:
        return "nobody yet"
    more = f" and {len(people) - NAMED_MOST} more" if len(people) > NAMED_MOST else ""
    return ", ".join(f"<@{person}>" for person in people[:NAMED_MOST]) + more


class Role(StrEnum):
    """What a person may do. A guest only reads; an operator has the shell and is asked for no role."""

    ADMIN = "admin"
    OWNER = "owner"
    APPROVER = "approver"
    MEMBER = "member"
    GUEST = "guest"
    OPERATOR = "operator"


class Actor(Value):
    """Who asks. ``id`` is a Slack person id, or what ``--as`` named; ``role`` is the widest role they have in the team.

    ``channel`` is where they asked, empty on the command line.
    """

    id: str
    role: Role = Role.MEMBER
    channel: str = ""


class RoleGrant(Table, table=True):
    """One role for one feature, or for all (``feature_id`` none).

    ``person`` is a person, or a user group: then whoever is in it has the role.
    """

    __table_args__ = (UniqueConstraint("feature_id", "person", "role"), words_check("role", Role))

    id: int | None = Field(default=None, primary_key=True)
    feature_id: int | None = Field(default=None, foreign_key="feature.id", index=True)
    person: str = Field(max_length=64)
    role: Role = word(Role)
    granted_by: str
    granted_at: datetime = Field(sa_type=UtcDateTime)


class UserGroup(Table, table=True):
    """Who was in a user group when the bot last asked: members who may act here, in the order they were told.

    Guests, bots and people who left are left out. ``handle`` is its name without the ``@``.
    """

    id: str = Field(primary_key=True, max_length=64)
    handle: str
    members: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    read_at: datetime = Field(sa_type=UtcDateTime)


class Deed(Table, table=True):
    """One line of the audit chain: ``hash = sha256(prev_hash + canonical JSON)``, the first ``prev_hash`` 64 zeros."""

    id: int | None = Field(default=None, primary_key=True)
    at: datetime = Field(sa_type=UtcDateTime)
    actor: str
    role: str
    verb: str
    entity: str = Field(index=True)
    entity_id: str = Field(index=True)
    feature_id: int | None = Field(default=None, index=True)
    before: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    after: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    reason: str = ""
    request_id: str = ""
    prev_hash: str = Field(max_length=64)
    hash: str = Field(max_length=64, unique=True)
