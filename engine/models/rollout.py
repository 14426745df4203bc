"""A rollout, what it waits for, and the route it makes traffic take."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, UniqueConstraint
from sqlmodel import Column, Field

from engine.models.base import Table, UtcDateTime, Value, word, words_check


class Stage(StrEnum):
    """The stages of a rollout, in order."""

    DRAFT = "draft"
    SHADOW = "shadow"
    CANARY_1 = "canary_1"
    CANARY_5 = "canary_5"
    CANARY_25 = "canary_25"
    CANARY_50 = "canary_50"
    FULL_100 = "full_100"
    SOAKING = "soaking"
    LIVE = "live"


class RolloutStatus(StrEnum):
    """Whether a rollout goes on; the last three are final."""

    RUNNING = "running"
    PAUSED = "paused"
    ROLLED_BACK = "rolled_back"
    ABORTED = "aborted"
    RETIRED = "retired"


class Rollout(Table, table=True):
    """One candidate on its way into production. ``open_feature_id`` is the feature until it ends: one at a time.

    ``share`` is the tuned model's share of traffic in 0..1. ``sequence`` counts accepted events.
    """

    __table_args__ = (words_check("stage", Stage), words_check("status", RolloutStatus))

    id: int | None = Field(default=None, primary_key=True)
    feature_id: int = Field(foreign_key="feature.id", index=True)
    open_feature_id: int | None = Field(default=None, unique=True)
    verdict_id: int = Field(foreign_key="verdict.id")
    artifact: str
    stage: Stage = word(Stage, default=Stage.DRAFT)
    status: RolloutStatus = word(RolloutStatus, default=RolloutStatus.RUNNING)
    share: float = 0.0
    salt: str
    requested_by: str
    channel: str = ""
    sequence: int = 0
    reason: str = ""
    created_at: datetime = Field(sa_type=UtcDateTime)
    stage_since: datetime = Field(sa_type=UtcDateTime)
    version: int = 1


class ApprovalState(StrEnum):
    """Where a request for approval stands."""

    PENDING = "pending"
    APPROVED = "approved"
    EXECUTED = "executed"
    REJECTED = "rejected"
    SUPERSEDED = "superseded"
    EXPIRED = "expired"


class Approval(Table, table=True):
    """A request to move one rollout to one stage, bound to the exact evidence by ``digest`` (docs/slack.md).

    ``token`` is what buttons carry and what ``approve ID`` takes; it says nothing of what it is for. ``retires`` marks
    a request that takes share away, step by step, until the model is retired.
    """

    __table_args__ = (words_check("state", ApprovalState), words_check("to_stage", Stage))

    id: int | None = Field(default=None, primary_key=True)
    token: str = Field(max_length=32, unique=True)
    feature_id: int = Field(foreign_key="feature.id", index=True)
    rollout_id: int = Field(foreign_key="rollout.id", index=True)
    from_stage: Stage = word(Stage)
    to_stage: Stage = word(Stage)
    from_share: float
    to_share: float
    digest: str = Field(max_length=64)
    evidence: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    needed: int
    requested_by: str
    channel: str = ""
    retires: bool = False
    state: ApprovalState = word(ApprovalState, default=ApprovalState.PENDING)
    decided_by: str = ""
    reason: str = ""
    created_at: datetime = Field(sa_type=UtcDateTime)
    expires_at: datetime = Field(sa_type=UtcDateTime)
    decided_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    version: int = 1

    def is_over(self, now: datetime) -> bool:
        """Whether it waited until it ran out."""
        return self.state is ApprovalState.PENDING and self.expires_at <= now


class Vote(Table, table=True):
    """One person's yes to one approval."""

    __table_args__ = (UniqueConstraint("approval_id", "person"),)

    id: int | None = Field(default=None, primary_key=True)
    approval_id: int = Field(foreign_key="approval.id", index=True)
    person: str
    at: datetime = Field(sa_type=UtcDateTime)


class Mode(StrEnum):
    """How the gateway answers for a feature."""

    OBSERVE = "observe"
    SHADOW = "shadow"
    CANARY = "canary"
    CASCADE = "cascade"
    TUNED = "tuned"
    RETIRED = "retired"


class Route(Table, table=True):
    """What traffic of a feature does now: one row per feature, ``version`` up by one at each change."""

    __table_args__ = (words_check("mode", Mode),)

    id: int | None = Field(default=None, primary_key=True)
    feature_id: int = Field(foreign_key="feature.id", unique=True)
    mode: Mode = word(Mode, default=Mode.OBSERVE)
    share: float = 0.0
    salt: str
    stage: str = ""
    artifact: str = ""
    changed_at: datetime = Field(sa_type=UtcDateTime)
    version: int = 1


class Guardrail(Value):
    """One bad event watched during a rollout: name, tolerance and margin as fractions."""

    name: str
    tolerance: float = 0.0
    margin: float = 0.01
