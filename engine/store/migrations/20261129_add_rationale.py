"""Keep how a labelled answer was reached, where a label file says so."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261129_add_rationale"
down_revision = "20261129_add_pairs"


def upgrade() -> None:
    with op.batch_alter_table("label", schema=None) as batch_op:
        batch_op.add_column(sa.Column("rationale", sa.String(), nullable=False, server_default=""))
