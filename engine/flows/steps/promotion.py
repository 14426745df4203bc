"""Which candidate stands on the ladder, and where the ladder ends. Reads dev answers alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.approaches import Task
from engine.approaches.registry import approach_of
from engine.errors import WorkFailed
from engine.flows.steps import scores
from engine.flows.steps.compare import paired
from engine.flows.steps.values import Frozen, TrainedCandidate
from engine.models.investigation import Candidate, Recipe
from engine.models.labels import Part
from engine.models.recipes import in_words
from engine.rules.pairs import Interval, tango_interval
from engine.store import investigations
from engine.store.database import Tx

PROMOTION_CONFIDENCE = 0.95  # docs/engine.md: a rung replaces the one below only if this interval lies above 0
_PROBES = {  # where adapting some weights gives nothing for sure, dearer rungs are not begun
    "lora_causal": ("lora_encoder",),
    "full": ("lora_encoder", "lora_causal"),
}


@dataclass(frozen=True)
class Standing:
    """A candidate on dev: its answers and their quality; in words what it is."""

    candidate: TrainedCandidate
    rows: scores.Rows
    quality: float
    words: str


def standing(tx: Tx, frozen: Frozen, candidate: TrainedCandidate) -> Standing:
    """How a candidate does on dev."""
    rows = investigations.predictions(tx, frozen.run_id, candidate.contender, Part.DEV)
    words = next(
        one.words for one in investigations.candidates(tx, frozen.run_id) if one.contender == candidate.contender
    )
    return Standing(candidate, rows, scores.scored(frozen.task, candidate.contender, rows).quality, words)


def promoted(task: Task, standings: Sequence[Standing]) -> tuple[Standing, list[str]]:
    """The cheapest that none dearer beats for sure, the best of each rung, cheap to dear; and the intervals seen.

    Raises ``WorkFailed`` where there is none.
    """
    if not standings:
        raise WorkFailed("No candidate came out of training without an alarm; none can be promoted.")
    best_of_rung: dict[str, Standing] = {}
    for one in standings:
        known = best_of_rung.get(one.candidate.rung)
        if known is None or one.quality > known.quality:
            best_of_rung[one.candidate.rung] = one
    best, *dearer = best_of_rung.values()
    reasons: list[str] = []
    for rival in dearer:
        interval = _lead(task, rival.rows, best.rows)
        names = f"{rival.words} over {best.words}"
        reasons.append(f"{names}: {interval.estimate:+.3f} [{interval.low:+.3f}, {interval.high:+.3f}] on dev")
        best = rival if interval.low > 0 else best
    return best, reasons


def why_ended(tx: Tx, frozen: Frozen, recipe: Recipe) -> str:
    """Why the ladder ends below this recipe: its probes gave nothing for sure; "" where it goes on, or had no probe."""
    made = [_trained(row) for row in investigations.candidates(tx, frozen.run_id) if not row.skipped]
    probes = [one for one in made if one.rung in _PROBES.get(recipe.rung, ())]
    if not probes:
        return ""
    names = " and ".join(dict.fromkeys(in_words(one.rung, {}, {}) for one in probes))
    if all(one.alarm for one in probes):
        return f"the ladder ends here: {names} {probes[0].alarm}"
    best, _ = promoted(frozen.task, [standing(tx, frozen, one) for one in made if not one.alarm])
    if best.candidate.rung in {recipe.rung, *(one.rung for one in probes)}:
        return ""
    return f"the ladder ends here: {names} is not surely better than {best.words} on dev"


def _trained(row: Candidate) -> TrainedCandidate:
    return TrainedCandidate(contender=row.contender, rung=row.rung, artifact=row.artifact, alarm=row.alarm)


def _lead(task: Task, rival: scores.Rows, best: scores.Rows) -> Interval:
    if approach_of(task.approach).is_partial:
        return paired(task, rival, best, PROMOTION_CONFIDENCE).interval
    return tango_interval(scores.paired(rival, best), PROMOTION_CONFIDENCE)
