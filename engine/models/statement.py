"""What only people can know of a feature, signed by one of them, and overrides that two of them stand for."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Index
from sqlmodel import Field

from engine.models.base import Table, UtcDateTime, word, words_check


class StatementKind(StrEnum):
    """A signed answer to a question nobody can measure, or an override of a condition."""

    ANSWER = "answer"
    OVERRIDE = "override"


class Statement(Table, table=True):
    """One signature; the newest of a feature, kind and ``condition`` counts until ``expires_at``.

    ``condition`` is a fact of a reading (``on_call``) for an answer, one of its 13 conditions for an override. An
    override begins when ``approved_by`` is set, which is somebody else than ``by``; until then it expires never.
    """

    __table_args__ = (
        words_check("kind", StatementKind),
        Index("ix_statement_of", "feature_id", "kind", "condition"),
    )

    id: int | None = Field(default=None, primary_key=True)
    feature_id: int = Field(foreign_key="feature.id")
    kind: StatementKind = word(StatementKind)
    condition: str = Field(max_length=40)
    answer: str = ""
    reason: str
    by: str
    at: datetime = Field(sa_type=UtcDateTime)
    days: int
    approved_by: str = ""
    expires_at: datetime | None = Field(default=None, sa_type=UtcDateTime, nullable=True)
