"""Tell the channel, between two digests, what changed for the worse. Sequence only."""

from __future__ import annotations

from engine.flows.durable import Stepper
from engine.flows.steps import alert, checkup, listing
from engine.models.base import Value


class Week(Value):
    """The week alerts are about, as ``2026-W48``."""

    period: str


def alerts(run: Stepper, week: Week) -> alert.Told:
    """One look at each live model; one message where something is new, none where nothing is."""
    for feature_id in run.step("features", checkup.feature_ids):
        run.step(f"models {feature_id}", listing.ask, feature_id)
        run.step(f"look {feature_id}", alert.look, feature_id, week.period)
    return run.step("tell", alert.tell, week.period)
