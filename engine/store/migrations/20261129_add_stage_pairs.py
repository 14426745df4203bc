"""Add the pairs of texts of rollouts' stages that a judge is asked about."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261129_add_stage_pairs"
down_revision = "20261129_narrow_hours"


def upgrade() -> None:
    op.create_table(
        "stage_pair",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("root", sa.String(length=80), nullable=False),
        sa.Column("call", sa.String(length=32), nullable=False),
        sa.Column("unit", sa.BigInteger(), nullable=False),
        sa.Column("said", sa.String(length=16), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stage_pair")),
        sa.UniqueConstraint("root", "call", name=op.f("uq_stage_pair_root_call")),
    )
    op.create_index(op.f("ix_stage_pair_root"), "stage_pair", ["root"], unique=False)
