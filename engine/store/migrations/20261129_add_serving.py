"""Remember where a candidate is served, and whether it answers there as it was judged."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261129_add_serving"
down_revision = "20261129_add_listings"


def upgrade() -> None:
    op.create_table(
        "serving",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("feature_id", sa.Integer(), nullable=False),
        sa.Column("artifact", sa.String(length=64), nullable=False),
        sa.Column("server", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("base_url", sa.String(), nullable=False),
        sa.Column("served_as", sa.String(), nullable=False),
        sa.Column("deployment", sa.String(), nullable=False),
        sa.Column("host", sa.String(), nullable=False),
        sa.Column("said", sa.String(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("agree", sa.Integer(), nullable=False),
        sa.Column("asked", sa.Integer(), nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "state IN ('starting', 'checking', 'ready', 'failed', 'stopped')", name=op.f("ck_serving_state")
        ),
        sa.CheckConstraint("server IN ('local', 'vllm', 'fireworks', 'together')", name=op.f("ck_serving_server")),
        sa.ForeignKeyConstraint(["feature_id"], ["feature.id"], name=op.f("fk_serving_feature_id_feature")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_serving")),
        sa.UniqueConstraint("feature_id", "artifact", name=op.f("uq_serving_feature_id_artifact")),
    )
    with op.batch_alter_table("serving", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_serving_feature_id"), ["feature_id"], unique=False)
