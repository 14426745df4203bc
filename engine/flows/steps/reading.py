"""Gather what is known of a feature and read it: what was measured, what people signed for, and what nobody knows.

Decides nothing: the 13 conditions are ``engine.rules.readiness``. A fact that nobody measured or signed stays unknown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import Any

from engine.flows.steps import agreeing, known, people
from engine.flows.steps.signed import SIGNABLE, parsed
from engine.models.feature import ApproachName, Feature
from engine.models.money import to_usd
from engine.models.statement import Statement, StatementKind
from engine.rules import readiness
from engine.rules.facts import PROBES, Facts
from engine.rules.money import Spending
from engine.rules.prospect import Prospect, prospect
from engine.rules.readiness import Override, Reading
from engine.services import Services
from engine.store import labels, policies, statements, usage
from engine.store.database import Tx
from engine.store.policies import Policy
from engine.teachers import prices

_STABLE = ("material_changes_90d", "drift_alarms_3m", "relabel_agreement")
_TEMPLATE = ("top_template_share", "valid_output_share", "sampled_calls", "sampled_days")
FACTS_OF: Mapping[str, tuple[str, ...]] = {
    "narrow": _TEMPLATE,
    "volume": ("calls_per_month_low", "traffic_days", "break_even_calls", "npv_usd"),
    "data": ("label_rows", "smallest_class_rows", "audited_rows", "audit_kappa"),
    "stable": _STABLE,
    "wall": (
        "prompts_tried",
        "models_tried",
        "prompted_quality_high",
        "quality_bar",
        "month_spend_usd",
        "month_budget_usd",
    ),
    "broad": _TEMPLATE,
    "low_volume": ("calls_per_month_low", "traffic_days", "month_spend_usd", "saving_median", "month_effort_usd"),
    "subjective": ("annotated_twice_rows", "annotator_alpha"),
    "evolving": ("attested_stable_days", *_STABLE),
    "operations": PROBES,
    "tenure": ("days_live", "traffic_days_of_90"),
    "saving": ("saving_low", "saving_median"),
    "worth": ("npv_usd",),
}
_MORE_COUNTS = ("material_changes_90d", "prompts_tried", "models_tried")  # people may know of more than was seen


@dataclass(frozen=True)
class Measured:
    """A feature's reading with what it was read from: facts, the source of each, signatures and money."""

    reading: Reading
    facts: Facts
    sources: Mapping[str, str]
    answers: Mapping[str, Statement]
    overrides: Mapping[str, Statement]
    asked: Mapping[str, Statement]
    prospect: Prospect | None
    policy: Policy
    price_snapshot: str


def measure(tx: Tx, services: Services, feature: Feature) -> Measured:
    """Read a feature as it is known now. Never refuses: what is not known is unknown."""
    now, feature_id = services.clock.now(), feature.id or 0
    policy = policies.current(tx, feature_id)
    traffic = usage.history(tx, feature_id, now)
    answers = statements.in_force(tx, feature_id, StatementKind.ANSWER, now)
    overrides = statements.in_force(tx, feature_id, StatementKind.OVERRIDE, now)
    newest = statements.newest(tx, feature_id, StatementKind.OVERRIDE)
    money = prospect(_spending(tx, feature, traffic, policy), policy.cost)
    found = {
        **_traffic(traffic),
        **_labels(tx, feature),
        **_people(tx, feature, now),
        **known.of_feature(tx, feature, now),
        **_money(money),
    }
    probed = known.probes(tx, feature_id, traffic, now)
    sources = {name: source for name, (_, source) in found.items()} | dict.fromkeys(probed, "probed")
    values: dict[str, Any] = {name: value for name, (value, _) in found.items()}
    facts = _facts(feature, values, answers, probed)
    waived = [_override(row, now) for row in overrides.values()]
    return Measured(
        reading=readiness.read(facts, policy.readiness, waived),
        facts=facts,
        sources=sources,
        answers={name: row for name, row in answers.items() if _counts(facts, name, row)},
        overrides=overrides,
        asked={name: row for name, row in newest.items() if not row.approved_by},
        prospect=money,
        policy=policy,
        price_snapshot=prices.snapshot_id(tx, now.date()),
    )


