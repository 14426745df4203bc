"""Look at every feature's month, live models beside fresh labels and the newest models, then post one digest."""

from __future__ import annotations

from engine.flows.durable import Stepper
from engine.flows.steps import audit, checkup, listing, newest, post, refresh
from engine.models.base import Value


class Month(Value):
    """The month a digest is about, as ``2026-10``."""

    period: str


def digest(run: Stepper, month: Month) -> post.Posted:
    """Fresh labels, one re-baseline and one checkup per feature; one message for all."""
    for feature_id in run.step("features", checkup.feature_ids):
        run.step(f"models {feature_id}", listing.ask, feature_id)
        run.step(f"refresh {feature_id}", refresh.refresh, feature_id)
        _audit(run, feature_id, month.period)
        _rebaseline(run, feature_id, month.period)
        run.step(f"look {feature_id}", checkup.look, feature_id, month.period)
    return run.step("post", post.post, month.period)


def _audit(run: Stepper, feature_id: int, period: str) -> None:
    planned = run.step(f"fresh {feature_id}", audit.plan, feature_id)
    if planned.rows:
        run.until(f"answer {feature_id}", audit.answer, planned)
    run.step(f"people {feature_id}", audit.ask_people, feature_id, period)


def _rebaseline(run: Stepper, feature_id: int, period: str) -> None:
    planned = run.step(f"rebaseline {feature_id}", newest.plan, feature_id, period)
    asked = [run.until(f"ask {feature_id} {name}", newest.ask, planned, name) for name in planned.options]
    if asked:
        run.step(f"judge {feature_id}", newest.judge, planned, asked)
