"""Add teachers' labellings, people's queues, and the provenance of label versions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261129_add_labelling"
down_revision = "20261129_add_units"

_RUN_STATES = "state IN ('queued', 'running', 'cancelled', 'failed', 'done')"


def upgrade() -> None:
    with op.batch_alter_table("label_set", schema=None) as batch_op:
        batch_op.add_column(sa.Column("origin", sa.String(length=32), nullable=False, server_default="file"))
        for name in ("maker", "rights", "run_id"):
            batch_op.add_column(sa.Column(name, sa.String(), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("cost_nano", sa.BigInteger(), nullable=False, server_default="0"))
        batch_op.create_check_constraint(
            op.f("ck_label_set_origin"), "origin IN ('file', 'teacher', 'people', 'rollback')"
        )
    with op.batch_alter_table("label", schema=None) as batch_op:
        batch_op.drop_constraint(op.f("uq_label_feature_id_sha"), type_="unique")
        batch_op.create_unique_constraint(op.f("uq_label_feature_id_sha_added_in"), ["feature_id", "sha", "added_in"])
    _labelling()
    _queue()


def _labelling() -> None:
    op.create_table(
        "labelling",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.String(length=32), nullable=False),
        sa.Column("feature_id", sa.Integer(), nullable=False),
        sa.Column("open_feature_id", sa.Integer(), nullable=True),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("sample", sa.Integer(), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("baseline_id", sa.Integer(), nullable=False),
        sa.Column("budget_nano", sa.BigInteger(), nullable=False),
        sa.Column("rights", sa.String(), nullable=False),
        sa.Column("requested_by", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("price_snapshot", sa.String(), nullable=False),
        sa.Column("rows", sa.String(length=64), nullable=False),
        sa.Column("drawn", sa.Integer(), nullable=False),
        sa.Column("asked", sa.Integer(), nullable=False),
        sa.Column("counts", sa.JSON(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("cancel_requested", sa.Boolean(), nullable=False),
        sa.Column("label_set_id", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint(_RUN_STATES, name=op.f("ck_labelling_state")),
        sa.ForeignKeyConstraint(["feature_id"], ["feature.id"], name=op.f("fk_labelling_feature_id_feature")),
        sa.ForeignKeyConstraint(["baseline_id"], ["baseline.id"], name=op.f("fk_labelling_baseline_id_baseline")),
        sa.ForeignKeyConstraint(["label_set_id"], ["label_set.id"], name=op.f("fk_labelling_label_set_id_label_set")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_labelling")),
        sa.UniqueConstraint("run_id", name=op.f("uq_labelling_run_id")),
        sa.UniqueConstraint("open_feature_id", name=op.f("uq_labelling_open_feature_id")),
    )
    op.create_index(op.f("ix_labelling_feature_id"), "labelling", ["feature_id"], unique=False)


def _queue() -> None:
    op.create_table(
        "label_queue",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("feature_id", sa.Integer(), nullable=False),
        sa.Column("open_feature_id", sa.Integer(), nullable=True),
        sa.Column("purpose", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("double_share", sa.Float(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("agreement", sa.JSON(), nullable=False),
        sa.Column("label_set_id", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("purpose IN ('label', 'audit')", name=op.f("ck_label_queue_purpose")),
        sa.CheckConstraint("state IN ('open', 'closed', 'cancelled')", name=op.f("ck_label_queue_state")),
        sa.ForeignKeyConstraint(["feature_id"], ["feature.id"], name=op.f("fk_label_queue_feature_id_feature")),
        sa.ForeignKeyConstraint(["label_set_id"], ["label_set.id"], name=op.f("fk_label_queue_label_set_id_label_set")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_label_queue")),
        sa.UniqueConstraint("name", name=op.f("uq_label_queue_name")),
        sa.UniqueConstraint("open_feature_id", name=op.f("uq_label_queue_open_feature_id")),
    )
    op.create_index(op.f("ix_label_queue_feature_id"), "label_queue", ["feature_id"], unique=False)
    op.create_table(
        "queued_text",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("queue_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("row_id", sa.String(), nullable=False),
        sa.Column("input", sa.String(), nullable=False),
        sa.Column("given", sa.String(), nullable=False),
        sa.Column("wanted", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("output", sa.String(), nullable=False),
        sa.CheckConstraint("state IN ('waiting', 'disputed', 'settled')", name=op.f("ck_queued_text_state")),
        sa.ForeignKeyConstraint(["queue_id"], ["label_queue.id"], name=op.f("fk_queued_text_queue_id_label_queue")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_queued_text")),
        sa.UniqueConstraint("queue_id", "number", name=op.f("uq_queued_text_queue_id_number")),
    )
    op.create_index(op.f("ix_queued_text_queue_id"), "queued_text", ["queue_id"], unique=False)
    op.create_table(
        "turn",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("text_id", sa.Integer(), nullable=False),
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("settles", sa.Boolean(), nullable=False),
        sa.Column("said", sa.String(length=32), nullable=True),
        sa.Column("answer", sa.String(), nullable=False),
        sa.Column("minutes", sa.Float(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("said IN ('label', 'skip', 'unclear')", name=op.f("ck_turn_said")),
        sa.ForeignKeyConstraint(["text_id"], ["queued_text.id"], name=op.f("fk_turn_text_id_queued_text")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_turn")),
        sa.UniqueConstraint("text_id", "person", name=op.f("uq_turn_text_id_person")),
    )
    op.create_index(op.f("ix_turn_text_id"), "turn", ["text_id"], unique=False)
    op.create_index(op.f("ix_turn_person"), "turn", ["person"], unique=False)
