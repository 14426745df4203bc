"""Add whether an investigation has a prompted option vote."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261130_add_votes"
down_revision = "20261129_add_stage_pairs"


def upgrade() -> None:
    op.add_column("investigation", sa.Column("votes", sa.Boolean(), nullable=False, server_default=sa.false()))
