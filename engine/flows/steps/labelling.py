"""The steps of a teacher's labelling: draw texts, ask, store what was answered well, tell who asked.

What was paid is kept whatever happens: labels are made of the rows that were answered, and the reason is told.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from engine.approaches import Task
from engine.approaches.registry import approach_of
from engine.errors import Cancelled, NotReady, WorkFailed
from engine.evals.rows import DatasetRow, read_predictions, read_rows
from engine.flows.durable import Pending
from engine.flows.steps import called_off, progress, quoted, versions
from engine.flows.steps.end import Told
from engine.flows.steps.plan import dataset_artifact, rows_artifact
from engine.models.actor import Actor
from engine.models.base import Value
from engine.models.feature import Baseline, Feature, is_simulated
from engine.models.investigation import OPEN_STATES, RunState
from engine.models.labelling import Labelling
from engine.models.labels import Label, LabelRow, Origin, Provenance, Source
from engine.runners import JobKind, JobSpec, JobStatus
from engine.services import Services
from engine.store import examples, features, labellings, labels, mail, policies, replies
from engine.store.database import Tx
from engine.teachers import options
from engine.teachers.batches import CALLS_LEAST

CARD = "card"
_ENOUGH = 20  # replies below which nobody can say that a teacher answers nonsense
_NOTED = 20  # progress is told in steps of one in so many


class DrawnTexts(Value):
    """What is to be labelled, as artifacts: texts, and people's labels of the train part that are shown as examples."""

    run_id: str
    slug: str
    rows: str
    shown: str
    count: int


class Taught(Value):
    """One pass of a teacher: rows answered, how many of them are labels, and why the others are none."""

    predictions: str
    answered: int
    valid: int
    refused: int
    cut: int
    unanswered: int
    paid_calls: int
    reused: int
    stopped: str = ""

    @property
    def nonsense(self) -> int:
        """Rows answered with something that is no label."""
        return self.answered - self.valid - self.refused - self.cut


class LabelledRef(Value):
    """How a labelling ended; ``version`` is the label version it made, "" for none."""

    run_id: str
    version: str = ""
    state: str = "done"


def texts(
    tx: Tx, feature: Feature, sample: int, source: Source = Source.TEACHER, *, since: date | None = None
) -> list[LabelRow]:
    """Up to ``sample`` captured texts that a label of ``source`` could be stored for: none known, no copy of the seal.

    A fair draw: the random stratum alone, smallest draws first.
    """
    stored = {versions.same_text(row.input) for row in labels.known(tx, feature.id or 0) if row.present}
    offered: dict[str, LabelRow] = {}
    for number, one in enumerate(examples.drawn(tx, feature.id or 0, since=since), start=1):
        text = versions.same_text(one.input)
        if text not in stored:
            row = LabelRow(line=number, id=one.call, input=one.input, output="", source=source)
            offered.setdefault(text, row)
    rows = list(offered.values())
    for most in (2 * sample, len(rows)):  # few touch the seal; where many do, all are looked at
        placement = versions.placed(tx, feature.id or 0, rows[:most])
        if len(placement.placed) >= sample:
            break
    return [rows[place.index] for place in placement.placed][:sample]


def examples_shown(tx: Tx, feature_id: int) -> list[Label]:
    """People's labels of the train part that copy no other part's rows: a teacher is shown a few of them."""
    newest = labels.newest_or_none(tx, feature_id)
    rows = labels.examples(tx, newest.id or 0) if newest else []
    return [row for row in rows if row.source is Source.PERSON]


def asking(labelling: Labelling, feature: Feature, baseline: Baseline, **artifacts: str) -> JobSpec:
    """The job that asks: the registered prompt with the list of labels, on the teacher's model."""
    config: dict[str, Any] = {
        "run_id": labelling.run_id,
        "contender": options.FEW_SHOT,
        "base_url": baseline.base_url,
        "model": labelling.model,
        "prompt": baseline.prompt,
        "parameters": baseline.parameters,
        **Task.of(feature).body,
        "budget_nano": labelling.budget_nano,
        "batch_from": CALLS_LEAST if labelling.batch else 0,
    }
    return JobSpec(kind=JobKind.ASK, inputs=artifacts, config=config)


