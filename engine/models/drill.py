"""A rollback drill: a changed route that serves what was served, put out and rolled back, and who followed when."""

from datetime import datetime
from enum import StrEnum

from sqlmodel import Field

from engine.models.base import Table, UtcDateTime, Value, word, words_check


class DrillState(StrEnum):
    """How far a drill is; the last three are final, and only ``passed`` and ``failed`` say something of a rollback."""

    STARTED = "started"
    CHANGED = "changed"
    BACK = "back"
    PASSED = "passed"
    FAILED = "failed"
    LOST = "lost"

    @property
    def is_over(self) -> bool:
        """Whether nothing follows."""
        return self in (DrillState.PASSED, DrillState.FAILED, DrillState.LOST)


class Drill(Table, table=True):
    """One drill of a feature. ``open_feature_id`` is the feature until it ends: one at a time.

    ``route_version`` is of the route file put out last, at ``put_at``; ``seconds`` passed from the press to the last of
    ``workers`` as the engine heard of it. ``before`` is a sha256 of the feature's route, ``share`` its tuned share.
    """

    __table_args__ = (words_check("state", DrillState),)

    id: int | None = Field(default=None, primary_key=True)
    feature_id: int = Field(foreign_key="feature.id", index=True)
    open_feature_id: int | None = Field(default=None, unique=True)
    state: DrillState = word(DrillState, default=DrillState.STARTED)
    by: str
    channel: str = ""
    started_at: datetime = Field(sa_type=UtcDateTime)
    put_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    route_version: int = 0
    before: str = Field(default="", max_length=64)
    share: float = 0.0
    workers: int = 0
    seconds: float | None = None
    is_as_before: bool = True
    reason: str = ""
    version: int = 1


class Worker(Value):
    """A gateway worker that is alive, and the version of the route file it has in force; 0 while it told none."""

    name: str
    version: int
