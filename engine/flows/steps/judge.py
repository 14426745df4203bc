"""Ask a judge about pairs of texts, both orders of each, and count what it said beside what people said.

A job makes the paid calls, as for any prompted option: remembered, capped by the run's budget, never paid twice. Only
counts leave this step; texts stay in predictions and queues.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from engine.errors import WorkFailed
from engine.evals.judge import TextPair, judged_pairs, questions, ruled
from engine.evals.rows import read_predictions
from engine.flows.durable import Pending
from engine.flows.steps import judges, pairing
from engine.flows.steps.judgement import Bench, JudgedPart, JudgedSlice
from engine.flows.steps.plan import JUDGED, SEALED, dataset_artifact
from engine.flows.steps.progress import attend, complete, note
from engine.flows.steps.values import Choice, Frozen
from engine.models.investigation import Prediction, RunTask, TaskState
from engine.models.labels import Part
from engine.rules.judged import CHOICES, JudgedPair, Winner, length_controlled, tabled, tally, worths
from engine.rules.paired import Paired
from engine.rules.paired import compared as compared_scores
from engine.runners import JobKind, JobSpec
from engine.services import Services
from engine.store import features, investigations, labels
from engine.store.database import Tx
from engine.teachers import judge as prompts
from engine.teachers.options import BASELINE

JUDGE = "judge"  # the name under which its word on dev pairs is kept beside the contenders' answers
READ_LEAST = 0.5  # of a judge's replies; one that says less answers another question
_EVEN = 0.5


def judge(
    services: Services, frozen: Frozen, choice: Choice, *, part: Part, level: float, attempt: int
) -> JudgedPart | Pending:
    """Have the two sides' texts of a part judged. ``level`` is of the intervals of slices.

    Raises ``WorkFailed`` where the judge is refused, the budget used up, or its replies cannot be read.
    """
    task = SEALED if part is Part.SEALED else JUDGED
    with services.database.read() as tx:
        pairs = _pairs(tx, frozen, choice, part)
        baseline = features.baseline_by_id(tx, frozen.baseline_id)
        bench = judges.bench(tx, services, frozen.slug, policy=frozen.policy.evaluation, baseline=baseline)
        examples = labels.examples(tx, frozen.label_set_id)
        people = _people(tx, frozen, pairs) if part is Part.DEV else {}
    asked = questions(pairs)
    if not asked:
        raise WorkFailed("No two valid texts of the two sides differ, so there is nothing to judge.")
    rows = dataset_artifact(services, asked)
    spec = _spec(frozen, bench, prompts.prompt(examples, frozen.seed), rows=rows, attempt=attempt)
    state = attend(services, frozen.run_id, spec, task)
    if isinstance(state, Pending):
        return state
    if state.result["stopped"]:
        raise WorkFailed(f"The judge {bench.model} was not asked to the end: {state.result['stopped']}")
    answers = read_predictions(services.artifacts.path(state.result["predictions"]))
    _refuse_nonsense(frozen, bench, answers)
    found = judged_pairs(pairs, answers, people)
    made = _counted(frozen, bench, pairs, found, part=part, level=level, result=state.result)
    if made.unanswered:
        waits = f"{made.unanswered:,} questions have no answer of the judge yet; asking again"
        note(services, frozen.run_id, RunTask(name=task, state=TaskState.RUNNING, note=waits))
    elif part is Part.DEV:
        with services.database.write() as tx:
            _keep(tx, frozen, found)
        complete(services, frozen.run_id, task, f"{made.pairs:,} pairs in both orders, {made.people:,} by people too")
    return made


def give_up(services: Services, frozen: Frozen, part: Part) -> JudgedPart:
    """Raises ``WorkFailed``: a judge that left questions unanswered in all attempts."""
    with services.database.read() as tx:
        baseline = features.baseline_by_id(tx, frozen.baseline_id)
        found = judges.bench(tx, services, frozen.slug, policy=frozen.policy.evaluation, baseline=baseline)
    raise WorkFailed(
        f"The judge {found.model} at {found.base_url} left pairs of the {part} part without an answer. What was paid "
        f"is kept; mend the endpoint and start again: /assay investigate {frozen.slug}"
    )


def _pairs(tx: Tx, frozen: Frozen, choice: Choice, part: Part) -> list[TextPair]:
    """What both sides wrote for each brief of the part that both answered."""
    ours, theirs = (
        investigations.predictions(tx, frozen.run_id, name, part) for name in (choice.candidate, choice.prompted)
    )
    answered = {said.label_id: said for _, said in theirs}
    return [
        TextPair(
            row_id=label.row_id,
            brief=label.input,
            candidate=said.output,
            prompted=answered[said.label_id].output,
            candidate_valid=said.valid,
            prompted_valid=answered[said.label_id].valid,
            cluster=label.cluster,
            names=(label.group,),
        )
        for label, said in ours
        if said.label_id in answered
    ]


def _people(tx: Tx, frozen: Frozen, pairs: Sequence[TextPair]) -> dict[str, Winner]:
    known = pairing.settled(tx, frozen.feature_id)
    found: dict[str, Winner] = {}
    for pair in pairs:
        word = pairing.said_of(known, pair.row_id, pair.candidate, pair.prompted)
        if word is not None:
            found[pair.row_id] = word
    return found


def _spec(frozen: Frozen, bench: Bench, prompt: str, *, rows: str, attempt: int) -> JobSpec:
    return JobSpec(
        kind=JobKind.ASK,
        inputs={"rows": rows, "examples": rows},
        config={
            "run_id": frozen.run_id,
            "contender": BASELINE,  # the judge's prompt as it is
            "base_url": bench.base_url,
            "model": bench.model,
            "prompt": prompt,
            "parameters": prompts.parameters(bench.base_url),
            "approach": "classify",  # its answer is one of three words
            "classes": list(CHOICES),
            "budget_nano": frozen.budget_nano,
            "attempt": attempt,
            "fresh_since": "",
        },
        seed=frozen.seed,
    )


def _refuse_nonsense(frozen: Frozen, bench: Bench, answers: Sequence[Prediction]) -> None:
    valid = sum(answer.valid for answer in answers)
    if valid < READ_LEAST * len(answers):
        marked = " (simulated)" if bench.simulated else ""
        raise WorkFailed(
            f"{bench.model}{marked} answered {len(answers):,} questions, but only {valid:,} replies were A, B or tie. "
            f"Name another judge: /assay settings {frozen.slug} evaluation_judge_model=…"
        )


def _counted(
    frozen: Frozen,
    bench: Bench,
    pairs: Sequence[TextPair],
    found: Mapping[str, JudgedPair],
    *,
    part: Part,
    level: float,
    result: Mapping[str, Any],
) -> JudgedPart:
    judged = list(found.values())
    beside = ruled(pairs)
    known = {pair.row_id: worths([found[pair.row_id]])[0] for pair in pairs if pair.row_id in found}
    known |= {pair.row_id: _RULED[pair.ruled] for pair in pairs if pair.ruled is not None}
    whole = _paired([pair for pair in pairs if pair.row_id in known], known, level)
    return JudgedPart(
        part=part,
        bench=bench,
        pairs=len(judged),
        tally=asdict(tally(judged)),
        table=tabled(judged),
        ruled=asdict(beside),
        unread=len(pairs) - len(known),
        length_controlled=length_controlled(judged) if judged else _EVEN,
        design_effect=whole.design_effect if whole else 1.0,
        groups=whole.groups if whole else 0,
        grouped=whole.grouped if whole else None,
        slices=[_slice(name, pairs, known, level) for name in frozen.policy.evaluation.protected],
        unanswered=result["unanswered"],
        nano_usd=result["nano_usd"],
        questions=2 * len([pair for pair in pairs if pair.ruled is None]),
    )


_RULED: Mapping[Winner, float] = {"candidate": 1.0, "prompted": 0.0, "tie": _EVEN}


def _paired(pairs: Sequence[TextPair], known: Mapping[str, float], level: float) -> Paired | None:
    """By how much the judge finds the candidate better, over the groups of rows; none for fewer than two."""
    if len(pairs) < 2:
        return None
    values = [known[pair.row_id] for pair in pairs]
    return compared_scores(values, [_EVEN] * len(values), [pair.cluster for pair in pairs], level=level)


def _slice(name: str, pairs: Sequence[TextPair], known: Mapping[str, float], level: float) -> JudgedSlice:
    mine = [pair for pair in pairs if name in pair.names and pair.row_id in known]
    found = _paired(mine, known, level)
    if found is None:
        return JudgedSlice(name=name, rows=len(mine))
    interval = found.interval
    return JudgedSlice(
        name=name, rows=len(mine), difference=interval.estimate, low=interval.low, high=interval.high,
        method=found.method,
    )  # fmt: skip


def _keep(tx: Tx, frozen: Frozen, found: Mapping[str, JudgedPair]) -> None:
    """Keep the judge's word on each dev pair, so that a page can show where the sides part."""
    ids = labels.ids(tx, frozen.label_set_id, Part.DEV)
    rows = [
        Prediction(
            row_id=row_id,
            output=pair.survived,
            correct=pair.survived == "candidate",
            score=worths([pair])[0],
            valid=True,
            latency_ms=0.0,
        )
        for row_id, pair in found.items()
        if row_id in ids
    ]
    investigations.add_predictions(tx, frozen.run_id, JUDGE, part=Part.DEV, label_ids=ids, rows=rows)
