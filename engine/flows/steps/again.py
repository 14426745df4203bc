"""The recipe of last time, which a retraining trains again: that of the live model, else of the newest verdict."""

from __future__ import annotations

from engine.errors import NotReady
from engine.models.base import Value
from engine.models.feature import Feature
from engine.models.investigation import Candidate, Effort, Recipe
from engine.models.verdict import Verdict
from engine.store import investigations, rollouts, verdicts
from engine.store.database import Tx


class Last(Value):
    """What was chosen last time, by which run, with which effort."""

    run_id: str
    recipe: Recipe
    effort: Effort


def last(tx: Tx, feature: Feature) -> Last:
    """Last time's recipe. Raises ``NotReady`` where there is none to repeat."""
    rollout = rollouts.open_of(tx, feature.id or 0)
    verdict = tx.get_one(Verdict, rollout.verdict_id) if rollout else verdicts.newest_of(tx, feature.id or 0)
    run = investigations.find(tx, verdict.run_id) if verdict else None
    made = _chosen(tx, verdict) if verdict else None
    if run is None or made is None:
        raise NotReady(
            f"{feature.slug} has no recipe of last time to train again.",
            hint=f"Try the whole ladder: /assay investigate {feature.slug}",
        )
    return Last(run_id=run.run_id, recipe=Recipe.model_validate(made.recipe), effort=run.effort)


def recipe_of(tx: Tx, run_id: str, seed: int) -> Recipe | None:
    """The recipe a run chose, with another seed; none for no run."""
    verdict = verdicts.of_run(tx, run_id) if run_id else None
    made = _chosen(tx, verdict) if verdict else None
    return Recipe.model_validate(made.recipe).model_copy(update={"seed": seed}) if made else None


def _chosen(tx: Tx, verdict: Verdict) -> Candidate | None:
    name = verdict.record["candidate"]["contender"]
    return next((one for one in investigations.candidates(tx, verdict.run_id) if one.contender == name), None)
