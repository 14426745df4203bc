"""Keep each reading that was given."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261129_add_readings"
down_revision = "20261129_add_rationale"


def upgrade() -> None:
    op.create_table(
        "stored_reading",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("feature_id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.String(length=32), nullable=True),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("conditions", sa.JSON(), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("policy_hash", sa.String(), nullable=False),
        sa.Column("price_snapshot", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["feature_id"], ["feature.id"], name=op.f("fk_stored_reading_feature_id_feature")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stored_reading")),
        sa.UniqueConstraint("run_id", name=op.f("uq_stored_reading_run_id")),
    )
    with op.batch_alter_table("stored_reading", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_stored_reading_feature_id"), ["feature_id"], unique=False)
