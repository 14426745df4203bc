"""Freeze what a run is judged by, and plan it before anything is spent. Never opens the sealed part."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from engine.errors import Cancelled, NotReady, SealBroken
from engine.evals.rows import DatasetRow, words_p50, write_rows
from engine.flows.steps import again, contenders, judges, prompted, trainings, uploads
from engine.flows.steps.progress import set_tasks
from engine.flows.steps.reading import measure
from engine.flows.steps.seen import keep
from engine.flows.steps.trainings import too_large
from engine.flows.steps.values import Frozen, LeftOut, Live, Plan, Skipped
from engine.models.feature import ApproachName, Feature
from engine.models.investigation import Candidate, Effort, Recipe, RunState, RunTask, TaskState
from engine.models.labels import Label, Part
from engine.models.rollout import Stage
from engine.models.verdict import Verdict
from engine.rules.power import EvalPolicy
from engine.rules.uploads import Parting, about, rows_missing
from engine.services import Services
from engine.store import features, investigations, labels, leaks, policies, readings, rollouts, seals
from engine.store.database import Tx
from engine.teachers import options, prices
from engine.train import Host, Quote
from engine.train.ladder import host_here, ladder

SERVED = "served as evaluated"
SEEDS = "further seeds"
JUDGED = "pairs judged on dev"
SEALED = "sealed rows"
VERDICT = "verdict"
FULL = (Stage.FULL_100, Stage.SOAKING, Stage.LIVE)


def freeze(services: Services, run_id: str) -> Frozen:
    """Fix label version, policy, prices, baseline and seed; the run is under way afterwards.

    Raises ``Cancelled`` for a run that a person ended while it waited.
    """
    with services.database.write() as tx:
        run = investigations.alone(tx, run_id)
        if run.cancel_requested:
            raise Cancelled(f"{run_id} was cancelled.")
        feature = features.by_id(tx, run.feature_id)
        label_set = labels.newest(tx, run.feature_id)
        baseline = features.baseline(tx, run.feature_id)
        policy = policies.current(tx, run.feature_id)
        # All of it again when the step was killed before it was recorded: what is recorded must be of one moment.
        run.state = RunState.RUNNING
        run.started_at = run.started_at or services.clock.now()
        run.label_set_id, run.baseline_id = label_set.id, baseline.id
        run.policy_hash = policy.sha
        run.price_snapshot = prices.snapshot_id(tx, services.clock.now().date())
        run.code_version = version("assay")
        run.version += 1
        tx.add(run)
        if readings.of_run(tx, run_id) is None:
            keep(tx, services, feature, measure(tx, services, feature), by=run.requested_by, run_id=run_id)
        assert run.started_at is not None
        return Frozen(
            run_id=run_id,
            feature_id=run.feature_id,
            slug=feature.slug,
            approach=feature.approach,
            classes=feature.labels,
            output_schema=feature.output_schema,
            margin=feature.margin,
            policy=policy,
            label_set_id=run.label_set_id or 0,
            labels_version=label_set.name,
            baseline_id=run.baseline_id or 0,
            effort=run.effort,
            seed=run.seed,
            budget_nano=run.budget_nano,
            at=run.started_at,
            live=live_of(tx, feature),
            recipe=again.recipe_of(tx, run.follows, run.seed),
            votes=contenders.votes_of(policy.evaluation) if run.votes else None,
        )


def live_of(tx: Tx, feature: Feature) -> Live | None:
    """The model that answers all calls now; none where nothing is live, or its texts are neither right nor wrong."""
    rollout = rollouts.open_of(tx, feature.id or 0)
    if rollout is None or rollout.stage not in FULL or feature.approach == ApproachName.VOICE:
        return None
    verdict = tx.get_one(Verdict, rollout.verdict_id)
    chosen: dict[str, Any] = verdict.record["candidate"]
    cascade: dict[str, float] = chosen.get("cascade") or {}
    return Live(
        run_id=verdict.run_id,
        contender=chosen["contender"],
        rung=chosen["rung"],
        artifact=rollout.artifact,
        threshold=cascade.get("threshold"),
    )


def plan(services: Services, frozen: Frozen) -> Plan:
    """Part the rows, check the seal for leaks, choose recipes and prompted options, and say what it will take.

    It reads long, so it writes only then: whoever presses a button meanwhile is not kept waiting.
    """
    with services.database.read() as tx:
        train, dev = (labels.rows(tx, frozen.label_set_id, part) for part in (Part.TRAIN, Part.DEV))
        left_out = left_out_of(tx, frozen.label_set_id, features.baseline_by_id(tx, frozen.baseline_id).prompt)
        sealed_rows = labels.count(tx, frozen.label_set_id, Part.SEALED) - left_out.shown - left_out.teacher
        policy = frozen.policy.evaluation
        parting = uploads.parting(tx, frozen.feature_id, frozen.label_set_id)
        check_enough(tx, frozen.feature_id, frozen.slug, policy, parting=parting, train=len(train), sealed=sealed_rows)
        _refuse_leaks(tx, frozen)
        seal = seals.current(tx, frozen.feature_id)
        seals.next_look(tx, seal.id or 0)  # none left: nothing is asked or trained
        if frozen.is_judged:
            judges.check(tx, services, frozen.feature_id, frozen.label_set_id)
        untried = contenders.untried(tx, services, frozen)
        host = host_here(services.settings)
        words = words_p50(row.input for row in train)
        quotes = {rung.name: rung.quote(host, frozen.task, len(train), words) for rung in ladder()}
        recipes, skipped = _recipes(frozen, host, quotes, rows=len(train), workers=services.settings.ray_workers)
        made = Plan(
            train=rows_artifact(services, train),
            dev=rows_artifact(services, dev),
            examples=rows_artifact(services, labels.examples(tx, frozen.label_set_id)),
            train_rows=len(train),
            dev_rows=len(dev),
            sealed_rows=sealed_rows,
            left_out=left_out,
            seal_id=seal.id or 0,
            options=[name for name in _names(frozen) if name not in untried],
            untried=untried,
            recipes=recipes,
            skipped=skipped,
            seconds=trainings.whole_of(recipes, quotes, frozen.effort),
            memory_mb={recipe.rung: quotes[recipe.rung].memory_mb for recipe in recipes},
        )
        ahead = _ahead(tx, services, frozen, made, quotes=quotes)
    with services.database.write() as tx:
        for rung in skipped:
            skip = Candidate(run_id=frozen.run_id, contender=rung.rung, rung=rung.rung, skipped=rung.why)
            investigations.add_candidate(tx, skip)
        set_tasks(tx, services, investigations.by_run(tx, frozen.run_id), ahead)
    return made


def _ahead(tx: Tx, services: Services, frozen: Frozen, made: Plan, *, quotes: Mapping[str, Quote]) -> list[RunTask]:
    """What the run's message says is ahead: what is asked, and time and memory of each training."""
    paces = trainings.paces(tx, services)
    notes = {
        recipe.name: trainings.note_of(recipe, quotes[recipe.rung], paces.get(recipe.rung)) for recipe in made.recipes
    }
    more = trainings.seeds_of([recipe.rung for recipe in made.recipes], quotes, paces, effort=frozen.effort)
    notes |= {SEEDS: trainings.note_of_seeds(more)} if more else {}
    asking = prompted.line_of(tx, services, frozen, made)
    return _tasks(made, notes, asking, judged=frozen.is_judged)


