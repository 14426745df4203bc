"""Hold a live model against people's labels of fresh calls: ask people for some, have it answer them, and judge it.

A fresh label is one of a text that no version had when the model was judged: it was never trained on. Sealed rows stay
out. Where the model passes a call on, that answer is not its own and is not counted.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from engine.approaches import Task
from engine.approaches.registry import approach_of
from engine.errors import NotReady
from engine.evals.rows import read_predictions
from engine.flows.durable import Pending
from engine.flows.steps import agreeing, drawing, openings, release, scores
from engine.flows.steps.month import Case
from engine.flows.steps.plan import rows_artifact
from engine.flows.steps.stage import MACHINE
from engine.models.base import Value
from engine.models.feature import ApproachName, Feature
from engine.models.investigation import StoredPrediction
from engine.models.labelling import LabelQueue, QueuePurpose
from engine.models.labels import Label, Part
from engine.models.rollout import Rollout, RolloutStatus, Stage
from engine.models.verdict import Verdict
from engine.rules.audit import audited, texts_to_ask, texts_twice
from engine.rules.calendar import bounds
from engine.runners import JobKind, JobSpec, JobStatus
from engine.services import Services
from engine.store import features, fresh, investigations, labels, policies, queues, rollouts, seals
from engine.store.database import Tx
from engine.store.fresh import Fresh

LIVE = (Stage.FULL_100, Stage.SOAKING, Stage.LIVE)
CONTENDER = "live"
_PARTS = (Part.TRAIN, Part.DEV)


class AuditPlan(Value):
    """The rows a live model has not answered yet, as an artifact; "" where there is nothing to answer."""

    feature_id: int
    run_id: str = ""
    rows: str = ""
    artifact: str = ""
    rung: str = ""


class Answered(Value):
    """How many fresh rows were answered; ``stopped`` says why not."""

    feature_id: int
    rows: int
    stopped: str = ""


class Wanted(Value):
    """The queue that people are asked with, "" for none."""

    feature_id: int
    queue: str = ""


@dataclass(frozen=True)
class Answers:
    """The live model's own answers to fresh rows, fairly drawn ones and others, and the scores it went live with."""

    random: scores.Rows
    other: scores.Rows
    before: scores.Rows


def plan(services: Services, feature_id: int) -> AuditPlan:
    """Name the fresh rows, and those that came to the eval, which the live model has not answered."""
    nothing = AuditPlan(feature_id=feature_id)
    with services.database.read() as tx:
        feature, rollout = features.by_id(tx, feature_id), rollouts.open_of(tx, feature_id)
        if rollout is None or not is_live(rollout) or feature.approach == ApproachName.VOICE:
            return nothing
        verdict = tx.get_one(Verdict, rollout.verdict_id)
        known = {label.id for label, _ in _all_answers(tx, run_of(rollout))}
        missing = [one.label for one in rows(tx, verdict) if one.label.id not in known]
        missing += newcomers(tx, verdict, rollout)
        if not missing:
            return nothing
        return AuditPlan(
            feature_id=feature_id,
            run_id=run_of(rollout),
            rows=rows_artifact(services, missing),
            artifact=rollout.artifact,
            rung=str(verdict.record["candidate"]["rung"]),
        )


def answer(services: Services, planned: AuditPlan) -> Answered | Pending:
    """Have the live model answer them offline, from its own artifact; one that cannot be loaded answers nothing."""
    with services.database.read() as tx:
        task = Task.of(features.by_id(tx, planned.feature_id))
    spec = JobSpec(
        kind=JobKind.PREDICT,
        inputs={"candidate": planned.artifact, "rows": planned.rows},
        config={**task.body, "rung": planned.rung},
    )
    state = services.runner.poll(spec.job_id)
    if state.status is JobStatus.GONE or (state.status is JobStatus.FAILED and state.retryable):
        state = services.runner.ensure(spec)
    if state.status is JobStatus.FAILED:
        return Answered(feature_id=planned.feature_id, rows=0, stopped=state.cause)
    if state.status is not JobStatus.DONE:
        return Pending()
    said = read_predictions(services.artifacts.path(state.result["predictions"]))
    with services.database.write() as tx:
        newest = labels.newest(tx, planned.feature_id)
        for part in Part:
            ids = labels.ids(tx, newest.id or 0, part)
            kept = [row for row in said if row.row_id in ids]
            investigations.add_predictions(tx, planned.run_id, CONTENDER, part=part, label_ids=ids, rows=kept)
    return Answered(feature_id=planned.feature_id, rows=len(said))


