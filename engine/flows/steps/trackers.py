"""Tell the trackers a team chose (``digest_trackers``) of a run's candidates. Our database stays the record.

Off by default. What goes out is names, settings, dev metrics and lineage; nothing of the sealed rows but the outcome. A
tracker is told by a child of its own; the run waits for it a moment, and the child goes on without the run.
"""

from __future__ import annotations

import json
import logging
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from contextvars import copy_context
from threading import Thread
from typing import Any

from engine.models.base import Value
from engine.rules.limits import TRACKERS
from engine.services import Services
from engine.store import features, investigations, policies, verdicts
from engine.store.database import Tx

log = logging.getLogger(__name__)

DEADLINE_SECONDS = 60.0  # for one tracker; its child is ended then
ORPHAN_SECONDS = 5.0  # later the child ends itself, should the engine be gone by then
PATIENCE_SECONDS = 3.0  # of the run for all of them: a step takes five at most
METRICS = ("dev_score", "dev_macro_f1", "dev_exact", "valid_share", "latency_p50_ms", "latency_p95_ms")


class Reported(Value):
    """The trackers that took the run while it waited."""

    names: tuple[str, ...] = ()


def report(services: Services, run_id: str) -> Reported:
    """Tell each tracker at once; one that fails or hangs is logged once and changes nothing else."""
    with services.database.read() as tx:
        told = policies.current(tx).digest.trackers.split(",")
        names = [name for name in TRACKERS if name in {one.strip() for one in told}]
        if not names:
            return Reported()
        facts = facts_of(tx, run_id)
    return Reported(names=tell(names, facts) if facts["candidates"] else ())


def tell(
    names: Sequence[str],
    facts: dict[str, Any],
    *,
    patience: float = PATIENCE_SECONDS,
    deadline: float = DEADLINE_SECONDS,
) -> tuple[str, ...]:
    """Those that took the facts within ``patience`` seconds; the others have until their ``deadline``, unwaited for."""
    took: list[str] = []
    ends = time.monotonic() + patience
    told = [Thread(target=copy_context().run, args=(_tell, one, facts, deadline, took), daemon=True) for one in names]
    for one in told:
        one.start()
    for one in told:
        one.join(max(ends - time.monotonic(), 0.0))
    return tuple(name for name in names if name in took)


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


def _tell(name: str, facts: dict[str, Any], deadline: float, took: list[str]) -> None:
    """Tell one by a child; ``took`` gets its name where it took them, the log why where it did not."""
    lives = math.ceil(deadline + ORPHAN_SECONDS)
    command = [sys.executable, "-m", "engine.jobs.trackers", name, str(lives)]
    pipe, nobody = subprocess.PIPE, subprocess.DEVNULL
    with subprocess.Popen(  # noqa: S603 (our own module)
        command, stdin=pipe, stdout=nobody, stderr=pipe, text=True, start_new_session=True
    ) as child:
        try:
            _, said = child.communicate(json.dumps(facts), timeout=deadline)
            why = said.rstrip().rpartition("\n")[2].partition(":")[0][:80]  # the kind of error, never its text
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)  # with whatever the tracker's own client started
            why = f"no answer within {deadline:.0f} s"
    if child.returncode == 0:
        took.append(name)
    else:
        log.warning("tracker.failed", extra={"tracker": name, "why": why or f"exit {child.returncode}"})
