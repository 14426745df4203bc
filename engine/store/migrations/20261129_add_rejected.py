"""Keep the text a person would not send, where a label file of texts says so."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261129_add_rejected"
down_revision = "20261129_add_training_facts"


def upgrade() -> None:
    with op.batch_alter_table("label", schema=None) as batch_op:
        batch_op.add_column(sa.Column("rejected", sa.String(), nullable=False, server_default=""))
