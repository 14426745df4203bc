"""Remember whose example a call is, and which units were forgotten."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261129_add_units"
down_revision = "20261128_add_imported_files"


def upgrade() -> None:
    with op.batch_alter_table("example", schema=None) as batch_op:
        batch_op.add_column(sa.Column("unit", sa.BigInteger(), nullable=False, server_default="0"))
    op.create_table(
        "forgotten_unit",
        sa.Column("unit", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("unit", name=op.f("pk_forgotten_unit")),
    )
