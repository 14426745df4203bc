"""Remember calls that were handed over together, and who asked for that."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261129_add_batches"
down_revision = "20261129_add_quoted"


def upgrade() -> None:
    op.create_table(
        "paid_batch",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("token", sa.String(length=32), nullable=False),
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("base_url", sa.String(), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("batch_id", sa.String(), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("calls", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("state IN ('held', 'sent', 'cancelled', 'ended')", name=op.f("ck_paid_batch_state")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_paid_batch")),
        sa.UniqueConstraint("token", name=op.f("uq_paid_batch_token")),
    )
    with op.batch_alter_table("paid_batch", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_paid_batch_run_id"), ["run_id"], unique=False)
    with op.batch_alter_table("reservation", schema=None) as batch_op:
        batch_op.add_column(sa.Column("batch", sa.String(length=32), nullable=False, server_default=""))
    with op.batch_alter_table("labelling", schema=None) as batch_op:
        batch_op.add_column(sa.Column("batch", sa.Boolean(), nullable=False, server_default=sa.false()))
