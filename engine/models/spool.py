"""What is known of the gateway's spool: how far it is read, what waits for its call, and redacted examples of calls."""

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import BigInteger, UniqueConstraint
from sqlmodel import Field

from engine.models.base import Table, UtcDateTime, word, words_check


class SpoolPosition(Table, table=True):
    """How many bytes of one file of the spool are stored; ``kept`` is what its raw calls had of each day's file.

    ``kept`` is written before raw calls are appended, so that a kill in between appends them once.
    """

    file: str = Field(primary_key=True, max_length=200)
    offset: int = Field(default=0, sa_type=BigInteger)
    kept: str = ""
    at: datetime = Field(sa_type=UtcDateTime)


class Tally(Table, table=True):
    """A count of what could not be stored as asked, by name: torn frames, orphaned feedback, unknown features."""

    name: str = Field(primary_key=True, max_length=80)
    n: int = Field(default=0, sa_type=BigInteger)


class PendingFeedback(Table, table=True):
    """Feedback whose call is not known yet. ``call`` is 32 hex digits, ``slugs`` what the sender's key opens."""

    __table_args__ = (UniqueConstraint("file", "offset"),)

    id: int | None = Field(default=None, primary_key=True)
    file: str = Field(max_length=200)
    offset: int = Field(sa_type=BigInteger)
    call: str = Field(max_length=32, index=True)
    slugs: str
    at: datetime = Field(sa_type=UtcDateTime)
    score_milli: int | None = None
    label: str = ""
    comment: str = ""


class Stratum(StrEnum):
    """Why a call was kept as an example. Only ``random`` is a fair sample; the others are what people want to read."""

    RANDOM = "random"
    UNSURE = "unsure"
    INVALID = "invalid"
    NEGATIVE = "negative"
    DIFFERS = "differs"
    ALL = "all"


class Example(Table, table=True):
    """One redacted call, kept because its ``draw`` is among the smallest of its feature, UTC day and stratum.

    ``body`` is zlib-compressed JSON: ``input``, ``output``, ``messages``, and what a person said of it. ``unit`` is the
    hash of whose call it was, 0 where that is not known here.
    """

    __table_args__ = (
        UniqueConstraint("feature_id", "day", "stratum", "call"),
        words_check("stratum", Stratum),
    )

    id: int | None = Field(default=None, primary_key=True)
    feature_id: int = Field(foreign_key="feature.id", index=True)
    day: date = Field(index=True)
    stratum: Stratum = word(Stratum)
    draw: int = Field(sa_type=BigInteger)
    call: str = Field(max_length=32, index=True)
    at: datetime = Field(sa_type=UtcDateTime)
    served: str
    model: str
    unit: int = Field(default=0, sa_type=BigInteger)
    body: bytes


class ForgottenUnit(Table, table=True):
    """A unit that was forgotten: calls of it that are still in the spool lose it. Dropped once they are stored."""

    unit: int = Field(primary_key=True, sa_type=BigInteger)
    at: datetime = Field(sa_type=UtcDateTime)
