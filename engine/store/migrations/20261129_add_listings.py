"""Remember which models each endpoint lists, since when, and until when."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261129_add_listings"
down_revision = "20261129_add_readings"


def upgrade() -> None:
    op.create_table(
        "listed_model",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("base_url", sa.String(length=400), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("first_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("shutdown_on", sa.Date(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_listed_model")),
        sa.UniqueConstraint("base_url", "name", name=op.f("uq_listed_model_base_url_name")),
    )
