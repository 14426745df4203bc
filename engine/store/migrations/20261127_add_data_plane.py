"""Add gateway keys, the route file's version, the spool's positions, examples, stages' evidence; widen hourly sums."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261127_add_data_plane"
down_revision = "20261126_add_statements"

_COUNTS = ("cache_hit_n", "fallback_n", "escalated_n", "cancelled_n", "estimated_n", "invalid_n", "feedback_n")
_LARGE = ("tokens_cache_write", "billed_nano_usd", "feedback_milli")
_HISTOGRAMS = ("ttft", "prompt_sizes", "answer_sizes", "confidence")


def upgrade() -> None:
    with op.batch_alter_table("hourly_usage", schema=None) as batch_op:
        for name in _COUNTS:
            batch_op.add_column(sa.Column(name, sa.Integer(), nullable=False, server_default="0"))
        for name in _LARGE:
            batch_op.add_column(sa.Column(name, sa.BigInteger(), nullable=False, server_default="0"))
        for name in _HISTOGRAMS:
            batch_op.add_column(sa.Column(name, sa.LargeBinary(), nullable=False, server_default=sa.text("''")))
    op.create_table(
        "gateway_key",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("feature_id", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("made_by", sa.String(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_by", sa.String(), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["feature_id"], ["feature.id"], name=op.f("fk_gateway_key_feature_id_feature")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gateway_key")),
        sa.UniqueConstraint("sha256", name=op.f("uq_gateway_key_sha256")),
    )
    op.create_index(op.f("ix_gateway_key_feature_id"), "gateway_key", ["feature_id"], unique=False)
    op.create_table(
        "route_file",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("sha", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_route_file")),
    )
    _spool()
    _evidence()


def _spool() -> None:
    op.create_table(
        "spool_position",
        sa.Column("file", sa.String(length=200), nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.Column("kept", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("file", name=op.f("pk_spool_position")),
    )
    op.create_table(
        "tally",
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_tally")),
    )
    op.create_table(
        "pending_feedback",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("file", sa.String(length=200), nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.Column("call", sa.String(length=32), nullable=False),
        sa.Column("slugs", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("score_milli", sa.Integer(), nullable=True),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("comment", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pending_feedback")),
        sa.UniqueConstraint("file", "offset", name=op.f("uq_pending_feedback_file_offset")),
    )
    op.create_index(op.f("ix_pending_feedback_call"), "pending_feedback", ["call"], unique=False)
    op.create_table(
        "example",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("feature_id", sa.Integer(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("stratum", sa.String(length=32), nullable=False),
        sa.Column("draw", sa.BigInteger(), nullable=False),
        sa.Column("call", sa.String(length=32), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("served", sa.String(), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint(
            "stratum IN ('random', 'unsure', 'invalid', 'negative', 'differs', 'all')", name=op.f("ck_example_stratum")
        ),
        sa.ForeignKeyConstraint(["feature_id"], ["feature.id"], name=op.f("fk_example_feature_id_feature")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_example")),
        sa.UniqueConstraint(
            "feature_id", "day", "stratum", "call", name=op.f("uq_example_feature_id_day_stratum_call")
        ),
    )
    for name in ("feature_id", "day", "call"):
        op.create_index(op.f(f"ix_example_{name}"), "example", [name], unique=False)


def _evidence() -> None:
    op.create_table(
        "stage_start",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=80), nullable=False),
        sa.Column("root", sa.String(length=80), nullable=False),
        sa.Column("feature_id", sa.Integer(), nullable=False),
        sa.Column("rollout_id", sa.Integer(), nullable=False),
        sa.Column("stage", sa.String(length=32), nullable=False),
        sa.Column("share", sa.Float(), nullable=False),
        sa.Column("per_call", sa.Boolean(), nullable=False),
        sa.Column("slow_ms", sa.Float(), nullable=True),
        sa.Column("base_rates", sa.JSON(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["feature_id"], ["feature.id"], name=op.f("fk_stage_start_feature_id_feature")),
        sa.ForeignKeyConstraint(["rollout_id"], ["rollout.id"], name=op.f("fk_stage_start_rollout_id_rollout")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stage_start")),
        sa.UniqueConstraint("key", name=op.f("uq_stage_start_key")),
    )
    for name in ("root", "feature_id", "rollout_id"):
        op.create_index(op.f(f"ix_stage_start_{name}"), "stage_start", [name], unique=False)
    counts = ("n", "errors", "invalid", "slow", "slow_known", "thumbs", "thumbs_down")
    op.create_table(
        "stage_count",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("root", sa.String(length=80), nullable=False),
        sa.Column("arm", sa.String(length=10), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in counts),
        sa.Column("cost_nano_usd", sa.BigInteger(), nullable=False),
        sa.Column("newest", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stage_count")),
        sa.UniqueConstraint("root", "arm", "day", name=op.f("uq_stage_count_root_arm_day")),
    )
    op.create_index(op.f("ix_stage_count_root"), "stage_count", ["root"], unique=False)
    op.create_table(
        "stage_unit",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("root", sa.String(length=80), nullable=False),
        sa.Column("arm", sa.String(length=10), nullable=False),
        sa.Column("unit", sa.BigInteger(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in counts),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stage_unit")),
        sa.UniqueConstraint("root", "arm", "unit", "day", name=op.f("uq_stage_unit_root_arm_unit_day")),
    )
    for name in ("root", "day"):
        op.create_index(op.f(f"ix_stage_unit_{name}"), "stage_unit", [name], unique=False)
    op.create_table(
        "stage_score",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("root", sa.String(length=80), nullable=False),
        sa.Column("arm", sa.String(length=10), nullable=False),
        sa.Column("guardrail", sa.String(length=32), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("bad", "n", "units")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stage_score")),
        sa.UniqueConstraint(
            "root", "arm", "guardrail", "day", "bad", "n", name=op.f("uq_stage_score_root_arm_guardrail_day_bad_n")
        ),
    )
    op.create_index(op.f("ix_stage_score_root"), "stage_score", ["root"], unique=False)