def draw(services: Services, run_id: str) -> DrawnTexts:
    """Draw the texts and say that the labelling is under way. Raises ``Cancelled``, ``NotReady`` for no text."""
    with services.database.write() as tx:
        labelling = labellings.alone(tx, run_id)
        if labelling.cancel_requested:
            raise Cancelled(f"{run_id} was cancelled.")
        feature = features.by_id(tx, labelling.feature_id)
        rows = texts(tx, feature, labelling.sample)
        if not rows:
            raise none_left(feature.slug)
        found = [DatasetRow(id=row.id, input=row.input, output="") for row in rows]
        drawn = DrawnTexts(
            run_id=run_id,
            slug=feature.slug,
            rows=dataset_artifact(services, found),
            shown=rows_artifact(services, examples_shown(tx, feature.id or 0)),
            count=len(rows),
        )
        labelling.state, labelling.started_at = RunState.RUNNING, labelling.started_at or services.clock.now()
        labelling.rows, labelling.drawn = drawn.rows, drawn.count
        _tell(tx, services, labelling)
        return drawn


def none_left(slug: str) -> NotReady:
    """The refusal where no captured text is left to label."""
    return NotReady(
        f"{slug} has no captured texts that are not labelled yet.",
        hint=f"Import logs that hold inputs: assay import-traffic {slug} FILE --format assay",
    )


def ask(services: Services, drawn: DrawnTexts, *, attempt: int) -> Taught | Pending:
    """Ask every text that has no reply yet, under the cap. Raises ``Cancelled``."""
    with services.database.read() as tx:
        labelling = labellings.by_run(tx, drawn.run_id)
        feature, baseline = features.by_id(tx, labelling.feature_id), features.baseline_by_id(tx, labelling.baseline_id)
        spec = asking(labelling, feature, baseline, rows=drawn.rows, examples=drawn.shown)
        cancelled = labelling.cancel_requested
    spec = spec.model_copy(update={"config": {**spec.config, "attempt": attempt}})
    state = progress.watched(services, drawn.run_id, spec, "ask the teacher", cancelled=cancelled)
    _quote(services, drawn, spec)
    if state.status is not JobStatus.DONE:
        _note(services, drawn, state.step)
        return Pending()
    return _taught(services, state.result)


def store(services: Services, drawn: DrawnTexts, taught: Taught) -> LabelledRef:
    """Make the next label version of the valid answers; a labelling stored already is left as it is.

    Raises ``WorkFailed`` when the teacher answered nothing or nonsense.
    """
    answers = read_predictions(services.artifacts.path(taught.predictions)) if taught.predictions else []
    asked = {row.id: row.input for row in read_rows(services.artifacts.path(drawn.rows))}
    rows = [
        LabelRow(line=number, id=one.row_id, input=asked[one.row_id], output=one.output, source=Source.TEACHER)
        for number, one in enumerate((one for one in answers if one.valid), start=1)
    ]
    with services.database.write() as tx:
        feature = features.by_id(tx, labellings.by_run(tx, drawn.run_id).feature_id)
        features.alone(tx, feature.id or 0)
        labelling = labellings.alone(tx, drawn.run_id)
        labelling.counts = taught.model_dump(mode="json", exclude={"predictions"})
        tx.add(labelling)
        if labelling.state in OPEN_STATES:
            _refuse_nonsense(tx, feature, labelling, taught)
            _store(tx, services, feature, labelling=labelling, rows=rows)
            labellings.end(tx, labelling, RunState.DONE, reason=_shortfall(taught), at=services.clock.now())
        _tell(tx, services, labelling)
        made = labels.by_id(tx, labelling.label_set_id) if labelling.label_set_id else None
        return LabelledRef(run_id=drawn.run_id, version=made.name if made else "", state=labelling.state)


