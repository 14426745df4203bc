"""Train candidates, score them, and check that the served answers are the evaluated ones. Jobs do the work."""

from __future__ import annotations

import logging

from engine.errors import Cancelled, OverBudget, WorkFailed
from engine.evals.rows import read_predictions
from engine.flows.durable import Pending
from engine.flows.steps.plan import SEALED, SERVED
from engine.flows.steps.progress import attend, complete, note
from engine.flows.steps.promotion import why_ended
from engine.flows.steps.values import LIVE, Choice, Frozen, Opened, Parity, Plan, Scored, TrainedCandidate, Voting
from engine.models.investigation import Candidate, Recipe, RunTask, TaskState
from engine.models.labels import Part
from engine.models.money import from_usd, to_usd
from engine.runners import JobKind, JobSpec, JobState, Resources
from engine.services import Services
from engine.store import investigations, labels, replies
from engine.train.ladder import SPREADING

log = logging.getLogger(__name__)


def train(services: Services, frozen: Frozen, road: Plan, index: int) -> TrainedCandidate | Pending:
    """Train one recipe; its candidate row and artifact are stored. The same rows and recipe are never trained twice.

    Where the ladder ended before it, it is ``skipped`` with the reason.
    Raises ``OverBudget`` when what is left of the budget does not cover its quote.
    """
    recipe = road.recipes[index]
    with services.database.read() as tx:
        ended = why_ended(tx, frozen, recipe)
    if ended:
        return _left_out(services, frozen, recipe, ended)
    _check_budget(services, frozen, road)
    state = attend(services, frozen.run_id, training(services, frozen, road, recipe), f"train {recipe.name}")
    if isinstance(state, Pending):
        return state
    made = made_of(recipe, state)
    with services.database.write() as tx:
        learned = state.result.get("recipe") or recipe.model_dump(mode="json")
        row = Candidate(run_id=frozen.run_id, recipe=learned, **made.model_dump())
        investigations.add_candidate(tx, row)
    return made


