"""Look at every feature's month, then post one digest. Sequence only."""

from __future__ import annotations

from engine.flows.durable import Stepper
from engine.flows.steps import checkup, post
from engine.models.base import Value


class Month(Value):
    """The month a digest is about, as ``2026-10``."""

    period: str


def digest(run: Stepper, month: Month) -> post.Posted:
    """One checkup per feature, one message for all."""
    for feature_id in run.step("features", checkup.feature_ids):
        run.step(f"look {feature_id}", checkup.look, feature_id, month.period)
    return run.step("post", post.post, month.period)
