"""Add linked eval versions: what a refresh kept, and the sealed rows that no look opens any more."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261129_add_refresh"
down_revision = "20261129_add_workspaces"


def upgrade() -> None:
    with op.batch_alter_table("seal", schema=None) as batch_op:
        batch_op.add_column(sa.Column("parent_id", sa.Integer(), nullable=True))
        for name in ("worn", "came", "gone", "anchor"):
            batch_op.add_column(sa.Column(name, sa.Integer(), nullable=False, server_default="0"))
        batch_op.create_foreign_key(op.f("fk_seal_parent_id_seal"), "seal", ["parent_id"], ["id"])
    op.add_column("label", sa.Column("rested_in", sa.Integer(), nullable=True))
    op.add_column("label", sa.Column("is_anchor", sa.Boolean(), nullable=False, server_default=sa.false()))
