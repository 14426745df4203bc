"""Ask a prompted option on a part: a job makes the paid calls, this step ensures, polls and stores what came back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from engine.approaches.registry import approach_of
from engine.errors import KeyRejected, WorkFailed
from engine.evals.rows import read_predictions
from engine.flows.durable import Pending
from engine.flows.steps import prompted
from engine.flows.steps.plan import SEALED
from engine.flows.steps.progress import attend, complete, note
from engine.flows.steps.values import Asked, Frozen, Plan
from engine.models.feature import Baseline, is_simulated
from engine.models.investigation import RunTask, TaskState
from engine.models.labels import Part
from engine.runners import JobKind, JobSpec
from engine.services import Services
from engine.store import features, investigations, labels
from engine.store.database import Tx
from engine.teachers import options, prices

RESERVE = 1.5  # of what the sealed rows would cost at the dev rows' price: some texts are longer
NO_BUDGET = "the budget leaves too little for it beside the current prompt's sealed rows"


def ask(
    services: Services, frozen: Frozen, road: Plan, option: str, *, part: Part, rows: str, attempt: int
) -> Asked | Pending:
    """Ask every row that has no reply yet; what was paid is kept whatever happens.

    Raises ``KeyRejected`` when the endpoint refuses the baseline, or any option on the sealed rows, for good, and
    ``WorkFailed`` when the baseline answers nonsense. Another option that is refused on dev is ``stopped``: not tried.
    """
    task = SEALED if part is Part.SEALED else f"ask {option}"
    with services.database.read() as tx:
        baseline = features.baseline_by_id(tx, frozen.baseline_id)
        spare = _spare(tx, services, frozen, road) if _may_be_left(option, part) else frozen.budget_nano
    since = _fresh_since(frozen) if part is Part.SEALED else ""
    spec = _spec(frozen, baseline, option, road, rows=rows, attempt=attempt, fresh_since=since, budget=spare)
    state = attend(services, frozen.run_id, spec, task)
    if option == options.BASELINE and part is Part.DEV:
        prompted.correct(services, frozen, road, ended=not isinstance(state, Pending))
    if isinstance(state, Pending):
        return state
    asked = Asked(contender=option, rows=0, valid=0, **_counts(state.result))
    if asked.stopped and not _may_be_left(option, part):
        raise KeyRejected(asked.stopped)
    if asked.stopped and spare < frozen.budget_nano and "budget" in asked.stopped:
        asked = asked.model_copy(update={"stopped": NO_BUDGET})
    if asked.stopped:
        note(services, frozen.run_id, RunTask(name=task, state=TaskState.SKIPPED, note=asked.stopped))
        return asked.model_copy(update={"unanswered": 0})
    predictions = read_predictions(services.artifacts.path(state.result["predictions"]))
    with services.database.write() as tx:
        ids = labels.ids(tx, frozen.label_set_id, part)
        known = [row for row in predictions if row.row_id in ids]
        investigations.add_predictions(tx, frozen.run_id, option, part=part, label_ids=ids, rows=known)
        asked = asked.model_copy(update={"rows": len(known), "valid": sum(row.valid for row in known)})
        _refuse_nonsense(tx, frozen, asked, part)
    if asked.unanswered:
        waits = f"{asked.unanswered:,} rows have no answer from the endpoint yet; asking again"
        note(services, frozen.run_id, RunTask(name=task, state=TaskState.RUNNING, note=waits))
    elif part is Part.DEV:
        complete(services, frozen.run_id, task, f"{asked.rows:,} rows, {asked.paid_calls:,} paid calls")
    return asked


def give_up(services: Services, frozen: Frozen, option: str, part: Part) -> Asked:
    """Leave out a prompted option that did not answer in all attempts; the baseline's silence ends the run.

    Raises ``WorkFailed`` for the baseline, and for any option on the sealed rows.
    """
    with services.database.read() as tx:
        baseline = features.baseline_by_id(tx, frozen.baseline_id)
        model = options.model_of(option, baseline.model, frozen.policy.evaluation.cheaper_model)
        answered = len(investigations.predictions(tx, frozen.run_id, option, part))
        missing = labels.count(tx, frozen.label_set_id, part) - answered
    said = f"{model} at {baseline.base_url} left {missing:,} of {missing + answered:,} rows without an answer."
    if _may_be_left(option, part):
        note(services, frozen.run_id, RunTask(name=f"ask {option}", state=TaskState.SKIPPED, note=said))
        return asked_nothing(option, said)
    raise WorkFailed(
        f"{said} What was paid is kept; mend the endpoint and start again: /assay investigate {frozen.slug}"
    )


def asked_nothing(option: str, why: str) -> Asked:
    """An option that was not tried, and why."""
    return Asked(
        contender=option, paid_calls=0, input_tokens=0, output_tokens=0, nano_usd=0, unanswered=0, rows=0, valid=0,
        stopped=why,
    )  # fmt: skip


def _may_be_left(option: str, part: Part) -> bool:
    """The baseline is what a verdict is about, and on the sealed rows only the best option is asked."""
    return option != options.BASELINE and part is not Part.SEALED


def _spare(tx: Tx, services: Services, frozen: Frozen, road: Plan) -> int:
    """What another option may bring the bill to: the baseline's sealed rows must stay payable, at what dev cost."""
    baseline = features.baseline_by_id(tx, frozen.baseline_id)
    price = prices.price_of(tx, baseline.model, services.clock.now().date())
    said = [one for _, one in investigations.predictions(tx, frozen.run_id, options.BASELINE, Part.DEV)]
    if price is None or not said:
        return frozen.budget_nano
    fed, answered = sum(one.tokens_in for one in said), sum(one.tokens_out for one in said)
    per_row = prices.cost_nano(price, fed, 0, answered) / len(said)
    return max(frozen.budget_nano - round(RESERVE * per_row * road.sealed_rows), 0)


