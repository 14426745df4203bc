"""The monthly look at one feature, and the digest made of checkups."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, BigInteger, UniqueConstraint
from sqlmodel import Column, Field

from engine.models.base import Table, UtcDateTime, word, words_check


class Advice(StrEnum):
    """What to do with a live candidate."""

    KEEP = "KEEP"
    WATCH = "WATCH"
    RETRAIN = "RETRAIN"
    RETIRE = "RETIRE"


class Checkup(Table, table=True):
    """One feature in one month (``period`` is ``2026-10``), never changed. ``advice`` is none while nothing is live.

    ``facts`` holds what was measured, each none when unknown; ``policy_hash`` is of what it was judged by.
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


class Rebaseline(Table, table=True):
    """One month's run of the newest prompted models against a live candidate: a row of the ledger of the rotating half.

    ``half`` (0 or 1) of the sealed rows was read; ``results`` holds what each option scored and costs.
    """

    __table_args__ = (UniqueConstraint("feature_id", "period"),)

    id: int | None = Field(default=None, primary_key=True)
    feature_id: int = Field(foreign_key="feature.id", index=True)
    period: str = Field(max_length=7)
    run_id: str = Field(max_length=64, unique=True)
    seal_id: int = Field(foreign_key="seal.id")
    half: int
    rows: int = 0
    quote_nano: int | None = Field(default=None, sa_type=BigInteger)
    budget_nano: int = Field(sa_type=BigInteger)
    results: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    reason: str = ""
    at: datetime = Field(sa_type=UtcDateTime)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime, nullable=True)


class ListedModel(Table, table=True):
    """A model an endpoint lists in ``/v1/models``: since when, when it was seen last, and its last day if announced."""

    __table_args__ = (UniqueConstraint("base_url", "name"),)

    id: int | None = Field(default=None, primary_key=True)
    base_url: str = Field(max_length=400)
    name: str = Field(max_length=200)
    first_seen_at: datetime = Field(sa_type=UtcDateTime)
    seen_at: datetime = Field(sa_type=UtcDateTime)
    shutdown_on: date | None = None


class Snooze(Table, table=True):
    """Somebody wants to hear no advice on a feature until a moment, and why. It stays visible and changes nothing."""

    id: int | None = Field(default=None, primary_key=True)
    feature_id: int = Field(foreign_key="feature.id", index=True)
    by: str
    reason: str
    at: datetime = Field(sa_type=UtcDateTime)
    until: datetime = Field(sa_type=UtcDateTime)


class Alert(Table, table=True):
    """What the channel was told between digests; ``key`` names it, so that the same is never told twice."""

    __table_args__ = (UniqueConstraint("feature_id", "key"),)

    id: int | None = Field(default=None, primary_key=True)
    feature_id: int = Field(foreign_key="feature.id", index=True)
    key: str = Field(max_length=160)
    week: str = Field(max_length=8, index=True)
    facts: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    at: datetime = Field(sa_type=UtcDateTime)
