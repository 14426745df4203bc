"""Answer one question about one feature, frozen labels to stored verdict. Sequence only; the steps do the work."""

from __future__ import annotations

from engine.errors import AssayError
from engine.flows import judged
from engine.flows.asking import RETRY_SECONDS, ask
from engine.flows.durable import Stepper
from engine.flows.steps import candidates, choose, decide, end, plan, seeds, trackers
from engine.flows.steps.values import Choice, Frozen, Measured, Plan, TrainedCandidate, VerdictRef
from engine.models.investigation import Brief
from engine.models.labels import Part

__all__ = ["RETRY_SECONDS", "investigate"]


def investigate(run: Stepper, brief: Brief) -> VerdictRef:
    """Walk the whole road; a reason that ends it early is told to the owner and recorded, never lost."""
    try:
        ended = _road(run, brief)
    except AssayError as error:
        ended = run.step("end", end.close, brief.run_id, end.told(error))
    run.step("report", trackers.report, brief.run_id)
    return ended


def _road(run: Stepper, brief: Brief) -> VerdictRef:
    frozen = run.step("freeze", plan.freeze, brief.run_id)
    road = run.step("plan", plan.plan, frozen)
    asked = [ask(run, frozen, road, option, part=Part.DEV, rows=road.dev) for option in road.options]
    made = [_train(run, frozen, road, index) for index in range(len(road.recipes))]
    choice = run.step("choose", choose.choose, frozen, road, made, asked=asked)
    parity = run.until("parity", candidates.parity, frozen, road, choice)
    if frozen.votes is not None:
        choice = run.until("vote", candidates.vote, frozen, road, choice)
    if choice.seeds:
        choice = _seeded(run, frozen, road, choice)
    tried = next(one for one in asked if one.contender == choice.prompted)
    if frozen.is_judged:
        return judged.conclude(run, frozen, road, choice, parity=parity, asked=tried)
    if frozen.live is not None:  # before a look is spent: a live model that cannot be loaded ends the run here
        run.until("score_live", candidates.score_live, frozen, road.dev, Part.DEV)
    opened = run.step("open_seal", choose.open_seal, frozen, road, choice)
    if not opened.look:
        measured = Measured(parity=parity, opened=opened, asked=tried)
        return run.step("decide", decide.decide, frozen, road, choice, measured=measured)
    rerun = ask(run, frozen, road, choice.prompted, part=Part.SEALED, rows=opened.rows)
    run.until("score_sealed", candidates.score_sealed, frozen, choice, opened)
    if frozen.live is not None:
        run.until("score_live_sealed", candidates.score_live, frozen, opened.rows, Part.SEALED)
    measured = Measured(parity=parity, opened=opened, asked=rerun)
    return run.step("decide", decide.decide, frozen, road, choice, measured=measured)


def _train(run: Stepper, frozen: Frozen, road: Plan, index: int) -> TrainedCandidate:
    name = road.recipes[index].name
    candidate = run.until(f"train {name}", candidates.train, frozen, road, index)
    if not candidate.skipped:
        run.until(f"score {name}", candidates.score_dev, frozen, road, candidate)
    return candidate


def _seeded(run: Stepper, frozen: Frozen, road: Plan, choice: Choice) -> Choice:
    made = [run.until(f"train {recipe.name}", seeds.train, frozen, road, recipe) for recipe in choice.seeds]
    made = [one if one.skipped else run.until(f"score {one.contender}", seeds.score, frozen, road, one) for one in made]
    return run.step("seeds", seeds.tell, frozen, choice, made)