def _fresh_since(frozen: Frozen) -> str:
    """Sealed replies of earlier runs may be as old as leaves this run a day before they are too old to judge by."""
    return (frozen.at - timedelta(days=max(frozen.policy.evaluation.fresh_days - 1.0, 0.0))).isoformat()


def _spec(
    frozen: Frozen,
    baseline: Baseline,
    option: str,
    road: Plan,
    *,
    rows: str,
    attempt: int,
    fresh_since: str,
    budget: int,
) -> JobSpec:
    return JobSpec(
        kind=JobKind.ASK,
        inputs={"rows": rows, "examples": road.examples},
        config={
            "run_id": frozen.run_id,
            "contender": option,
            "base_url": baseline.base_url,
            "model": options.model_of(option, baseline.model, frozen.policy.evaluation.cheaper_model),
            "prompt": baseline.prompt,
            "parameters": baseline.parameters,
            **frozen.task.body,
            "budget_nano": budget,
            "attempt": attempt,
            "fresh_since": fresh_since,
            **(frozen.votes.body if frozen.votes and option == options.VOTES else {}),
        },
        seed=frozen.seed,
    )


def _counts(result: dict[str, Any]) -> dict[str, Any]:
    wanted = ("paid_calls", "input_tokens", "output_tokens", "nano_usd", "unanswered", "stopped", "oldest_at")
    return {"alone": result.get("alone"), **{name: result[name] for name in wanted}}


def _refuse_nonsense(tx: Tx, frozen: Frozen, asked: Asked, part: Part) -> None:
    floor = frozen.policy.evaluation.prompted_valid_floor
    if part is Part.SEALED or asked.unanswered or asked.contender != options.BASELINE or not asked.rows:
        return
    if asked.valid < floor * asked.rows:
        baseline = features.baseline_by_id(tx, frozen.baseline_id)
        marked = " (simulated)" if is_simulated(baseline.model) else ""
        said = approach_of(frozen.approach).said(frozen.task)
        raise WorkFailed(
            f"{baseline.model}{marked} answered {asked.rows:,} rows, but only {asked.valid:,} replies were "
            f"{said} of {frozen.slug}. Check the prompt, then: /assay investigate {frozen.slug}"
        )