def ask_people(services: Services, feature_id: int, period: str) -> Wanted:
    """Open a queue of texts captured since a month began, a fair draw, for a live model; not where one is open.

    Some go to two people; once a quarter old rows are among them, which nobody can tell from the others: so none are
    asked for without them.
    """
    nothing = Wanted(feature_id=feature_id)
    with services.database.write() as tx:
        features.alone(tx, feature_id)
        feature, rollout = features.by_id(tx, feature_id), rollouts.open_of(tx, feature_id)
        policy = policies.current(tx, feature_id)
        if rollout is None or not is_live(rollout) or feature.approach == ApproachName.VOICE:
            return nothing
        if not policy.audit.rows or queues.find_open(tx, feature_id) is not None:
            return nothing
        seal = seals.find(tx, feature_id)
        size = texts_to_ask(policy.audit.rows, seal.sealed_share if seal else 0.0)
        old = agreeing.draw(tx, feature_id, policy.audit.again, services.clock.now())
        try:
            texts = drawing.captured(tx, feature, min(size, openings.SIZE_MOST), since=bounds(period)[0].date())
        except NotReady:
            return nothing  # no captured text is left: the checkup says how many labels are missing
        double = texts_twice(policy.audit.double, len(texts)) / len([*texts, *old])
        queue = openings.open_queue(
            tx, services, feature, [*texts, *old], actor=MACHINE, purpose=QueuePurpose.LABEL, double=double
        )
        return Wanted(feature_id=feature_id, queue=queue.name)


def of(tx: Tx, case: Case) -> dict[str, Any]:
    """What fresh labels say of a live model: how many, how well it does on them, and whether that is surely too little.

    ``quality`` and ``broken`` are none where nobody can say; ``missing`` labels of the month were asked for and did not
    come. ``other`` are fresh rows nobody drew by chance, which decide nothing.
    """
    policy = case.policy.audit
    if case.feature.approach == ApproachName.VOICE:
        return {
            **_nothing(),
            "why": "texts are neither right nor wrong, so nobody is asked for fresh labels, or for old ones again",
        }
    answers = answers_of(tx, case.verdict, case.rollout)
    came = [one for one in rows(tx, case.verdict) if one.is_random and one.at < case.until]
    month = [one for one in came if one.at >= bounds(case.period)[0]]
    queue: LabelQueue | None = queues.find_open(tx, case.feature_id)
    told = {**_nothing(), "missing": max(policy.rows - len(month), 0), "queue": queue.name if queue else ""}
    bar = bar_of(case.feature, answers.before, case.verdict)
    found = audited([said.score for _, said in answers.random], bar, policy)
    return told | {
        "rows": found.rows,
        "unanswered": max(len(came) - found.rows, 0) if case.verdict.record["candidate"].get("cascade") is None else 0,
        "quality": found.quality,
        "low": found.interval and found.interval.low,
        "high": found.interval and found.interval.high,
        "bar": bar,
        "log_e": found.log_e,
        "broken": found.is_broken,
        "other": _other(answers.other),
    }


def reason(found: dict[str, Any]) -> str:
    """Why a retraining is due by fresh labels, "" where it is not."""
    if not found.get("broken"):
        return ""
    return (
        f"on {found['rows']:,} fresh labels it is right on {100 * found['quality']:.0f} %, surely below the "
        f"{100 * found['bar']:.0f} % it must keep"
    )


def rows(tx: Tx, verdict: Verdict) -> list[Fresh]:
    """Labels of texts that no version held when the verdict was made; none where nobody knows which it was."""
    judged = investigations.find(tx, verdict.run_id)
    if judged is None or judged.label_set_id is None:
        return []
    return fresh.rows(tx, verdict.feature_id, labels.by_id(tx, judged.label_set_id).number)


