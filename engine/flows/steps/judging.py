"""Have the judge of a verdict compare the two sides' texts of calls that a rollout's stage captured.

In shadow both texts of a call were captured; in a canary the prompted model is asked what it would have written. It is
looked at once a minute: a look ensures or reads one job, and never waits. The judge's word can only lower a share.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engine.approaches import Task
from engine.approaches.registry import approach_of
from engine.errors import AssayError, NotReady
from engine.evals.judge import TextPair, judged_pairs, questions
from engine.evals.rows import DatasetRow, read_predictions
from engine.flows.steps import judges
from engine.flows.steps.judgement import Bench
from engine.flows.steps.judgeword import Calibrated, calibrated, is_due
from engine.flows.steps.plan import dataset_artifact
from engine.models.evidence import StageStart
from engine.models.feature import Baseline
from engine.models.investigation import Prediction
from engine.models.money import NANO
from engine.models.rollout import Rollout, RolloutStatus, Stage
from engine.models.spool import Example, Stratum
from engine.rules.judged import CHOICES
from engine.runners import JobKind, JobSpec, JobStatus
from engine.services import Services
from engine.store import evidence, examples, features, investigations, labels, policies, rollouts, stagepairs
from engine.store.database import Tx
from engine.teachers import judge as prompts
from engine.teachers.options import BASELINE

log = logging.getLogger(__name__)

BATCH = 40  # pairs in one job: harm shows after a few
STAGES = (Stage.SHADOW, Stage.CANARY_1, Stage.CANARY_5, Stage.CANARY_25, Stage.CANARY_50)
_BOTH = (Stratum.DIFFERS,)  # texts of both sides
_ONE = (Stratum.RANDOM, Stratum.ALL)


@dataclass(frozen=True)
class _Batch:
    """The calls a judge is being asked about, and what is needed to ask."""

    root: str
    bench: Bench
    known: Calibrated
    baseline: Baseline
    task: Task
    budget_nano: int
    pairs: dict[str, TextPair]
    lacking: dict[str, str]  # calls whose prompted text is not captured, and what was asked
    tuned: dict[str, str]


def look(services: Services) -> list[str]:
    """Go on with every rollout whose texts a judge compares; the slugs of those that learnt something."""
    with services.database.read() as tx:
        running = [one for one in rollouts.open_ones(tx) if _is_judged(tx, one)]
    told: list[str] = []
    for rollout in running:
        try:
            if _look(services, rollout.id or 0):
                with services.database.read() as tx:
                    told.append(features.by_id(tx, rollout.feature_id).slug)
        except AssayError as error:  # the stage's card says that nothing is known
            log.warning("judge.missing", extra={"rollout": rollout.id, "why": type(error).__name__})
    return told


def _is_judged(tx: Tx, rollout: Rollout) -> bool:
    return rollout.status is RolloutStatus.RUNNING and rollout.stage in STAGES and is_due(tx, rollout)


def _look(services: Services, rollout_id: int) -> bool:
    with services.database.write() as tx:
        batch = _batch(tx, services, rollouts.by_id(tx, rollout_id))
    if batch is None:
        return False
    pairs = dict(batch.pairs)
    if batch.lacking:
        answers = _asked(services, batch, _prompted_spec(services, batch))
        if answers is None:
            return False
        written = {one.row_id: one.output if one.valid else "" for one in answers}  # a cut or refused one is no text
        pairs |= {
            call: _pair(batch.task, call, brief, tuned=batch.tuned[call], prompted=written[call])
            for call, brief in batch.lacking.items()
            if call in written
        }
    said: dict[str, str] = {call: pair.ruled for call, pair in pairs.items() if pair.ruled is not None}
    said |= {call: stagepairs.SAME for call, pair in pairs.items() if pair.candidate == pair.prompted}
    if len(said) < len(pairs):
        answers = _asked(services, batch, _judge_spec(services, batch, list(pairs.values())))
        if answers is None:
            return False
        said |= {call: pair.survived for call, pair in judged_pairs(list(pairs.values()), answers, {}).items()}
    with services.database.write() as tx:
        stagepairs.settle(tx, batch.root, said)
    log.info("stage.judged", extra={"rollout": rollout_id, "pairs": len(said)})
    return True


def _batch(tx: Tx, services: Services, rollout: Rollout) -> _Batch | None:
    """The pairs under way, or the next ones to ask about; none where there are none or enough. Raises ``NotReady``."""
    feature, policy = features.by_id(tx, rollout.feature_id), policies.current(tx, rollout.feature_id).evaluation
    known, traffic = calibrated(tx, rollout), policies.traffic(tx, rollout.feature_id)
    starts: Sequence[StageStart] = [one for one in evidence.starts(tx, rollout.id) if one.stage == rollout.stage]
    if known is None or not starts:
        return None
    root, strata = starts[-1].root, _BOTH if rollout.stage is Stage.SHADOW else _ONE
    baseline = features.baseline(tx, rollout.feature_id)
    bench = judges.bench(tx, services, feature.slug, policy=policy, baseline=baseline)
    if bench.model != known.model:
        raise NotReady(f"{known.model} was compared with people, and {bench.model} is named now.")
    chosen = _chosen(tx, services, rollout, root, strata=strata, most=traffic.judge_pairs)
    if not chosen:
        return None
    task = Task(approach=feature.approach, classes=(), schema=None, banned=policy.banned, words_most=policy.words_most)
    both: dict[str, TextPair] = {}
    lacking: dict[str, str] = {}
    tuned: dict[str, str] = {}
    for row in chosen:
        body = examples.body_of(row)
        if rollout.stage is Stage.SHADOW:
            texts = {"tuned": str(body.get("shadow_output") or ""), "prompted": str(body.get("output") or "")}
            both[row.call] = _pair(task, row.call, str(body["input"]), **texts)
        else:
            lacking[row.call], tuned[row.call] = str(body["input"]), str(body.get("output") or "")
    budget = round(traffic.judge_usd * NANO)
    return _Batch(root, bench, known, baseline, task, budget, both, lacking, tuned)


def _chosen(
    tx: Tx, services: Services, rollout: Rollout, root: str, *, strata: Sequence[Stratum], most: int
) -> list[Example]:
    """The calls that are being asked about, or the next; at most one of each unit, and ``most`` of the stage."""
    rows = stagepairs.of_stage(tx, root)
    waiting = [row.call for row in rows if row.said == ""]
    if waiting:
        found = stagepairs.of_calls(tx, rollout.feature_id, waiting, strata=strata)
        stagepairs.drop(tx, root, [call for call in waiting if call not in found])
        return [found[call] for call in waiting if call in found]
    served = "baseline" if rollout.stage is Stage.SHADOW else "tuned"
    taken, units = {row.call for row in rows}, {row.unit for row in rows if row.unit}
    fresh: list[Example] = []
    for row in stagepairs.captured(tx, rollout.feature_id, rollout.stage_since, strata=strata, served=served):
        if len(fresh) < min(BATCH, most - len(rows)) and row.call not in taken and row.unit not in units:
            fresh.append(row)
            taken.add(row.call)
            units |= {row.unit} if row.unit else set()
    stagepairs.take(tx, root, fresh, services.clock.now())
    return fresh


def _pair(task: Task, call: str, brief: str, *, tuned: str, prompted: str) -> TextPair:
    approach = approach_of(task.approach)
    ours, theirs = approach.parse(tuned, task), approach.parse(prompted, task)
    return TextPair(
        row_id=call, brief=brief, candidate=ours.output, prompted=theirs.output,
        candidate_valid=ours.valid, prompted_valid=theirs.valid,
    )  # fmt: skip


def _asked(services: Services, batch: _Batch, spec: JobSpec) -> list[Prediction] | None:
    """What a job's questions were answered with; none while it works. A job that broke for good answered nothing."""
    state = services.runner.poll(spec.job_id)
    if state.status is JobStatus.GONE or (state.status is JobStatus.FAILED and state.retryable):
        state = services.runner.ensure(spec)
    if state.status is JobStatus.FAILED:
        log.warning("judge.failed", extra={"stage": batch.root, "job": spec.job_id})
        return []
    if state.status is not JobStatus.DONE:
        return None
    return read_predictions(services.artifacts.path(state.result["predictions"]))


