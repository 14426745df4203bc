"""Keep what a training said of itself: device, precision, steps, losses, and whether memory ran out."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261129_add_training_facts"
down_revision = "20261129_add_follows"


def upgrade() -> None:
    with op.batch_alter_table("candidate", schema=None) as batch_op:
        batch_op.add_column(sa.Column("facts", sa.JSON(), nullable=False, server_default="{}"))
