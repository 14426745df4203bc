"""What is known of a feature before an investigation, and the limits it is read by.

Knows nothing of how a fact was measured; a fact of None is unknown.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from engine.rules import checks

PROBES = ("evals_green", "capture_on", "flag_evaluated", "rollback_drilled", "on_call")

_SHARES = (
    "top_template_share",
    "valid_output_share",
    "relabel_agreement",
    "prompted_quality_high",
    "quality_bar",
)
_COUNTS = (
    "sampled_calls",
    "label_rows",
    "smallest_class_rows",
    "audited_rows",
    "material_changes_90d",
    "drift_alarms_3m",
    "prompts_tried",
    "models_tried",
    "annotated_twice_rows",
    "traffic_days_of_90",
)
_AMOUNTS = (
    "sampled_days",
    "calls_per_month_low",
    "traffic_days",
    "month_spend_usd",
    "month_effort_usd",
    "month_budget_usd",
    "attested_stable_days",
    "days_live",
)


@dataclass(frozen=True, kw_only=True)
class Facts:
    """Facts of one feature: shares and qualities as fractions, sums in US dollars a month, spans in days, None unknown.

    `probes` says for each of the five operations probes whether it passed. Field by field: docs/rules.md 2.
    """

    approach: str | None = None
    top_template_share: float | None = None
    valid_output_share: float | None = None
    sampled_calls: int | None = None
    sampled_days: float | None = None
    calls_per_month_low: float | None = None
    traffic_days: float | None = None
    break_even_calls: float | None = None
    month_spend_usd: float | None = None
    month_effort_usd: float | None = None
    label_rows: int | None = None
    smallest_class_rows: int | None = None
    audited_rows: int | None = None
    audit_kappa: float | None = None
    material_changes_90d: int | None = None
    drift_alarms_3m: int | None = None
    relabel_agreement: float | None = None
    prompts_tried: int | None = None
    models_tried: int | None = None
    prompted_quality_high: float | None = None
    quality_bar: float | None = None
    month_budget_usd: float | None = None
    annotated_twice_rows: int | None = None
    annotator_alpha: float | None = None
    attested_stable_days: float | None = None
    probes: Mapping[str, bool | None] | None = None
    days_live: float | None = None
    traffic_days_of_90: int | None = None
    saving_low: float | None = None
    saving_median: float | None = None
    npv_usd: float | None = None


@dataclass(frozen=True)
class ReadinessPolicy:
    """Limits of the 13 conditions, in the units of the facts, and of an override's reason (letters) and days."""

    template_share: float = 0.90
    valid_share: float = 0.95
    sampled_calls: int = 500
    sampled_days: int = 14
    traffic_days: int = 28
    calls_least: int = 10_000
    calls_plenty: int = 100_000
    label_rows: int = 1_000
    class_rows: int = 50
    audited_rows: int = 100
    audit_kappa: float = 0.60
    material_changes: int = 1
    drift_alarms: int = 1
    relabel_agreement: float = 0.90
    prompts_tried: int = 3
    models_tried: int = 2
    annotated_rows: int = 100
    annotator_alpha: float = 0.667
    annotator_alpha_least: float = 0.40
    attested_days: int = 90
    days_live: int = 90
    traffic_days_of_90: int = 75
    saving: float = 0.70
    override_reason_letters: int = 10
    override_days: int = 90


def check(facts: Facts) -> None:
    """Refuse facts out of range with a ValueError naming the fact: nan, negative counts or money, shares beyond 1."""
    for name in _SHARES:
        _check(facts, name, 0.0, 1.0)
    for name in _AMOUNTS:
        _check(facts, name, 0.0)
    for name in _COUNTS:
        if getattr(facts, name) is not None:
            checks.count(name, getattr(facts, name))
    for name in ("audit_kappa", "annotator_alpha"):
        _check(facts, name, -math.inf, 1.0)
    for name in ("saving_low", "saving_median", "npv_usd"):
        _check(facts, name)
    # break_even_volume answers inf where a call saves nothing; that is a fact too.
    if facts.break_even_calls != math.inf:
        _check(facts, "break_even_calls", 0.0)
    _check_probes(facts)


def _check_probes(facts: Facts) -> None:
    for name, has_passed in (facts.probes or {}).items():
        checks.choice("probes", name, PROBES)
        if has_passed not in (True, False, None):
            raise ValueError(f"probes[{name!r}] is {has_passed!r}; it must be True, False or None")


def _check(facts: Facts, name: str, low: float = -math.inf, high: float = math.inf) -> None:
    if getattr(facts, name) is not None:
        checks.number(name, getattr(facts, name), low, high)
