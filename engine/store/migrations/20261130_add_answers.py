"""Add answers that people audit to their queues."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261130_add_answers"
down_revision = "20261130_add_votes"

_PURPOSE = "purpose IN ('label', 'audit', 'pairs', 'answers')"
_STATE = "state IN ('open', 'closed', 'cancelled')"


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.drop_constraint(op.f("ck_label_queue_purpose"), "label_queue", type_="check")
        op.create_check_constraint(op.f("ck_label_queue_purpose"), "label_queue", _PURPOSE)
    else:  # SQLite makes the table anew, and leaves out every CHECK that is not named here
        with op.batch_alter_table("label_queue", schema=None, recreate="always") as batch_op:
            batch_op.create_check_constraint(op.f("ck_label_queue_purpose"), _PURPOSE)
            batch_op.create_check_constraint(op.f("ck_label_queue_state"), _STATE)
    op.add_column("queued_text", sa.Column("rationale", sa.String(), nullable=False, server_default=""))
