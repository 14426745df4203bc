"""Remember who is in the user groups that have a role."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261129_add_user_groups"
down_revision = "20261129_add_rejected"


def upgrade() -> None:
    op.create_table(
        "user_group",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("handle", sa.String(), nullable=False),
        sa.Column("members", sa.JSON(), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_user_group")),
    )
