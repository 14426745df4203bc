"""Choose one candidate and one prompted option on dev, and open the sealed part for them. Reads no sealed answer."""

from __future__ import annotations

import math

from engine.approaches.registry import approach_of
from engine.errors import WorkFailed
from engine.flows.steps import answers, cascade, contenders, scores
from engine.flows.steps.compare import paired
from engine.flows.steps.plan import rows_artifact
from engine.flows.steps.progress import note
from engine.flows.steps.promotion import PROMOTION_CONFIDENCE, promoted, standing
from engine.flows.steps.values import Asked, Choice, Frozen, Opened, Plan, TrainedCandidate, Tried, unopened
from engine.models.investigation import Recipe, RunTask, TaskState
from engine.models.labels import Part
from engine.models.money import to_usd
from engine.rules.gates import disputed
from engine.rules.power import RowPlan, rows_planned, rows_planned_by_spread
from engine.services import Services
from engine.store import features, investigations, labels, replies, seals
from engine.store.database import Tx
from engine.train.recipes import seeded

SEALED_ROOM = 1.1  # of what the sealed rows would cost at the dev rows' mean: their texts are others


def choose(
    services: Services, frozen: Frozen, road: Plan, made: list[TrainedCandidate], *, asked: list[Asked]
) -> Choice:
    """The cheapest candidate that none dearer beats for sure on dev, and the best prompted option on dev.

    Raises ``WorkFailed`` when no candidate may be promoted, or the budget cannot pay that option's sealed answers.
    """
    with services.database.read() as tx:
        best, reasons = promoted(
            frozen.task, [standing(tx, frozen, one) for one in made if not (one.alarm or one.skipped)]
        )
        tried = contenders.tried(tx, services, frozen, asked, untried=road.untried)
        prompted = contenders.best(tried)
        _refuse_unpayable(tx, frozen, road, prompted)
        theirs = investigations.predictions(tx, frozen.run_id, prompted.contender, Part.DEV)
        whole = frozen.is_judged  # a text is not right or wrong, so none is sure to be right
        found = None if whole else cascade.considered(frozen.task, best.rows, theirs, PROMOTION_CONFIDENCE)
        rows = found[1] if found else best.rows
        planned = _planned(frozen, rows, theirs, look=seals.next_look(tx, road.seal_id))
        finalist = _recipe(tx, frozen, best.candidate)
    return Choice(
        candidate=best.candidate.contender,
        rung=best.candidate.rung,
        artifact=best.candidate.artifact,
        quality=scores.scored(frozen.task, best.candidate.contender, rows).quality,
        cascade=found[0] if found else None,
        prompted=prompted.contender,
        model=prompted.model,
        tried=tried,
        planned_rows=planned.rows,
        disagreement=planned.disagreement,
        apart=scores.apart(rows, theirs),
        reasons=reasons,
        seeds=seeded(finalist, frozen.effort),
    )


def open_seal(services: Services, frozen: Frozen, road: Plan, choice: Choice) -> Opened:
    """Write the look on the ledger and hand out the sealed inputs, for this one candidate. Again is the same look.

    Where people audited answers and contradict the grades nothing is opened: no look is spent on what proves nothing.
    """
    with services.database.write() as tx:
        run = investigations.by_run(tx, frozen.run_id)
        if frozen.has_answers and not seals.has_looked(tx, frozen.run_id):
            said = answers.audited(tx, frozen.feature_id, frozen.label_set_id)
            if disputed(said.rows, said.kappa):
                return unopened()
        prompt = features.baseline_by_id(tx, frozen.baseline_id).prompt
        look = seals.open_look(
            tx,
            services.clock,
            seal_id=road.seal_id,
            run_id=frozen.run_id,
            contender=choice.candidate,
            purpose="confirm",
            margin=frozen.margin,
            by=run.requested_by,
        )
        left_out = labels.shown_in(tx, frozen.label_set_id, prompt) | labels.taught(tx, frozen.label_set_id)
        sealed = [row for row in seals.sealed_rows(tx, look, frozen.label_set_id) if row.id not in left_out]
        number, alpha = look.number, look.alpha
    note(services, frozen.run_id, RunTask(name="sealed rows", state=TaskState.RUNNING, note=f"{len(sealed):,} rows"))
    return Opened(look=number, alpha=alpha, rows=rows_artifact(services, sealed), count=len(sealed))


def _recipe(tx: Tx, frozen: Frozen, chosen: TrainedCandidate) -> Recipe:
    """The recipe the candidate was trained by: the one that won where several raced."""
    rows = {one.contender: one for one in investigations.candidates(tx, frozen.run_id)}
    return Recipe.model_validate(rows[chosen.contender].recipe)


def _planned(frozen: Frozen, rows: scores.Rows, theirs: scores.Rows, *, look: int) -> RowPlan:
    """Sealed rows that prove the margin: by counts of right rows, or by the spread of partly right ones."""
    dev, found = scores.paired(rows, theirs), paired(frozen.task, rows, theirs, PROMOTION_CONFIDENCE)
    policy = frozen.policy.evaluation
    if approach_of(frozen.approach).is_partial:
        return rows_planned_by_spread(found, dev, frozen.margin, look, policy)
    return rows_planned(dev, frozen.margin, look, policy, design_effect=found.design_effect)


def _refuse_unpayable(tx: Tx, frozen: Frozen, road: Plan, prompted: Tried) -> None:
    """Refuse before the seal is opened: a look is one of three, and half of the answers give no verdict."""
    if prompted.call_nano is None:
        return
    left = frozen.budget_nano - replies.bill(tx, frozen.run_id).nano_usd
    needed = round(SEALED_ROOM * prompted.call_nano * road.sealed_rows)
    if needed > left:
        raise WorkFailed(
            f"{prompted.contender} is the best prompted option on dev. Its {road.sealed_rows:,} sealed rows may cost "
            f"${to_usd(needed):,.2f} and ${to_usd(max(left, 0)):,.2f} of the budget is left, so none was opened. "
            f"What was paid is kept; start again: /assay investigate {frozen.slug} budget={math.ceil(to_usd(needed))}"
        )