def close(services: Services, run_id: str, why: Told) -> LabelledRef:
    """End a labelling early, and its batches with it; one that has ended already stays as it is."""
    called_off.call_off(services, run_id)
    with services.database.write() as tx:
        labelling = labellings.alone(tx, run_id)
        labellings.end(tx, labelling, why.state, reason=why.reason, at=services.clock.now())
        _tell(tx, services, labelling)
        return LabelledRef(run_id=run_id, state=labelling.state)


def _store(tx: Tx, services: Services, feature: Feature, *, labelling: Labelling, rows: list[LabelRow]) -> None:
    if not rows:
        return
    versions.refuse_one_class_of(tx, feature.id or 0, rows, versions.placed(tx, feature.id or 0, rows))
    made = Provenance(
        by=labelling.requested_by,
        origin=Origin.TEACHER,
        maker=labelling.model,
        rights=labelling.rights,
        run_id=labelling.run_id,
        cost_nano=replies.bill(tx, labelling.run_id).nano_usd,
    )
    label_set = versions.store(tx, services, feature, rows, actor=Actor(id=labelling.requested_by), made=made)
    labelling.label_set_id = label_set.id if label_set else None


def _refuse_nonsense(tx: Tx, feature: Feature, labelling: Labelling, taught: Taught) -> None:
    marked = f"{labelling.model}{' (simulated)' if is_simulated(labelling.model) else ''}"
    if not taught.answered:
        why = taught.stopped or f"{marked} left all {taught.unanswered:,} rows without an answer. Mend the endpoint."
        raise WorkFailed(f"{why} Nothing was labelled.")
    floor = policies.current(tx, feature.id).evaluation.prompted_valid_floor
    said = approach_of(feature.approach).said(Task.of(feature))
    if taught.answered >= _ENOUGH and taught.valid < floor * taught.answered:
        raise WorkFailed(
            f"{marked} answered {taught.answered:,} rows, but only {taught.valid:,} replies were "
            f"{said} of {feature.slug}. Nothing was stored; what was paid is kept. Check the "
            f"prompt, then: /assay labels {feature.slug} sample={labelling.sample}"
        )


def _shortfall(taught: Taught) -> str:
    if taught.stopped:
        return taught.stopped
    if taught.unanswered:
        return f"{taught.unanswered:,} rows stayed without an answer from the endpoint; the others are kept."
    return ""


def _taught(services: Services, result: dict[str, Any]) -> Taught:
    answers = read_predictions(services.artifacts.path(result["predictions"]))
    counts = ("refused", "cut", "unanswered", "paid_calls", "reused", "stopped", "predictions")
    return Taught(
        answered=len(answers), valid=sum(one.valid for one in answers), **{name: result[name] for name in counts}
    )


def _quote(services: Services, drawn: DrawnTexts, spec: JobSpec) -> None:
    """Say once what it will cost in all, measured by the first replies: they are probes that were paid for anyway."""
    with services.database.read() as tx:
        labelling = labellings.by_run(tx, drawn.run_id)
        if labelling.quoted or not quoted.is_probed(tx, drawn.run_id):
            return
        rows, shown = (read_rows(services.artifacts.path(artifact)) for artifact in (drawn.rows, drawn.shown))
        found = quoted.corrected(tx, services, spec, rows=rows, shown=shown)
    if found is None:
        return
    with services.database.write() as tx:
        labelling = labellings.by_run(tx, drawn.run_id)
        labelling.quoted = found.model_dump()
        _tell(tx, services, labelling)


def _note(services: Services, drawn: DrawnTexts, step: int) -> None:
    """Have the message show how far asking is, in steps of a twentieth."""
    coarse = step - step % max(drawn.count // _NOTED, 1)
    with services.database.write() as tx:
        labelling = labellings.by_run(tx, drawn.run_id)
        if labelling.asked != coarse:
            labelling.asked = coarse
            _tell(tx, services, labelling)


def _tell(tx: Tx, services: Services, labelling: Labelling) -> None:
    labelling.version += 1
    tx.add(labelling)
    mail.enqueue_projection(tx, services.clock, "labelling", labelling.run_id, kind=CARD, channel=labelling.channel)
