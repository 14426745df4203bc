"""A feature with traffic and labels, and everything people sign for."""

from __future__ import annotations

from datetime import timedelta

from engine.desk import Desk, readiness
from engine.desk.readiness import ReadingView
from engine.flows.steps.signed import answer_of
from engine.models.call import HourlyUsage
from engine.models.money import NANO
from engine.models.statement import Statement, StatementKind
from engine.store import features as feature_rows
from engine.store import statements
from tests.builders import SLUG, a_feature, some_labels

CALL_USD = 0.0022  # 800 tokens in and 20 out at $2.50 and $10 a million
SIGNED = {
    "top_template_share": "0.97",
    "valid_output_share": "99%",
    "sampled_calls": "900",
    "sampled_days": "30",
    "audited_rows": "150",
    "audit_kappa": "0.8",
    "material_changes_90d": "0",
    "drift_alarms_3m": "0",
    "relabel_agreement": "0.95",
    "prompts_tried": "4",
    "models_tried": "2",
    "prompted_quality_high": "0.88",
    "month_budget_usd": "3000",
    "annotated_twice_rows": "120",
    "annotator_alpha": "0.8",
    "attested_stable_days": "120",
    "evals_green": "yes",
    "flag_evaluated": "yes",
    "rollback_drilled": "yes",
    "on_call": "yes",
}
REASON = "counted by hand in October"


def a_measured_feature(
    desk: Desk, *, calls_a_month: int = 1_000_000, days: int = 120, live: int = 200, rows: int = 1_300
) -> None:
    """A feature with traffic and labels, and nothing signed."""
    today = desk.services.clock.now().date()
    a_feature(desk, live_since=today - timedelta(days=live), quality_bar=0.92)
    if rows:
        some_labels(desk, rows)
    traffic(desk, calls_a_month=calls_a_month, days=days)


def traffic(desk: Desk, *, calls_a_month: int, days: int, unpriced: int = 0, ended_days_ago: int = 0) -> None:
    now = desk.services.clock.now() - timedelta(days=ended_days_ago)
    a_day = round(calls_a_month / 30)
    with desk.services.database.write() as tx:
        feature_id = feature_rows.by_slug(tx, SLUG).id or 0
        for day in range(days):
            row = HourlyUsage(
                hour=(now - timedelta(days=day)).replace(minute=0), feature_id=feature_id, model="gpt-4o-mini",
                source="assay", n=a_day, cost_nano_usd=round(a_day * CALL_USD * NANO), unpriced_n=unpriced,
            )  # fmt: skip
            tx.add(row)


def signed(desk: Desk, **changes: str | None) -> ReadingView:
    now = desk.services.clock.now()
    with desk.services.database.write() as tx:
        feature_id = feature_rows.by_slug(tx, SLUG).id or 0
        for fact, value in {**SIGNED, **changes}.items():
            if value is None:
                continue
            row = Statement(
                feature_id=feature_id, kind=StatementKind.ANSWER, condition=fact, answer=answer_of(fact, value),
                reason=REASON, by="U1", at=now, days=90,
            )  # fmt: skip
            statements.begin(tx, statements.add(tx, row), at=now)
    return readiness.read(desk, SLUG)


def odd(view: ReadingView) -> dict[str, str]:
    """The conditions that do not pass."""
    return {one.name: one.status for one in view.conditions if one.status != "pass"}
