"""Keep what a teacher's labelling will cost in all, by its first replies."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261129_add_quoted"
down_revision = "20261129_add_user_groups"


def upgrade() -> None:
    with op.batch_alter_table("labelling", schema=None) as batch_op:
        batch_op.add_column(sa.Column("quoted", sa.JSON(), nullable=False, server_default="{}"))
