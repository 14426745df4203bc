"""What the store already knows of a feature for its reading: age, changes, prompts tried, and probes that passed.

Knows nothing of traffic or labels, and measures nothing anew.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from engine.flows.steps import drill, release
from engine.models.feature import Feature
from engine.models.labels import Part
from engine.models.verdict import Verdict
from engine.rules.pairs import wilson
from engine.store import features, investigations, usage, verdicts
from engine.store.database import Tx
from engine.teachers import options

_QUARTER = timedelta(days=90)
_DAY = timedelta(days=1)
_EVALS = timedelta(days=30)
_PROMPTED = (options.BASELINE, options.FEW_SHOT)


def of_feature(tx: Tx, feature: Feature, now: datetime) -> dict[str, tuple[Any, str]]:
    """Facts by name, each with its source; a fact that is not known is left out."""
    found = {
        "days_live": (max((now.date() - feature.live_since).days, 0), f"live since {feature.live_since}"),
        **_changes(tx, feature, now),
        **_tried(tx, feature),
    }
    if feature.quality_bar is not None:
        found["quality_bar"] = (feature.quality_bar, "the registered quality bar")
    return found


def probes(tx: Tx, feature_id: int, traffic: usage.History | None, now: datetime) -> dict[str, bool]:
    """The probes that surely passed or surely failed; the others are unknown.

    An evaluation in 30 days that nothing made invalid; calls captured in the last day; a rollback in the last 90 days,
    drilled or real: the only one of them that can fail, by a drill that not every gateway worker followed.
    """
    newest = verdicts.newest_of(tx, feature_id)
    passed = {
        "evals_green": newest is not None and newest.decided_at >= now - _EVALS and _is_valid(newest),
        "capture_on": traffic is not None and traffic.until >= now - _DAY,
    }
    drilled = drill.drilled(tx, feature_id, now)
    found = {name: True for name, has_passed in passed.items() if has_passed}
    return found | ({} if drilled is None else {"rollback_drilled": drilled})


def _is_valid(verdict: Verdict) -> bool:
    evidence: dict[str, Any] = verdict.record.get("evidence") or {}
    return bool(evidence) and not evidence.get("invalid")


def _changes(tx: Tx, feature: Feature, now: datetime) -> dict[str, tuple[Any, str]]:
    """Changes of the baseline in 90 days; while Assay has not watched for so long, only more than one says anything."""
    changed = [row for row in features.baselines(tx, feature.id or 0) if row.number > 1]
    recent = len([row for row in changed if row.created_at >= now - _QUARTER])
    if feature.registered_at > now - _QUARTER and recent <= 1:
        return {}
    return {"material_changes_90d": (recent, "baselines registered")}


def _tried(tx: Tx, feature: Feature) -> dict[str, tuple[Any, str]]:
    """Prompts and models that runs have asked, and the best a prompted one may be (upper 95 % bound, Wilson)."""
    prompts: set[tuple[int, str]] = set()
    for run in investigations.of_feature(tx, feature.id or 0):
        asked = investigations.contenders(tx, run.run_id, Part.DEV)
        prompts |= {(run.baseline_id or 0, name) for name in asked if name in _PROMPTED}
    if not prompts:
        return {}
    models = {features.baseline_by_id(tx, baseline_id).model for baseline_id, _ in prompts}
    found: dict[str, tuple[Any, str]] = {
        "prompts_tried": (len(prompts), "investigations"),
        "models_tried": (len(models), "investigations"),
    }
    judged = [release.quality_of(verdict.record) for verdict in verdicts.of_feature(tx, feature.id or 0)]
    # A win rate's prompted side is one half whoever it is: that says nothing of how good its texts are.
    highs = [_high(quality) for quality in judged if quality["metric"] != release.WIN_RATE]
    return found | ({"prompted_quality_high": (max(highs), "sealed rows, upper 95 % bound")} if highs else {})


def _high(quality: dict[str, Any]) -> float:
    return wilson(round(quality["prompted"] * quality["n"]), quality["n"]).high
