"""Train the candidate that was chosen with further seeds, and say how far its answer on dev hangs on chance.

Chooses nothing: what goes to the seal is the first seed, which was chosen before the others were trained.
"""

from __future__ import annotations

from engine.errors import Cancelled, WorkFailed
from engine.flows.durable import Pending
from engine.flows.steps import candidates, compare, scores
from engine.flows.steps.plan import SEEDS
from engine.flows.steps.progress import attend, complete
from engine.flows.steps.promotion import PROMOTION_CONFIDENCE
from engine.flows.steps.values import Choice, Frozen, Plan, TrainedCandidate
from engine.models.investigation import Recipe
from engine.models.labels import Part
from engine.models.verdict import Seeded
from engine.rules.pairs import finding
from engine.rules.seeds import over_seeds
from engine.services import Services
from engine.store import investigations
from engine.store.database import Tx


def train(services: Services, frozen: Frozen, road: Plan, recipe: Recipe) -> TrainedCandidate | Pending:
    """Train the candidate's recipe with a further seed. One that breaks is ``skipped`` with the cause: that is told."""
    try:
        state = attend(services, frozen.run_id, candidates.training(services, frozen, road, recipe), SEEDS)
    except Cancelled:
        raise
    except WorkFailed as error:
        return TrainedCandidate(contender=recipe.name, rung=recipe.rung, skipped=str(error))
    return state if isinstance(state, Pending) else candidates.made_of(recipe, state)


def score(services: Services, frozen: Frozen, road: Plan, made: TrainedCandidate) -> TrainedCandidate | Pending:
    """Have it answer dev; one that cannot is ``skipped`` with the cause. It is no contender: nobody may choose it."""
    try:
        scored = candidates.score_on_dev(services, frozen, road, made, task=SEEDS)
    except Cancelled:
        raise
    except WorkFailed as error:
        return made.model_copy(update={"skipped": str(error)})
    return scored if isinstance(scored, Pending) else made


def tell(services: Services, frozen: Frozen, choice: Choice, made: list[TrainedCandidate]) -> Choice:
    """The choice as it was, with what each of its seeds gave on dev, the first one first."""
    with services.database.read() as tx:
        rows = {one.contender: one for one in investigations.candidates(tx, frozen.run_id)}
        first = TrainedCandidate(contender=choice.candidate, rung=choice.rung, seconds=rows[choice.candidate].seconds)
        numbers = [int(rows[choice.candidate].recipe["seed"]), *(recipe.seed for recipe in choice.seeds)]
        told = [_seeded(tx, frozen, choice, one, seed=seed) for seed, one in zip(numbers, [first, *made], strict=True)]
    found = over_seeds([one.quality for one in told])
    ended = sum(not one.failed for one in told)
    said = "none of the further ones ended"
    if found:
        said = f"{found.low:.1%} to {found.high:.1%} on dev, over {ended} of {len(told)} seeds"
    complete(services, frozen.run_id, SEEDS, said)
    return choice.model_copy(update={"seeded": told})


def _seeded(tx: Tx, frozen: Frozen, choice: Choice, made: TrainedCandidate, *, seed: int) -> Seeded:
    if made.skipped:
        return Seeded(seed=seed, failed=made.skipped)
    ours = investigations.predictions(tx, frozen.run_id, made.contender, Part.DEV)
    score = scores.scored(frozen.task, made.contender, ours)
    return Seeded(
        seed=seed,
        quality=score.quality,
        macro_f1=score.macro_f1,
        exact=score.exact,
        finding="" if frozen.is_judged else _found(tx, frozen, choice, ours),
        alarm=made.alarm,
        seconds=made.seconds,
    )


def _found(tx: Tx, frozen: Frozen, choice: Choice, ours: scores.Rows) -> str:
    """What dev says of this seed beside the prompted option, by the rule of the sealed rows, cascades as cascades."""
    theirs = investigations.predictions(tx, frozen.run_id, choice.prompted, Part.DEV)
    rows = compare.contending(choice, ours, theirs)
    interval = compare.paired(frozen.task, rows, theirs, PROMOTION_CONFIDENCE).interval
    return finding(interval.low, interval.high, frozen.margin)
