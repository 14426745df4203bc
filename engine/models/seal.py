"""The sealed part of a feature's labels, and the ledger of every look at it."""

from datetime import datetime

from sqlalchemy import UniqueConstraint
from sqlmodel import Field

from engine.models.base import Table, UtcDateTime


class Seal(Table, table=True):
    """One eval version: the salt that parts groups, and the shares. ``margin`` is fixed at the first look.

    A refreshed version names the one it follows (``parent_id``), which keeps salt and shares: ``came`` rows are new,
    ``gone`` left or are spent, ``anchor`` rows link the two. ``worn`` looks had opened the most worn row it kept.
    """

    __table_args__ = (UniqueConstraint("feature_id", "number"),)

    id: int | None = Field(default=None, primary_key=True)
    feature_id: int = Field(foreign_key="feature.id", index=True)
    number: int = 1
    salt: str
    dev_share: float
    sealed_share: float
    created_at: datetime = Field(sa_type=UtcDateTime)
    parent_id: int | None = Field(default=None, foreign_key="seal.id")
    worn: int = 0
    came: int = 0
    gone: int = 0
    anchor: int = 0


class Look(Table, table=True):
    """One opening of the sealed part, for one candidate of one run: append only."""

    __table_args__ = (UniqueConstraint("seal_id", "number"), UniqueConstraint("run_id"))

    id: int | None = Field(default=None, primary_key=True)
    seal_id: int = Field(foreign_key="seal.id", index=True)
    number: int
    run_id: str
    contender: str
    purpose: str
    alpha: float
    margin: float
    by: str
    at: datetime = Field(sa_type=UtcDateTime)
