"""Keep the sums of usage APIs by bucket."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261129_add_bucket_sums"
down_revision = "20261129_add_serving"


def upgrade() -> None:
    op.create_table(
        "bucket_sum",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("feature_id", sa.Integer(), nullable=False),
        sa.Column("endpoint", sa.String(length=32), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("project", sa.String(length=200), nullable=False),
        sa.Column("model", sa.String(length=200), nullable=False),
        sa.Column("is_batch", sa.Boolean(), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("calls", sa.BigInteger(), nullable=False),
        sa.Column("tokens_in", sa.BigInteger(), nullable=False),
        sa.Column("tokens_in_cached", sa.BigInteger(), nullable=False),
        sa.Column("tokens_out", sa.BigInteger(), nullable=False),
        sa.Column("billed_nano", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["feature_id"], ["feature.id"], name=op.f("fk_bucket_sum_feature_id_feature")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bucket_sum")),
        sa.UniqueConstraint(
            "feature_id",
            "endpoint",
            "starts_at",
            "ends_at",
            "project",
            "model",
            "is_batch",
            name=op.f("uq_bucket_sum_feature_id_endpoint_starts_at_ends_at_project_model_is_batch"),
        ),
    )
    with op.batch_alter_table("bucket_sum", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_bucket_sum_feature_id"), ["feature_id"], unique=False)
