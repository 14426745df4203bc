"""Where a candidate is served, and whether it answers there as it was judged."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import UniqueConstraint
from sqlmodel import Field

from engine.models.base import Table, UtcDateTime, word, words_check


class ServerName(StrEnum):
    """Who serves a candidate: the engine's own host, a vLLM of the team's, or a provider that is paid for it."""

    LOCAL = "local"
    VLLM = "vllm"
    FIREWORKS = "fireworks"
    TOGETHER = "together"

    @property
    def is_paid(self) -> bool:
        """Whether somebody sends a bill: such a server is started by an approval alone."""
        return self in (ServerName.FIREWORKS, ServerName.TOGETHER)


class ServingState(StrEnum):
    """Where a candidate's server stands. ``checking``: it answers, and is asked what it was judged by."""

    STARTING = "starting"
    CHECKING = "checking"
    READY = "ready"
    FAILED = "failed"
    STOPPED = "stopped"


class Serving(Table, table=True):
    """One candidate that the engine has served. Traffic may reach it from ``checked_at`` on: none while it is none.

    ``said`` is why it is not ready; ``failures`` counts failed starts in a row, and ``next_at`` is when it is tried
    again. ``agree`` of ``asked`` served answers were the offline ones. ``deployment`` is a provider's own name for it.
    """

    __table_args__ = (
        UniqueConstraint("feature_id", "artifact"),
        words_check("state", ServingState),
        words_check("server", ServerName),
    )

    id: int | None = Field(default=None, primary_key=True)
    feature_id: int = Field(foreign_key="feature.id", index=True)
    artifact: str = Field(max_length=64)
    server: ServerName = word(ServerName, default=ServerName.LOCAL)
    state: ServingState = word(ServingState, default=ServingState.STARTING)
    base_url: str = ""
    served_as: str = ""
    deployment: str = ""
    host: str = ""
    said: str = ""
    failures: int = 0
    agree: int = 0
    asked: int = 0
    checked_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    started_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    next_at: datetime = Field(sa_type=UtcDateTime)
    changed_at: datetime = Field(sa_type=UtcDateTime)
    version: int = 1
