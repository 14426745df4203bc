"""Readings as they were given: what a feature looked like when somebody asked, and by which policy it was judged."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON
from sqlmodel import Column, Field

from engine.models.base import Table, UtcDateTime


class StoredReading(Table, table=True):
    """One reading, never changed. ``conditions`` holds each condition's status, ``facts`` what it was read from.

    ``run_id`` is of the investigation that began with it, none for one that a person asked for (``by``).
    """

    id: int | None = Field(default=None, primary_key=True)
    feature_id: int = Field(foreign_key="feature.id", index=True)
    run_id: str | None = Field(default=None, max_length=32, unique=True)
    by: str
    at: datetime = Field(sa_type=UtcDateTime)
    outcome: str = Field(max_length=16)
    conditions: dict[str, str] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    facts: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    policy_hash: str
    price_snapshot: str
