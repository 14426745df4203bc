"""Ask a prompted option on a part: a job makes the paid calls, this step ensures, polls and stores what came back."""

from __future__ import annotations

from typing import Any

from engine.errors import KeyRejected, WorkFailed
from engine.evals.rows import read_predictions
from engine.flows.durable import Pending
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


def ask(
    services: Services, frozen: Frozen, road: Plan, option: str, *, part: Part, rows: str, attempt: int
) -> Asked | Pending:
    """Ask every row that has no reply yet; what was paid is kept whatever happens.

    Raises ``KeyRejected`` when the endpoint refuses for good, ``WorkFailed`` when the option answers nonsense.
    """
    task = SEALED if part is Part.SEALED else f"ask {option}"
    with services.database.read() as tx:
        spec = _spec(frozen, features.baseline_by_id(tx, frozen.baseline_id), option, road, rows=rows, attempt=attempt)
    state = attend(services, frozen.run_id, spec, task)
    if isinstance(state, Pending):
        return state
    asked = Asked(contender=option, rows=0, valid=0, **_counts(state.result))
    if asked.stopped:
        raise KeyRejected(asked.stopped)
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
    """End a run whose prompted option did not answer in all attempts. Always raises ``WorkFailed``."""
    with services.database.read() as tx:
        model = features.baseline_by_id(tx, frozen.baseline_id)
        answered = len(investigations.predictions(tx, frozen.run_id, option, part))
        missing = labels.count(tx, frozen.label_set_id, part) - answered
    raise WorkFailed(
        f"{model.model} at {model.base_url} left {missing:,} of {missing + answered:,} rows without an answer. "
        f"What was paid is kept; mend the endpoint and start again: /assay investigate {frozen.slug}"
    )


def _spec(frozen: Frozen, baseline: Baseline, option: str, road: Plan, *, rows: str, attempt: int) -> JobSpec:
    return JobSpec(
        kind=JobKind.ASK,
        inputs={"rows": rows, "examples": road.train},
        config={
            "run_id": frozen.run_id,
            "contender": option,
            "base_url": baseline.base_url,
            "model": baseline.model,
            "prompt": baseline.prompt,
            "parameters": baseline.parameters,
            "approach": frozen.approach,
            "classes": frozen.classes,
            "budget_nano": frozen.budget_nano,
            "attempt": attempt,
        },
        seed=frozen.seed,
    )


def _counts(result: dict[str, Any]) -> dict[str, Any]:
    wanted = ("paid_calls", "input_tokens", "output_tokens", "nano_usd", "unanswered", "stopped")
    return {name: result[name] for name in wanted}


def _refuse_nonsense(tx: Tx, frozen: Frozen, asked: Asked, part: Part) -> None:
    floor = frozen.policy.evaluation.prompted_valid_floor
    if part is Part.SEALED or asked.unanswered or asked.contender != "baseline" or not asked.rows:
        return
    if asked.valid < floor * asked.rows:
        baseline = features.baseline_by_id(tx, frozen.baseline_id)
        marked = " (simulated)" if is_simulated(baseline.model) else ""
        raise WorkFailed(
            f"{baseline.model}{marked} answered {asked.rows:,} rows, but only {asked.valid:,} replies were one of the "
            f"{len(frozen.classes)} labels of {frozen.slug}. Check the prompt, then: /assay investigate {frozen.slug}"
        )
