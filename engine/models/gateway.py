"""What the gateway is told: the keys that open it, and the version of the route file compiled for it."""

from datetime import datetime

from sqlmodel import Field

from engine.models.base import Table, UtcDateTime


class GatewayKey(Table, table=True):
    """A key that opens one feature. The key itself is nowhere: ``sha256`` is the hex digest the gateway compares."""

    id: int | None = Field(default=None, primary_key=True)
    feature_id: int = Field(foreign_key="feature.id", index=True)
    sha256: str = Field(max_length=64, unique=True)
    made_by: str
    made_at: datetime = Field(sa_type=UtcDateTime)
    revoked_by: str = ""
    revoked_at: datetime | None = Field(default=None, sa_type=UtcDateTime)

    @property
    def name(self) -> str:
        """What people and the route file call it: ``k1``."""
        return f"k{self.id}"


class RouteFile(Table, table=True):
    """One row, id 1: the version of the route file, up by one whenever its content (``sha``) is another."""

    id: int = Field(default=1, primary_key=True)
    version: int = 0
    sha: str = Field(default="", max_length=64)