def _prompted_spec(services: Services, batch: _Batch) -> JobSpec:
    rows = [DatasetRow(id=call, input=brief, output="") for call, brief in batch.lacking.items()]
    how = {"prompt": batch.baseline.prompt, "parameters": batch.baseline.parameters, **batch.task.body}
    return _spec(services, batch, rows, base_url=batch.baseline.base_url, model=batch.baseline.model, how=how)


def _judge_spec(services: Services, batch: _Batch, pairs: Sequence[TextPair]) -> JobSpec:
    with services.database.read() as tx:
        run = investigations.by_run(tx, batch.known.run_id)
        shown = labels.examples(tx, run.label_set_id or 0)
    how = {
        "prompt": prompts.prompt(shown, run.seed),  # as it was compared with people
        "parameters": prompts.parameters(batch.bench.base_url),
        "approach": "classify",
        "classes": list(CHOICES),
    }
    rows, bench = questions(pairs), batch.bench
    return _spec(services, batch, rows, base_url=bench.base_url, model=bench.model, how=how)


def _spec(
    services: Services, batch: _Batch, rows: list[DatasetRow], *, base_url: str, model: str, how: Mapping[str, object]
) -> JobSpec:
    asked = dataset_artifact(services, rows)
    return JobSpec(
        kind=JobKind.ASK,
        inputs={"rows": asked, "examples": asked},
        config={
            "run_id": batch.root,
            "contender": BASELINE,  # the prompt as it is
            "base_url": base_url,
            "model": model,
            **how,
            "budget_nano": batch.budget_nano,
            "attempt": 0,
            "fresh_since": "",
        },
        seed=batch.known.seed,
    )
