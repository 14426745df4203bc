"""Add the log files that were counted whole."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261128_add_imported_files"
down_revision = "20261128_add_watch"


def upgrade() -> None:
    op.create_table(
        "imported_file",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("feature_id", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("calls", sa.Integer(), nullable=False),
        sa.Column("oldest", sa.DateTime(timezone=True), nullable=True),
        sa.Column("newest", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["feature_id"], ["feature.id"], name=op.f("fk_imported_file_feature_id_feature")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_imported_file")),
        sa.UniqueConstraint("feature_id", "source", "sha256", name=op.f("uq_imported_file_feature_id_source_sha256")),
    )
    op.create_index(op.f("ix_imported_file_feature_id"), "imported_file", ["feature_id"], unique=False)
