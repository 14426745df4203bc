"""What report pages tell: of a run beyond its decision record, and of a feature beyond its reading. Changes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from engine.desk import Desk
from engine.errors import NotReady
from engine.flows.steps import forecast, report
from engine.flows.steps import needs as conditions
from engine.flows.steps.forecast import Forecast
from engine.flows.steps.needs import Needs
from engine.flows.steps.reading import measure
from engine.flows.steps.report import Apart, Example, LookLine, Moment, RunReport
from engine.models.statement import StatementKind
from engine.rules.cash import BreakEven, Cash, CashCurve
from engine.rules.cost import Swing
from engine.rules.pairs import Interval, wilson
from engine.rules.plan import blended_call_usd
from engine.store import features, investigations, readings, statements, verdicts

__all__ = [
    "Apart",
    "BreakEven",
    "CascadeView",
    "Cash",
    "CashCurve",
    "Example",
    "FeatureReport",
    "Forecast",
    "Interval",
    "LookLine",
    "Moment",
    "Needs",
    "ReadingLine",
    "RunReport",
    "SaidLine",
    "Swing",
    "VerdictLine",
    "cascade_of",
    "forecast_of",
    "likely",
    "needs_of",
    "of_feature",
    "of_run",
]
READINGS = 12  # the newest that a page lists
SEED = 0  # that of every reading (engine.rules.prospect)


@dataclass(frozen=True)
class SaidLine:
    """One signature or override of a feature's history; ``approved_by`` is "" for an override nobody approved yet."""

    condition: str
    is_override: bool
    answer: str
    reason: str
    by: str
    at: datetime
    until: datetime | None
    approved_by: str
    is_over: bool


@dataclass(frozen=True)
class ReadingLine:
    """One reading that was kept; ``run_id`` is of the investigation it began, "" for one a person asked for."""

    at: datetime
    by: str
    outcome: str
    run_id: str
    policy: str
    price_snapshot: str


@dataclass(frozen=True)
class VerdictLine:
    """One verdict on the feature."""

    run_id: str
    outcome: str
    decided_at: datetime


@dataclass(frozen=True)
class CascadeView:
    """From which confidence the tuned model's answer stands, on dev: shares of calls, US dollars a call; none unknown.

    ``error`` is of the answers that stand, ``error_upper`` its one-sided 95 % bound; ``call_usd`` is what a call costs
    on average beyond the server, ``prompted_call_usd`` what one costs today.
    """

    threshold: float
    coverage: float
    escalation: float
    error: float
    error_upper: float
    call_usd: float | None
    prompted_call_usd: float | None
    fixed_month_usd: float | None


@dataclass(frozen=True)
class FeatureReport:
    """What a page tells of a feature beside its reading, as of ``read_at``.

    ``forecast`` is none where calls or their price are not known; the savings are gross shares.
    """

    read_at: datetime
    forecast: Forecast | None
    saving_low: float | None
    saving_median: float | None
    calls_per_month: float | None
    call_usd: float | None
    said: tuple[SaidLine, ...]
    verdicts: tuple[VerdictLine, ...]
    readings: tuple[ReadingLine, ...] = ()


def of_run(desk: Desk, run_id: str) -> RunReport:
    """The brief, rows won and lost, looks and times. Raises ``NotFound``, ``NotReady``."""
    with desk.services.database.read() as tx:
        run = investigations.by_run(tx, run_id)
        verdict = verdicts.of_run(tx, run_id)
        if verdict is None:
            raise NotReady(f"{run_id} has no verdict.", hint=f"How it stands: /assay status {run_id}")
        return report.of_run(tx, run, verdict.record)


def forecast_of(record: dict[str, object]) -> Forecast | None:
    """The money of a decision record over the months, with the record's own seed; none where it is not known."""
    return forecast.of_record(record)


def cascade_of(record: dict[str, Any]) -> CascadeView | None:
    """The cascade of a record as it was put forward; none where the candidate answers alone."""
    found: dict[str, float] | None = record.get("candidate", {}).get("cascade")
    if not found:
        return None
    cost: dict[str, Any] = record.get("cost") or {}
    plan: dict[str, float] = cost.get("plan") or {}
    escalation, call = found["escalation"], plan.get("baseline_call_usd")
    blended = None if call is None else blended_call_usd(call, plan["tuned_call_usd"], escalation)
    return CascadeView(
        threshold=found["threshold"],
        coverage=1.0 - escalation,
        escalation=escalation,
        error=found["kept_error"],
        error_upper=found["kept_error_upper"],
        call_usd=blended,
        prompted_call_usd=call,
        fixed_month_usd=plan.get("fixed_month_usd"),
    )


def needs_of(record: dict[str, object]) -> Needs | None:
    """What each outcome asks for beside what a record has; none for a record without its evidence."""
    return conditions.needs(record)


def of_feature(desk: Desk, slug: str) -> FeatureReport:
    """The money over the months on the feature's own numbers, and who signed what. Raises ``NotFound``."""
    now = desk.services.clock.now()
    with desk.services.database.read() as tx:
        feature = features.by_slug(tx, slug)
        found = measure(tx, desk.services, feature)
        plan = found.prospect.money.plan if found.prospect else None
        return FeatureReport(
            read_at=now,
            forecast=forecast.forecast(plan, found.policy.cost.months, SEED) if plan else None,
            saving_low=found.facts.saving_low,
            saving_median=found.facts.saving_median,
            calls_per_month=plan.calls_per_month if plan else None,
            call_usd=plan.baseline_call_usd if plan else None,
            said=tuple(
                SaidLine(
                    condition=row.condition,
                    is_override=row.kind is StatementKind.OVERRIDE,
                    answer=row.answer,
                    reason=row.reason,
                    by=row.by,
                    at=row.at,
                    until=row.expires_at,
                    approved_by=row.approved_by,
                    is_over=row.expires_at is not None and row.expires_at <= now,
                )
                for row in statements.every(tx, feature.id or 0)
            ),
            readings=tuple(
                ReadingLine(row.at, row.by, row.outcome, row.run_id or "", row.policy_hash, row.price_snapshot)
                for row in readings.every(tx, feature.id or 0)[-READINGS:]
            ),
            verdicts=tuple(
                VerdictLine(one.run_id, one.outcome, one.decided_at) for one in verdicts.of_feature(tx, feature.id or 0)
            ),
        )


def likely(right: int, rows: int) -> Interval:
    """A share with its 95 % Wilson interval. Raises ``ValueError`` for no rows."""
    return wilson(right, rows)
