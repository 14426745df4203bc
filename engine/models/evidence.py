"""What the stages of a rollout have shown, by the side each unit was assigned to. Integer counts alone."""

from datetime import date, datetime

from sqlalchemy import JSON, BigInteger, UniqueConstraint
from sqlmodel import Column, Field

from engine.models.base import Table, UtcDateTime


class StageStart(Table, table=True):
    """What was fixed when a stage of a rollout began, before any of its calls was seen.

    ``key`` is what routes and calls carry (``rollout-7/3``). Pause and resume change it, not the stage: ``root`` is the
    key the stage began with. ``share`` is the tuned share served; ``slow_ms`` the latency above which a call is
    slow; ``base_rates`` holds the baseline's rate of each bad event.
    """

    id: int | None = Field(default=None, primary_key=True)
    key: str = Field(max_length=80, unique=True)
    root: str = Field(max_length=80, index=True)
    feature_id: int = Field(foreign_key="feature.id", index=True)
    rollout_id: int = Field(foreign_key="rollout.id", index=True)
    stage: str = Field(max_length=32)
    share: float
    per_call: bool = False
    slow_ms: float | None = None
    base_rates: dict[str, float] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    at: datetime = Field(sa_type=UtcDateTime)


class StageCount(Table, table=True):
    """Calls of one stage, side and UTC day, and how many of them were bad in which way.

    ``slow_known`` calls had a latency, ``thumbs`` a verdict of a person.
    """

    __table_args__ = (UniqueConstraint("root", "arm", "day"),)

    id: int | None = Field(default=None, primary_key=True)
    root: str = Field(max_length=80, index=True)
    arm: str = Field(max_length=10)
    day: date
    n: int = 0
    errors: int = 0
    invalid: int = 0
    slow: int = 0
    slow_known: int = 0
    thumbs: int = 0
    thumbs_down: int = 0
    cost_nano_usd: int = Field(default=0, sa_type=BigInteger)
    newest: datetime = Field(sa_type=UtcDateTime)


class StageUnit(Table, table=True):
    """What one unit met on one UTC day, its 24 h window, while the window is open; folded into scores afterwards."""

    __table_args__ = (UniqueConstraint("root", "arm", "unit", "day"),)

    id: int | None = Field(default=None, primary_key=True)
    root: str = Field(max_length=80, index=True)
    arm: str = Field(max_length=10)
    unit: int = Field(sa_type=BigInteger)
    day: date = Field(index=True)
    n: int = 0
    errors: int = 0
    invalid: int = 0
    slow: int = 0
    slow_known: int = 0
    thumbs: int = 0
    thumbs_down: int = 0


class StageScore(Table, table=True):
    """So many ``units`` of a stage, side and day had the mean bad rate ``bad / n``, in lowest terms, at a guardrail."""

    __table_args__ = (UniqueConstraint("root", "arm", "guardrail", "day", "bad", "n"),)

    id: int | None = Field(default=None, primary_key=True)
    root: str = Field(max_length=80, index=True)
    arm: str = Field(max_length=10)
    guardrail: str = Field(max_length=32)
    day: date
    bad: int
    n: int
    units: int = 0


class StagePair(Table, table=True):
    """A captured call of a stage whose two texts a judge is asked about, and its word; at most one of each unit.

    ``said`` is "" while it is asked, then candidate, prompted or tie, or unread where no answer could be had.
    """

    __table_args__ = (UniqueConstraint("root", "call"),)

    id: int | None = Field(default=None, primary_key=True)
    root: str = Field(max_length=80, index=True)
    call: str = Field(max_length=32)
    unit: int = Field(default=0, sa_type=BigInteger)
    said: str = Field(default="", max_length=16)
    at: datetime = Field(sa_type=UtcDateTime)