def _names(frozen: Frozen) -> list[str]:
    return options.names(frozen.policy.evaluation.cheaper_model, votes=frozen.votes is not None)


def left_out_of(tx: Tx, label_set_id: int, prompt: str) -> LeftOut:
    """How many sealed rows nobody can be judged by: shown in the baseline's prompt, or labelled by a teacher."""
    shown, taught = labels.shown_in(tx, label_set_id, prompt), labels.taught(tx, label_set_id)
    return LeftOut(shown=len(shown), teacher=len(taught - shown))


def check_enough(
    tx: Tx, feature_id: int, slug: str, policy: EvalPolicy, *, parting: Parting | None, train: int, sealed: int
) -> None:
    """Refuse a version too small to be judged by. Raises ``NotReady`` naming how many rows to upload, and why."""
    usable = labels.usable(tx, feature_id)
    missing = rows_missing(train, sealed, usable, policy, parting)
    if not missing:
        return
    falls = (
        f"; of an upload about {parting.train:.0%} go to train and {parting.sealed:.0%} are sealed" if parting else ""
    )
    raise NotReady(
        f"{slug} has {usable:,} usable labels: {train:,} train and {sealed:,} sealed. An investigation needs "
        f"{policy.train_rows_least} train and {policy.sealed_rows_least} sealed, beside dev: about 600{falls}.",
        hint=f"Upload about {about(missing):,} more: /assay labels {slug}",
    )


