"""What may have gone stale under a live candidate: its inputs and answers, its eval, its labels. Decides nothing."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Any

from engine.flows.steps import audit, refresh
from engine.flows.steps.month import Case
from engine.flows.steps.release import WIN_RATE
from engine.models.labels import Part
from engine.models.rollout import Rollout
from engine.rules.release import on_grid
from engine.rules.seal import release_step
from engine.rules.sizes import Shift, shift
from engine.rules.watch import retrain_due
from engine.store import checkups, investigations, months, rebaselines, seals
from engine.store.database import Tx
from engine.store.months import Stretch

REFERENCE = timedelta(days=30)  # of traffic before the verdict, which a month is held against
SURE = 2.0  # standard errors between dev and sealed that say dev was fitted to


def drift(tx: Tx, case: Case, stretch: Stretch | None) -> list[dict[str, Any]]:
    """Sizes of inputs and answers against the 30 days before the verdict; a ``psi`` of none is not known."""
    decided = case.verdict.decided_at
    before = months.between(tx, case.feature_id, decided - REFERENCE, decided)
    pairs = ("inputs", "prompts"), ("answers", "answers")
    return [_drifted(name, figure, before, stretch, case=case) for name, figure in pairs]


def _drifted(name: str, figure: str, before: Stretch | None, now: Stretch | None, *, case: Case) -> dict[str, Any]:
    found: Shift | None = None
    if before is not None and now is not None:
        found = shift(getattr(before, figure), getattr(now, figure), case.policy.drift)
    if found is None:
        return {"name": name, "psi": None, "critical": None, "alarm": None}
    return {"name": name, "psi": found.psi, "critical": found.critical, "alarm": found.is_alarm}


def eval_wear(tx: Tx, case: Case) -> dict[str, Any]:
    """How used the eval is: looks at its sealed rows, months that read half of them, and dev's lead over sealed."""
    seal = seals.find(tx, case.feature_id)
    looks = seals.used(tx, seal.id or 0) if seal else None
    answered = audit.sealed_answers(tx, case.verdict, case.rollout)
    judged = {label.id for label, _ in investigations.predictions(tx, case.verdict.run_id, _chosen(case), Part.SEALED)}
    return {
        "looks": looks,
        "looks_most": seals.LOOKS,
        "rebaselines": rebaselines.count(tx, seals.lineage(tx, seal.id or 0)) if seal else None,
        "sealed_days": max((case.until - seals.root(tx, seal.id or 0).created_at).days, 0) if seal else None,
        "eval": refresh.told(tx, case.feature_id),
        "moved": refresh.moved(
            [pair for pair in answered if pair[0].is_anchor],
            [pair for pair in answered if pair[0].id not in judged and pair[0].rested_in is None],
        ),
        **_gap(case.verdict.record),
    }


def _chosen(case: Case) -> str:
    return str(case.verdict.record["candidate"]["contender"])


def _gap(record: dict[str, Any]) -> dict[str, Any]:
    """Dev minus sealed quality of what went on, and whether more than two standard errors part them.

    None of it where texts were compared: dev has their likeness, the sealed rows a win rate.
    """
    dev, rows = record["candidate"].get("dev_score"), record.get("parts", {}).get("dev")
    quality = record["quality"]
    if dev is None or not rows or quality["metric"] == WIN_RATE:
        return {"gap": None, "overfitted": None}
    sealed = quality["candidate"]
    error = math.sqrt(dev * (1 - dev) / rows + sealed * (1 - sealed) / quality["n"])
    step = release_step(math.sqrt(sealed * (1 - sealed)), quality["n"])  # a checkup is read by people
    return {"gap": on_grid(dev - sealed, step), "overfitted": dev - sealed > SURE * error}


def due(tx: Tx, case: Case, passed_on: float | None, *, audited: str) -> tuple[str, ...]:
    """Why retraining is due; ``audited`` is what fresh labels say of it."""
    return retrain_due(
        days_old=max((case.until - case.verdict.decided_at).days, 0),
        cadence_months=case.policy.cost.retrain_months,
        escalation=passed_on,
        first=_first_escalation(tx, case.rollout),
        changed=_changed_labels(case),
        audited=audited,
    )


def _first_escalation(tx: Tx, rollout: Rollout) -> float | None:
    looks = [look for look in checkups.of_feature(tx, rollout.feature_id) if look.facts.get("rollout") == rollout.id]
    return next((look.facts["escalation"] for look in looks if look.facts.get("escalation") is not None), None)


def _changed_labels(case: Case) -> list[str]:
    judged: list[str] | None = case.verdict.record.get("dev", {}).get("classes")
    if judged is None:
        return []
    return sorted(set(case.feature.labels).symmetric_difference(judged))
