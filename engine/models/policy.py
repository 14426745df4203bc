"""Policy as stored: one row per edit, never changed. The values are frozen dataclasses of ``engine.rules``."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, UniqueConstraint
from sqlmodel import Column, Field

from engine.models.base import Table, UtcDateTime


class PolicyVersion(Table, table=True):
    """Version ``number`` of one kind of policy, for one feature or all. ``sha`` is the sha256 of its canonical JSON."""

    __table_args__ = (UniqueConstraint("kind", "feature_id", "number"),)

    id: int | None = Field(default=None, primary_key=True)
    kind: str = Field(max_length=32)
    feature_id: int | None = Field(default=None, foreign_key="feature.id", index=True)
    number: int
    body: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    sha: str = Field(max_length=64)
    by: str
    why: str
    at: datetime = Field(sa_type=UtcDateTime)