def rows_artifact(services: Services, rows: list[Label]) -> str:
    """Labels as a dataset artifact, the form in which jobs read them."""
    made = [
        DatasetRow(id=row.row_id, input=row.input, output=row.output, rationale=row.rationale, rejected=row.rejected)
        for row in rows
    ]
    return dataset_artifact(services, made)


def dataset_artifact(services: Services, rows: list[DatasetRow]) -> str:
    """Rows as an artifact; the same rows have the same id."""
    with tempfile.TemporaryDirectory() as folder:
        write_rows(Path(folder), rows)
        return services.artifacts.put(Path(folder))


def _refuse_leaks(tx: Tx, frozen: Frozen) -> None:
    leak = leaks.first(tx, frozen.feature_id)
    if leak is not None:
        raise SealBroken(
            f"Row {leak.other} is a near copy ({leak.similarity:.2f}) of sealed row {leak.sealed}; nothing was trained."
        )


def _recipes(
    frozen: Frozen, host: Host, quotes: Mapping[str, Quote], *, rows: int, workers: int
) -> tuple[list[Recipe], list[Skipped]]:
    recipes: list[Recipe] = []
    skipped: list[Skipped] = []
    same = frozen.recipe
    for rung in ladder() if same is None else [one for one in ladder() if one.name == same.rung]:
        chosen = rung.recipes(Effort(frozen.effort), frozen.seed, frozen.task) if same is None else [same]
        why = (rung.fits(host, frozen.task) or too_large(quotes[rung.name], host)) if chosen else ""
        if why:
            skipped.append(Skipped(rung=rung.name, why=why))
        else:
            quote = quotes[rung.name]
            recipes.extend(
                trainings.fitting(one, quote, effort=frozen.effort, rows=rows, workers=workers) for one in chosen
            )
    if same is not None and not recipes:
        why = skipped[0].why if skipped else f"this version has no rung {same.rung}"
        raise NotReady(
            f"{same.name}, last time's recipe, cannot be trained here: {why}.",
            hint=f"Try the whole ladder: /assay investigate {frozen.slug}",
        )
    return recipes, skipped


def _tasks(made: Plan, notes: Mapping[str, str], asking: RunTask, *, judged: bool) -> list[RunTask]:
    counts = f"{made.train_rows:,} train, {made.dev_rows:,} dev, {made.sealed_rows:,} sealed"
    lines = [RunTask(name="labels frozen", state=TaskState.COMPLETE, note=counts)]
    lines += [asking]
    lines += [RunTask(name=f"ask {option}") for option in made.options]
    lines += [RunTask(name=f"ask {name}", state=TaskState.SKIPPED, note=why) for name, why in made.untried.items()]
    lines += [RunTask(name=f"train {recipe.name}", note=notes[recipe.name]) for recipe in made.recipes]
    lines += [RunTask(name=f"train {rung.rung}", state=TaskState.SKIPPED, note=rung.why) for rung in made.skipped]
    lines += [RunTask(name=JUDGED)] if judged else []
    lines += [RunTask(name=SERVED)]
    lines += [RunTask(name=SEEDS, note=notes[SEEDS])] if SEEDS in notes else []
    return [*lines, RunTask(name=SEALED), RunTask(name=VERDICT)]
