"""What a run's paid calls will cost: every prompted option on dev, and the best of them on the sealed rows.

Told from characters before anybody was asked, and by the replies there are once they are enough. Asks nobody, opens
nothing: sealed rows are taken to be as long as those of dev.
"""

from __future__ import annotations

from collections.abc import Sequence

from engine.approaches import Task
from engine.evals.rows import DatasetRow
from engine.flows.steps.progress import set_tasks, tasks
from engine.flows.steps.values import Frozen, Plan
from engine.models.base import Value
from engine.models.feature import Baseline
from engine.models.investigation import RunTask, TaskState
from engine.models.labels import Label, Part
from engine.models.money import to_usd
from engine.runners import JobKind, JobSpec
from engine.services import Services
from engine.store import features, investigations, labels, replies
from engine.store.database import Tx
from engine.teachers import options, prices
from engine.teachers.forecast import PROBES, forecast, probed
from engine.teachers.keys import is_loopback
from engine.teachers.ledger import FREE
from engine.teachers.votes import Votes, questions_of

QUOTED = "prompted calls quoted"
_MEASURED = "measured by the first"
_SAMPLE = 100  # dev rows a quote is told by


class Asking(Value):
    """US dollars still to be paid, none where nobody knows a price; ``probes`` replies told it, 0 for characters.

    ``votes_usd`` is the part of it that a vote takes: dev, and what the sealed rows may cost more because of it.
    """

    usd: float | None
    probes: int
    votes_usd: float = 0.0


def of_options(
    tx: Tx,
    services: Services,
    task: Task,
    baseline: Baseline,
    *,
    label_set_id: int,
    names: Sequence[str],
    cheaper: str,
    votes: Votes | None = None,
    seed: int = 0,
) -> Asking:
    """What asking these options costs. The dearest of them is taken to be the one that is asked about sealed rows."""
    dev = _read(labels.rows(tx, label_set_id, Part.DEV))
    # Rows are asked in their order: the first ones tell what a reply is like, only ones from all over what is left.
    early, rows = dev[:_SAMPLE], dev[:: max(-(-len(dev) // _SAMPLE), 1)]
    shown = _read(labels.examples(tx, label_set_id))
    counts = labels.parts(tx, label_set_id)
    usd, dearest, without, told = 0.0, 0.0, 0.0, None
    for option in names if rows else ():
        model = options.model_of(option, baseline.model, cheaper)
        price = prices.price_of(tx, model, services.clock.now().date())
        if price is None and not is_loopback(baseline.base_url):
            return Asking(usd=None, probes=0)
        spec = _spec(task, baseline, option, model=model, seed=seed, votes=votes)
        questions, first = questions_of(spec, rows, shown), questions_of(spec, early, shown)
        known = replies.find(tx, list({one.key for one in (*questions, *first)}))
        told = probed(first, known) or told
        left, whole = (
            forecast(
                questions, some, outputs=task.classes or [row.output for row in rows], price=price or FREE, by=told
            )
            for some in (known, {})
        )
        usd += left.usd * counts[Part.DEV] / len(rows)
        dearest = max(dearest, whole.usd / len(rows))
        if option != options.VOTES:  # the one that votes comes last
            without = usd + dearest * counts[Part.SEALED]
    total = usd + dearest * counts[Part.SEALED]
    return Asking(usd=total, probes=told.replies if told else 0, votes_usd=total - without)


def line_of(tx: Tx, services: Services, frozen: Frozen, road: Plan) -> RunTask:
    """The line of a run's progress that says what its prompted calls cost, before any of them was made."""
    said = _said(_told(tx, services, frozen, road), frozen.budget_nano)
    return RunTask(name=QUOTED, state=TaskState.COMPLETE, note=said)


def correct(services: Services, frozen: Frozen, road: Plan, *, ended: bool) -> None:
    """Tell once, by the first replies of the current prompt, what all prompted calls will cost in all.

    Where the pass ``ended``, replies of earlier runs count too; where they are too few, the line stays as it is.
    """
    with services.database.read() as tx:
        run = investigations.by_run(tx, frozen.run_id)
        line = next((task for task in tasks(run) if task.name == QUOTED), None)
        if line is None or _MEASURED in line.note:
            return
        bill = replies.bill(tx, frozen.run_id)
        found = _told(tx, services, frozen, road) if bill.paid_calls >= PROBES or ended else None
    if found is None or not found.probes:
        return
    whole = found.model_copy(update={"usd": None if found.usd is None else found.usd + to_usd(bill.nano_usd)})
    said = RunTask(name=QUOTED, state=TaskState.COMPLETE, note=_said(whole, frozen.budget_nano))
    with services.database.write() as tx:
        run = investigations.by_run(tx, frozen.run_id)
        set_tasks(tx, services, run, [said if known.name == QUOTED else known for known in tasks(run)])


def _told(tx: Tx, services: Services, frozen: Frozen, road: Plan) -> Asking:
    return of_options(
        tx,
        services,
        frozen.task,
        features.baseline_by_id(tx, frozen.baseline_id),
        label_set_id=frozen.label_set_id,
        names=road.options,
        cheaper=frozen.policy.evaluation.cheaper_model,
        votes=frozen.votes,
        seed=frozen.seed,
    )


def _said(found: Asking, budget_nano: int) -> str:
    cap = f"never more than ${to_usd(budget_nano):,.2f}"
    if found.usd is None:
        return f"nobody knows what they cost; {cap}"
    by = f"{_MEASURED} {found.probes} replies" if found.probes else "told from characters"
    return f"about ${found.usd:,.2f} in all, {by}; {cap}"


def _read(rows: Sequence[Label]) -> list[DatasetRow]:
    return [DatasetRow(id=row.row_id, input=row.input, output=row.output) for row in rows]


def _spec(task: Task, baseline: Baseline, option: str, *, model: str, seed: int, votes: Votes | None) -> JobSpec:
    config = {
        "contender": option,
        "base_url": baseline.base_url,
        "model": model,
        "prompt": baseline.prompt,
        "parameters": baseline.parameters,
        **task.body,
        **(votes.body if votes and option == options.VOTES else {}),
    }
    return JobSpec(kind=JobKind.ASK, inputs={}, config=config, seed=seed)