def newcomers(tx: Tx, verdict: Verdict, rollout: Rollout) -> list[Label]:
    """Sealed rows that came to the eval since the live model was judged, and that it has not answered yet."""
    seal, newest = seals.find(tx, verdict.feature_id), labels.newest_or_none(tx, verdict.feature_id)
    if seal is None or newest is None:
        return []
    answered = {label.id or 0 for label, _ in sealed_answers(tx, verdict, rollout)}
    shown = labels.shown_in(tx, newest.id or 0, features.baseline(tx, verdict.feature_id).prompt)
    return seals.unanswered(tx, seal, newest, answered | shown | labels.taught(tx, newest.id or 0))


def sealed_answers(tx: Tx, verdict: Verdict, rollout: Rollout) -> list[tuple[Label, StoredPrediction]]:
    """The live model's answers to sealed rows: those of its verdict, and to rows that came since."""
    contender = str(verdict.record["candidate"]["contender"])
    judged = investigations.predictions(tx, verdict.run_id, contender, Part.SEALED)
    return [*judged, *investigations.predictions(tx, run_of(rollout), CONTENDER, Part.SEALED)]


def answers_of(tx: Tx, verdict: Verdict, rollout: Rollout) -> Answers:
    """The stored answers of a live model that are its own, on fresh rows and on those it was judged by."""
    drawn = {one.label.id: one.is_random for one in rows(tx, verdict)}
    said = own(verdict, [pair for pair in _all_answers(tx, run_of(rollout)) if pair[0].id in drawn])
    contender = str(verdict.record["candidate"]["contender"])
    return Answers(
        random=[pair for pair in said if drawn[pair[0].id]],
        other=[pair for pair in said if not drawn[pair[0].id]],
        before=own(verdict, investigations.predictions(tx, verdict.run_id, contender, Part.SEALED)),
    )


def own(verdict: Verdict, said: scores.Rows) -> scores.Rows:
    """The answers that stand as the model's own: all, or those of a cascade that are sure enough."""
    cascade: dict[str, Any] | None = verdict.record["candidate"].get("cascade")
    if cascade is None:
        return said
    return [(label, one) for label, one in said if (one.confidence or 0.0) >= cascade["threshold"]]


def bar_of(feature: Feature, before: scores.Rows, verdict: Verdict) -> float:
    """What a live model must keep: its score when it was judged, less the margin.

    Of the sealed rows the released figure alone counts. Where rows are scored otherwise than the verdict tells (parts
    of a document, a cascade's own answers), the mean of those scores in whole points, rounded down.
    """
    told = release.quality_of(verdict.record)
    alike = not approach_of(feature.approach).is_partial and verdict.record["candidate"].get("cascade") is None
    bar = float(told["candidate"] - told["margin"])
    if before and not alike:
        judged = math.fsum(said.score for _, said in before) / len(before)
        bar = math.floor(100 * (judged - told["margin"])) / 100
    return min(max(bar, 0.01), 0.99)


def run_of(rollout: Rollout) -> str:
    """The name under which a live model's answers to fresh rows are kept."""
    return f"aud-{rollout.id}"


def is_live(rollout: Rollout) -> bool:
    """Whether the candidate of a rollout answers all calls."""
    return rollout.stage in LIVE and rollout.status is RolloutStatus.RUNNING


def _all_answers(tx: Tx, run_id: str) -> list[tuple[Label, StoredPrediction]]:
    found = [pair for part in _PARTS for pair in investigations.predictions(tx, run_id, CONTENDER, part)]
    return sorted(found, key=lambda pair: (pair[0].added_in, pair[0].id or 0))


def _other(said: scores.Rows) -> dict[str, Any]:
    return {"rows": len(said), "quality": math.fsum(one.score for _, one in said) / len(said) if said else None}


def _nothing() -> dict[str, Any]:
    names = ("quality", "low", "high", "bar", "log_e", "broken")
    return {"rows": 0, "unanswered": 0, "missing": 0, "queue": "", "why": "", "other": None, **dict.fromkeys(names)}