def _facts(
    feature: Feature, values: dict[str, Any], answers: Mapping[str, Statement], probed: dict[str, bool]
) -> Facts:
    signed = {name: parsed(SIGNABLE[name], row.answer) for name, row in answers.items() if name in SIGNABLE}
    for name in _MORE_COUNTS:
        if name in values and name in signed:
            values[name] = max(values[name], signed[name])
    said: dict[str, Any] = {name: value for name, value in signed.items() if name not in PROBES}
    probes: dict[str, bool | None] = {name: bool(value) for name, value in signed.items() if name in PROBES}
    return Facts(approach=feature.approach, probes={**probes, **probed}, **{**said, **values})


def _counts(facts: Facts, name: str, row: Statement) -> bool:
    """Whether a signed answer is the one that was read: a measured value wins over it."""
    if name not in SIGNABLE:
        return False
    value = (facts.probes or {}).get(name) if name in PROBES else getattr(facts, name)
    return value == parsed(SIGNABLE[name], row.answer)


def _traffic(traffic: usage.History | None) -> dict[str, tuple[Any, str]]:
    if traffic is None:
        return {}
    source = f"traffic to {traffic.until:%Y-%m-%d}"
    found: dict[str, Any] = {
        "calls_per_month_low": traffic.calls_low,
        "traffic_days": traffic.days,
        "traffic_days_of_90": traffic.days if traffic.is_whole else None,
        "month_spend_usd": _spend_usd(traffic),
    }
    return {name: (value, source) for name, value in found.items() if value is not None}


def _spend_usd(traffic: usage.History) -> float | None:
    """What the newest 30 days cost, in US dollars; none where one of the calls has no price."""
    month = traffic.newest
    return None if month.cost_nano is None or month.unpriced else to_usd(month.cost_nano)


def _labels(tx: Tx, feature: Feature) -> dict[str, tuple[Any, str]]:
    label_set = labels.newest_or_none(tx, feature.id or 0)
    if label_set is None:
        return {}
    by = ", ".join(f"{count:,} by {name}" for name, count in sorted(labels.sources(tx, label_set.id or 0).items()))
    source = f"labels {label_set.name}: {by}"
    counts = labels.classes(tx, label_set.id or 0)
    smallest = min((counts.get(name, 0) for name in feature.labels), default=0)
    found: dict[str, Any] = {"label_rows": label_set.rows}
    if feature.labels:
        found["smallest_class_rows"] = smallest
    return {name: (value, source) for name, value in found.items()}


def _people(tx: Tx, feature: Feature, now: datetime) -> dict[str, tuple[Any, str]]:
    """What audits, double labels and old labels asked again measured; nothing where there were none."""
    audited, twice = people.audited(tx, feature.id or 0), people.agreed_twice(tx, feature.id or 0)
    again = agreeing.newest_again(tx, feature, now)
    found = {
        "audited_rows": audited.rows or None,
        "audit_kappa": audited.kappa,
        "annotated_twice_rows": twice.rows or None,
        "annotator_alpha": twice.alpha,
        "relabel_agreement": again[1].agreed if again and again[1].rows >= agreeing.ROWS_LEAST_AGAIN else None,
    }
    return {name: (value, "people's queues") for name, value in found.items() if value is not None}


def _spending(tx: Tx, feature: Feature, traffic: usage.History | None, policy: Policy) -> Spending | None:
    """What a model would save on and still cost: the labels that are missing, never those already paid for."""
    spend = None if traffic is None else _spend_usd(traffic)
    if traffic is None or spend is None or not traffic.newest.calls:
        return None
    return Spending(
        calls_per_month=traffic.newest.calls,
        baseline_call_usd=spend / traffic.newest.calls,
        label_minutes=0.0,
        label_rows=max(policy.readiness.label_rows - labels.usable(tx, feature.id or 0), 0),
        bill_usd=0.0,
        needs_gpu=feature.approach is not ApproachName.CLASSIFY,
    )


def _money(money: Prospect | None) -> dict[str, tuple[Any, str]]:
    if money is None:
        return {}
    found = {
        "break_even_calls": money.break_even_calls,
        "month_effort_usd": money.effort_month_usd,
        "saving_low": money.saving_low,
        "saving_median": money.saving_median,
        "npv_usd": money.money.npv_usd,
    }
    return {name: (value, "forecast from traffic, prices and cost policy") for name, value in found.items()}


def _override(row: Statement, now: datetime) -> Override:
    assert row.expires_at is not None, "an override in force has begun"
    left = ceil((row.expires_at - now) / timedelta(days=1))
    return Override(row.condition, row.by, row.approved_by, row.reason, left)