def training(services: Services, frozen: Frozen, road: Plan, recipe: Recipe) -> JobSpec:
    """The job that trains a recipe on the run's rows."""
    return JobSpec(
        kind=JobKind.TRAIN,
        inputs={"train": road.train, "dev": road.dev},
        config={"recipe": recipe.model_dump(mode="json"), **frozen.task.body},
        seed=recipe.seed,
        resources=Resources(
            memory_gb=-(-road.memory_mb.get(recipe.rung, 0) // 1024),
            workers=services.settings.ray_workers if recipe.rung in SPREADING else 1,
        ),
    )


def made_of(recipe: Recipe, state: JobState) -> TrainedCandidate:
    """What a training that is done gave."""
    return TrainedCandidate(
        contender=recipe.name,
        rung=recipe.rung,
        artifact=state.result["artifact"],
        seconds=state.result["seconds"],
        alarm=state.result["alarm"],
        facts=state.result["facts"],
    )


def _left_out(services: Services, frozen: Frozen, recipe: Recipe, why: str) -> TrainedCandidate:
    with services.database.write() as tx:
        row = Candidate(run_id=frozen.run_id, contender=recipe.name, rung=recipe.rung, skipped=why)
        investigations.add_candidate(tx, row)
    note(services, frozen.run_id, RunTask(name=f"train {recipe.name}", state=TaskState.SKIPPED, note=why))
    return TrainedCandidate(contender=recipe.name, rung=recipe.rung, skipped=why)


def score_dev(services: Services, frozen: Frozen, road: Plan, candidate: TrainedCandidate) -> Scored | Pending:
    """Score a candidate on dev."""
    task = f"train {candidate.contender}"
    scored = score_on_dev(services, frozen, road, candidate, task=task)
    if isinstance(scored, Scored):
        complete(services, frozen.run_id, task, candidate.alarm or _took(candidate))
    return scored


def score_on_dev(
    services: Services, frozen: Frozen, road: Plan, candidate: TrainedCandidate, *, task: str
) -> Scored | Pending:
    """Have a candidate answer dev; ``task`` is the line of the run's progress that tells of it."""
    spec = _predict(frozen, candidate.artifact, candidate.rung, road.dev)
    return _score(services, frozen, spec, candidate.contender, part=Part.DEV, task=task)


def score_sealed(services: Services, frozen: Frozen, choice: Choice, opened: Opened) -> Scored | Pending:
    """Score the one chosen candidate on the sealed part."""
    spec = _predict(frozen, choice.artifact, choice.rung, opened.rows)
    scored = _score(services, frozen, spec, choice.candidate, part=Part.SEALED, task=SEALED)
    if isinstance(scored, Scored):
        complete(services, frozen.run_id, SEALED, f"{opened.count:,} rows, look {opened.look} of 3")
    return scored


def score_live(services: Services, frozen: Frozen, rows: str, part: Part) -> Scored | Pending:
    """Have the live model answer the rows that its successor must do better on. It is no further look."""
    assert frozen.live is not None, "a live model is scored"
    spec = _predict(frozen, frozen.live.artifact, frozen.live.rung, rows)
    task = SEALED if part is Part.SEALED else SERVED
    return _score(services, frozen, spec, LIVE, part=part, task=task)


def vote(services: Services, frozen: Frozen, road: Plan, choice: Choice) -> Choice | Pending:
    """Have the chosen candidate vote on dev as the prompted option did. That is told beside it, and decides nothing."""
    assert frozen.votes is not None, "a run that wants votes"
    once = _predict(frozen, choice.artifact, choice.rung, road.dev)
    spec = once.model_copy(update={"config": {**once.config, **frozen.votes.body}})
    try:
        state = attend(services, frozen.run_id, spec, SERVED)
    except Cancelled:
        raise
    except WorkFailed as error:  # what decides nothing ends no run
        log.warning("votes.failed", extra={"run": frozen.run_id, "cause": str(error)})
        return choice
    if isinstance(state, Pending):
        return state
    found, seconds = state.result["votes"], services.runner.poll(once.job_id).result["seconds"]
    if found is None:
        return choice
    times = state.result["seconds"] / max(seconds, 1e-9)
    return choice.model_copy(update={"votes": Voting(samples=frozen.votes.samples, times=times, **found)})


def parity(services: Services, frozen: Frozen, road: Plan, choice: Choice) -> Parity | Pending:
    """Ask the served candidate over HTTP, compare with its offline answers. Below the floor: ``WorkFailed``."""
    offline = _predict(frozen, choice.artifact, choice.rung, road.dev)
    policy = frozen.policy.evaluation
    spec = JobSpec(
        kind=JobKind.PARITY,
        inputs={
            "candidate": choice.artifact,
            "rows": road.dev,
            "predictions": services.runner.poll(offline.job_id).result["predictions"],
        },
        config={**offline.config, "rows": policy.parity_rows},
    )
    state = attend(services, frozen.run_id, spec, SERVED)
    if isinstance(state, Pending):
        return state
    agree, rows = state.result["agree"], state.result["rows"]
    if agree < policy.parity_floor * rows:
        raise WorkFailed(
            f"Served answers differ from offline on {rows - agree} of {rows} rows "
            f"({agree / rows:.1%}, need {policy.parity_floor:.0%}); first: id {state.result['first']}."
        )
    complete(services, frozen.run_id, SERVED, f"{agree} of {rows} answers the same")
    return Parity(
        agree=agree,
        rows=rows,
        latency_p50_ms=state.result["latency_p50_ms"],
        latency_p95_ms=state.result["latency_p95_ms"],
    )


def _took(candidate: TrainedCandidate) -> str:
    parts = 2 ** int(candidate.facts.get("halved", 0))
    said = f"; memory ran out, so batches were taken in {parts} parts" if parts > 1 else ""
    return f"{candidate.seconds:,.0f} s{said}"


def _predict(frozen: Frozen, artifact: str, rung: str, rows: str) -> JobSpec:
    return JobSpec(
        kind=JobKind.PREDICT,
        inputs={"candidate": artifact, "rows": rows},
        config={**frozen.task.body, "rung": rung},
    )


def _score(
    services: Services, frozen: Frozen, spec: JobSpec, contender: str, *, part: Part, task: str
) -> Scored | Pending:
    state = attend(services, frozen.run_id, spec, task)
    if isinstance(state, Pending):
        return state
    predictions = read_predictions(services.artifacts.path(state.result["predictions"]))
    with services.database.write() as tx:
        ids = labels.ids(tx, frozen.label_set_id, part)
        investigations.add_predictions(tx, frozen.run_id, contender, part=part, label_ids=ids, rows=predictions)
    return Scored(contender=contender, rows=len(predictions))


def _check_budget(services: Services, frozen: Frozen, road: Plan) -> None:
    cost = frozen.policy.cost
    with services.database.read() as tx:
        paid = replies.bill(tx, frozen.run_id).nano_usd
    training = from_usd(road.seconds / 3600 * cost.cpu_hour_usd)
    if paid + training > frozen.budget_nano:
        raise OverBudget(
            f"Training would take about ${to_usd(training):,.2f} of machine time and ${to_usd(paid):,.2f} is paid; "
            f"the budget is ${to_usd(frozen.budget_nano):,.2f}.",
            hint=f"Give more: /assay investigate {frozen.slug} budget=50",
        )
