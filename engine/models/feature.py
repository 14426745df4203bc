"""A feature: one LLM call site in a product, and the baseline it runs on now."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, UniqueConstraint
from sqlmodel import Column, Field

from engine.models.base import Table, UtcDateTime, word, words_check

MARGIN_MOST = 0.20  # a fraction: who may lose more than 20 points asks another question
SIMULATED_PREFIX = "simulated-"


def is_simulated(model: str) -> bool:
    """Whether a prompted model is Assay's own simulation, whose numbers must say so wherever a person sees them.

    The name decides: the simulated server answers to no other names, so no row or setting can lose the mark.
    """
    return model.startswith(SIMULATED_PREFIX)


class ApproachName(StrEnum):
    """The four kinds of task."""

    CLASSIFY = "classify"
    EXTRACT = "extract"
    VOICE = "voice"
    REASON = "reason"


class Feature(Table, table=True):
    """One LLM call site. ``margin`` and ``quality_bar`` are fractions; ``labels`` the closed list of classify."""

    __table_args__ = (words_check("approach", ApproachName),)

    id: int | None = Field(default=None, primary_key=True)
    slug: str = Field(max_length=40, unique=True)
    approach: ApproachName = word(ApproachName)
    owner: str
    channel: str = ""
    live_since: date
    margin: float
    quality_bar: float | None = None
    labels: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    output_schema: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON, nullable=True))
    rights: str = ""
    registered_by: str
    registered_at: datetime = Field(sa_type=UtcDateTime)
    version: int = 1


class Baseline(Table, table=True):
    """The prompt, model, parameters and endpoint a feature runs on; a change makes a new row."""

    __table_args__ = (UniqueConstraint("feature_id", "number"),)

    id: int | None = Field(default=None, primary_key=True)
    feature_id: int = Field(foreign_key="feature.id", index=True)
    number: int = 1
    model: str
    prompt: str
    base_url: str
    parameters: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    sha: str = Field(max_length=64)
    created_at: datetime = Field(sa_type=UtcDateTime)
