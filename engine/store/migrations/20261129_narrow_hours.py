"""Keep sides as numbers and, on SQLite, hours as whole seconds; let a month's cost be read from an index alone."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261129_narrow_hours"
down_revision = "20261129_add_batches"

_INDEX = "ix_hourly_usage_feature_id"


def upgrade() -> None:
    op.drop_index(_INDEX, "hourly_usage")
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    if is_sqlite:  # in place, for the column's type is made another by a plain cast
        op.execute(
            "UPDATE hourly_usage SET hour = CAST(strftime('%s', hour) AS INTEGER),"
            " assigned = assigned = 'tuned', served = served = 'tuned'"
        )
    with op.batch_alter_table("hourly_usage", schema=None) as batch_op:
        if is_sqlite:
            batch_op.alter_column("hour", type_=sa.Integer(), existing_type=sa.DateTime(), existing_nullable=False)
        for side in ("assigned", "served"):
            batch_op.alter_column(
                side,
                type_=sa.SmallInteger(),
                existing_type=sa.String(),
                existing_nullable=False,
                postgresql_using=f"({side} = 'tuned')::int",
            )
    op.create_index(_INDEX, "hourly_usage", ["feature_id", "hour", "cost_nano_usd"], unique=False)
