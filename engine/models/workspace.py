"""The Slack workspaces that one deployment serves, where it serves more than one."""

from datetime import datetime

from sqlmodel import Field

from engine.models.base import Table, UtcDateTime


class Workspace(Table, table=True):
    """A workspace that installed Assay. ``sealed`` are its tokens, readable with a key of the environment alone.

    ``version`` grows with its tokens. ``ended_at``: it took Assay away; then ``sealed`` is "". ``said`` is the last
    thing Slack said against its tokens. ``renewing_until``: somebody asks Slack for new ones just now.
    """

    id: int | None = Field(default=None, primary_key=True)
    team: str = Field(max_length=32, unique=True)
    team_name: str
    enterprise: str = ""
    bot_user: str = ""
    scopes: str = ""
    installed_by: str = ""
    installed_at: datetime = Field(sa_type=UtcDateTime)
    sealed: str = Field(default="", repr=False)
    expires_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    version: int = 1
    renewing_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    said: str = ""
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
