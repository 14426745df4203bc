"""The monthly look at one feature, and the digest made of checkups."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, UniqueConstraint
from sqlmodel import Column, Field

from engine.models.base import Table, UtcDateTime, word, words_check


class Advice(StrEnum):
    """What to do with a live candidate."""

    KEEP = "KEEP"
    WATCH = "WATCH"
    RETRAIN = "RETRAIN"
    RETIRE = "RETIRE"


class Checkup(Table, table=True):
    """One feature in one month (``period`` is ``2026-10``). ``advice`` is none while no candidate is live.

    ``facts`` holds what was measured: calls, spend, saving, quality, age, each none when unknown.
    """

    __table_args__ = (UniqueConstraint("feature_id", "period"), words_check("advice", Advice))

    id: int | None = Field(default=None, primary_key=True)
    feature_id: int = Field(foreign_key="feature.id", index=True)
    period: str = Field(max_length=7)
    advice: Advice | None = word(Advice, default=None, nullable=True)
    facts: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    policy_hash: str = ""
    at: datetime = Field(sa_type=UtcDateTime)


class Digest(Table, table=True):
    """The monthly message: one per period and deployment, however many times the scheduler starts."""

    id: int | None = Field(default=None, primary_key=True)
    period: str = Field(max_length=7, unique=True)
    channel: str = ""
    body: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    at: datetime = Field(sa_type=UtcDateTime)
    version: int = 1
