"""Tell the trackers a team chose (``digest_trackers``) of a run's candidates. Our database stays the record.

Off by default. What goes out is names, settings, dev metrics and lineage; nothing of the sealed rows but the outcome.
"""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from typing import Any

from engine.models.base import Value
from engine.rules.limits import TRACKERS
from engine.services import Services
from engine.store import features, investigations, policies, verdicts
from engine.store.database import Tx

log = logging.getLogger(__name__)

SECONDS = 60.0  # for one tracker; one that is away may not hold the run
METRICS = ("dev_score", "dev_macro_f1", "dev_exact", "valid_share", "latency_p50_ms", "latency_p95_ms")


class Reported(Value):
    """The trackers that took the run."""

    names: tuple[str, ...] = ()


def report(services: Services, run_id: str) -> Reported:
    """Tell each tracker; one that fails is logged once and changes nothing else."""
    with services.database.read() as tx:
        told = policies.current(tx).digest.trackers.split(",")
        names = [name for name in TRACKERS if name in {one.strip() for one in told}]
        if not names:
            return Reported()
        facts = facts_of(tx, run_id)
    return Reported(names=tuple(name for name in names if facts["candidates"] and _told(name, facts)))


def facts_of(tx: Tx, run_id: str) -> dict[str, Any]:
    """What a tracker is told: each trained candidate's parameters, dev metrics, artifact; and the run's lineage."""
    run = investigations.by_run(tx, run_id)
    verdict = verdicts.of_run(tx, run_id)
    kept: dict[str, Any] = verdict.record if verdict is not None else {}
    scored: dict[str, dict[str, Any]] = {str(one["contender"]): one for one in kept.get("rungs", [])}
    chosen = kept.get("candidate", {}).get("artifact", "")
    return {
        "feature": features.by_id(tx, run.feature_id).slug,
        "run": run_id,
        "lineage": {
            "assay.run": run_id,
            "assay.outcome": verdict.outcome if verdict is not None else run.state,
            "assay.labels_version": kept.get("labels_version", ""),
            "assay.policy_hash": run.policy_hash,
            "assay.price_snapshot": run.price_snapshot,
            "assay.code_version": run.code_version,
        },
        "candidates": [
            {
                "contender": one.contender,
                "params": {"rung": one.rung, "seed": one.recipe.get("seed", 0), **one.recipe.get("settings", {})},
                "metrics": {"seconds": one.seconds, **_metrics(scored.get(one.contender, {}))},
                "tags": {"assay.artifact": one.artifact, "assay.chosen": str(one.artifact == chosen).lower()},
            }
            for one in investigations.candidates(tx, run_id)
            if one.artifact
        ],
    }


def _metrics(line: dict[str, Any]) -> dict[str, float]:
    return {name: float(line[name]) for name in METRICS if line.get(name) is not None}


def _told(name: str, facts: dict[str, Any]) -> bool:
    command = [sys.executable, "-m", "engine.jobs.trackers", name]
    try:
        done = subprocess.run(  # noqa: S603 (our own module)
            command, input=json.dumps(facts), capture_output=True, text=True, timeout=SECONDS, check=False
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        log.warning("tracker.failed", extra={"tracker": name, "why": f"no answer within {SECONDS:.0f} s"})
        return False
    if done.returncode:
        last = done.stderr.rstrip().rpartition("\n")[2].partition(":")[0]  # the kind of error, never its text
        log.warning("tracker.failed", extra={"tracker": name, "why": last[:80] or f"exit {done.returncode}"})
    return done.returncode == 0
