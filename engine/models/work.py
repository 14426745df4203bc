"""The deployment itself: its identity, who is alive, and what fell due."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, UniqueConstraint
from sqlmodel import Column, Field

from engine.models.base import Table, UtcDateTime, Value


class Deployment(Table, table=True):
    """One row, id 1. ``executor_id`` is made once and reused; ``team`` is the one Slack workspace, "" until known."""

    id: int = Field(default=1, primary_key=True)
    executor_id: str
    team: str = ""
    team_name: str = ""
    bot_user: str = ""
    digest_channel: str = ""
    created_at: datetime = Field(sa_type=UtcDateTime)


class Heartbeat(Table, table=True):
    """When a program of one kind was last alive, where."""

    program: str = Field(primary_key=True, max_length=32)
    host: str
    pid: int
    started_at: datetime = Field(sa_type=UtcDateTime)
    at: datetime = Field(sa_type=UtcDateTime)
    facts: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))


class Due(Table, table=True):
    """Work that fell due: unique per (kind, period), so late once and never twice."""

    __table_args__ = (UniqueConstraint("kind", "period"),)

    id: int | None = Field(default=None, primary_key=True)
    kind: str
    period: str
    run_id: str
    at: datetime = Field(sa_type=UtcDateTime)
    done_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class Artifact(Table, table=True):
    """Where an artifact came from: lineage of a content-addressed folder."""

    id: str = Field(primary_key=True, max_length=64)
    kind: str
    run_id: str = ""
    lineage: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    bytes: int = 0
    created_at: datetime = Field(sa_type=UtcDateTime)


class Finding(Value):
    """One line of ``doctor``: ``state`` is ok, warn or bad; ``fix`` is the exact thing to do, empty when ok.

    ``words`` are what a button ``press`` says, after it asked ``asks``; "" for no button.
    """

    name: str
    state: str
    says: str
    fix: str = ""
    press: str = ""
    words: str = ""
    asks: str = ""
