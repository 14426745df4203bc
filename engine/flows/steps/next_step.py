"""What a team does next with a feature that has a verdict: roll out, vote, watch, retire, or look again."""

from __future__ import annotations

from datetime import datetime

from engine.flows.steps import retire
from engine.models.checkup import Advice
from engine.models.feature import Feature
from engine.models.rollout import Rollout, RolloutStatus, Stage
from engine.models.verdict import Verdict
from engine.store import checkups, rollouts, snoozes
from engine.store.database import Tx

_ADVISED = {Advice.RETIRE: "retire", Advice.RETRAIN: "investigate"}


def after(tx: Tx, feature: Feature, verdict: Verdict, *, now: datetime) -> str:
    """The next step as a command. A rollout that was begun counts more than a newer verdict."""
    feature_id, slug = feature.id or 0, feature.slug
    if rollouts.waits(tx, feature_id, now):
        return "/assay approvals"
    rollout = rollouts.newest_of(tx, feature_id)
    if rollout is not None and rollout.open_feature_id is not None:
        return _open(tx, slug, rollout, now)
    if not verdict.outcome.ships:
        return f"/assay compare {slug}"
    is_over = rollout is not None and rollout.status is RolloutStatus.RETIRED and rollout.verdict_id == verdict.id
    return f"/assay ready {slug}" if is_over else f"/assay rollout {slug}"


def _open(tx: Tx, slug: str, rollout: Rollout, now: datetime) -> str:
    if rollout.reason == retire.REASON and rollout.stage is Stage.CANARY_50:
        return f"/assay retire {slug}"  # half of its calls are back already
    if rollout.stage is not Stage.LIVE or rollout.status is not RolloutStatus.RUNNING:
        return f"/assay rollout {slug}"
    looks = checkups.of_feature(tx, rollout.feature_id)
    advised = next((look.advice for look in reversed(looks) if look.advice is not None), None)
    is_snoozed = snoozes.of(tx, rollout.feature_id, now) is not None
    verb = "" if advised is None or is_snoozed else _ADVISED.get(advised, "")
    return f"/assay {verb} {slug}" if verb else "/assay stale"
