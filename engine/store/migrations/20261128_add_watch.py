"""Add re-baselines, snoozes, alerts, and requests that retire."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261128_add_watch"
down_revision = "20261127_add_data_plane"


def upgrade() -> None:
    with op.batch_alter_table("approval") as batch_op:
        batch_op.add_column(sa.Column("retires", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_table(
        "rebaseline",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("feature_id", sa.Integer(), nullable=False),
        sa.Column("period", sa.String(length=7), nullable=False),
        sa.Column("run_id", sa.String(length=64), nullable=False),
        sa.Column("seal_id", sa.Integer(), nullable=False),
        sa.Column("half", sa.Integer(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("quote_nano", sa.BigInteger(), nullable=True),
        sa.Column("budget_nano", sa.BigInteger(), nullable=False),
        sa.Column("results", sa.JSON(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["feature_id"], ["feature.id"], name=op.f("fk_rebaseline_feature_id_feature")),
        sa.ForeignKeyConstraint(["seal_id"], ["seal.id"], name=op.f("fk_rebaseline_seal_id_seal")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rebaseline")),
        sa.UniqueConstraint("feature_id", "period", name=op.f("uq_rebaseline_feature_id_period")),
        sa.UniqueConstraint("run_id", name=op.f("uq_rebaseline_run_id")),
    )
    op.create_index(op.f("ix_rebaseline_feature_id"), "rebaseline", ["feature_id"], unique=False)
    op.create_table(
        "snooze",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("feature_id", sa.Integer(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["feature_id"], ["feature.id"], name=op.f("fk_snooze_feature_id_feature")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_snooze")),
    )
    op.create_index(op.f("ix_snooze_feature_id"), "snooze", ["feature_id"], unique=False)
    op.create_table(
        "alert",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("feature_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=160), nullable=False),
        sa.Column("week", sa.String(length=8), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["feature_id"], ["feature.id"], name=op.f("fk_alert_feature_id_feature")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert")),
        sa.UniqueConstraint("feature_id", "key", name=op.f("uq_alert_feature_id_key")),
    )
    for name in ("feature_id", "week"):
        op.create_index(op.f(f"ix_alert_{name}"), "alert", [name], unique=False)
