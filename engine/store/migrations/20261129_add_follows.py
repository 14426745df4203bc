"""Add the run whose recipe an investigation repeats."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261129_add_follows"
down_revision = "20261129_add_refresh"


def upgrade() -> None:
    op.add_column("investigation", sa.Column("follows", sa.String(length=32), nullable=False, server_default=""))
