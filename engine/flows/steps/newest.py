"""Try the newest prompted models a team lists against a live candidate: half of the sealed rows, quoted, capped.

The re-baseline is on its ledger before a row is read. What is not tried is said, with the reason.
"""

from __future__ import annotations

from typing import Any

from pydantic import Field

from engine.approaches import Task
from engine.evals.rows import read_predictions
from engine.flows.durable import Pending
from engine.flows.steps import attempts, audit, listing, rebaseline, scores
from engine.flows.steps.plan import rows_artifact
from engine.models.base import Value
from engine.models.checkup import Rebaseline
from engine.models.feature import ApproachName, Feature
from engine.models.investigation import StoredPrediction
from engine.models.labels import Label, Part
from engine.models.money import from_usd, to_usd
from engine.models.rollout import Rollout
from engine.models.verdict import Verdict
from engine.rules.bucket import bucket
from engine.rules.calendar import bounds
from engine.rules.watch import models
from engine.runners import JobStatus
from engine.services import Services
from engine.store import features, investigations, labels, policies, rebaselines, rollouts, seals
from engine.store.database import Tx
from engine.teachers.keys import is_loopback
from engine.teachers.prices import cost_nano, price_of

PARTS = (Part.TRAIN, Part.DEV)  # where fresh rows lie that may be read: the sealed part has its ledger
FRESH_LEAST = 20  # fewer fresh rows are not told
ROWS_LEAST = 50  # fewer rows tell nothing of two good models
GUESSED = (500, 50)  # tokens in and out of a row, where a verdict's record does not say


class Planned(Value):
    """What will be asked: the run its money is booked under ("" for none), the options by model, the rows' artifact."""

    feature_id: int
    period: str
    run_id: str = ""
    options: dict[str, str] = Field(default_factory=dict[str, str])
    rows: str = ""


class AskedOption(Value):
    """How many rows an option answered; ``stopped`` says why it was not asked them all."""

    name: str
    rows: int
    stopped: str = ""


def plan(services: Services, feature_id: int, period: str) -> Planned:
    """Put the month's re-baseline on the ledger with its quote; nothing is asked where the quote passes the budget."""
    nothing = Planned(feature_id=feature_id, period=period)
    with services.database.write() as tx:
        feature, rollout = features.by_id(tx, feature_id), rollouts.open_of(tx, feature_id)
        baseline, policy = features.baseline(tx, feature_id), policies.current(tx, feature_id).rebaseline
        listed = tuple(dict.fromkeys((*models(policy.models), *policies.prompts(tx, feature_id))))
        came = [name for name in listing.arrivals(tx, services, baseline) if name not in listed]
        if rollout is None or not audit.is_live(rollout) or not (listed or (came and policy.budget_usd > 0)):
            return nothing
        verdict = tx.get_one(Verdict, rollout.verdict_id)
        known = rebaselines.of(tx, feature_id, period)
        row = known or _begin(tx, services, feature, verdict, period=period)
        if row.reason or row.ended_at is not None:
            return nothing
        kept = _rows(tx, row, verdict, rollout, most=policy.rows)
        options = attempts.options(tx, feature_id, baseline, listed)
        row.rows = len(kept)
        beside = [label for label, _ in _beside(tx, verdict, rollout, policy.rows)]
        row.reason = unjudged(feature) or _why_not(tx, services, row, verdict, options=options, beside=len(beside))
        for name in [] if row.reason else came[: listing.TRIED_MOST]:  # named by nobody: where the budget bears it
            wider = {**options, **attempts.options(tx, feature_id, baseline, [name])}
            if not _why_not(tx, services, row, verdict, options=wider, beside=len(beside)):
                options = wider
        row.reason = row.reason or _why_not(tx, services, row, verdict, options=options, beside=len(beside))
        rebaselines.save(tx, row)
        if row.reason:
            return nothing
        return Planned(
            feature_id=feature_id,
            period=period,
            run_id=row.run_id,
            options=options,
            rows=rows_artifact(services, [*kept, *beside]),
        )


def ask(services: Services, planned: Planned, name: str) -> AskedOption | Pending:
    """Ask one option the rows; what was paid is kept, and an option that did not answer is left out."""
    with services.database.read() as tx:
        row = rebaselines.of(tx, planned.feature_id, planned.period)
        assert row is not None, "it is on the ledger"
        spec = attempts.spec(
            tx, features.by_id(tx, planned.feature_id), features.baseline(tx, planned.feature_id), name,
            run_id=planned.run_id, model=planned.options[name], rows=planned.rows, budget_nano=row.budget_nano,
            fresh_since=bounds(planned.period)[0].isoformat(),
        )  # fmt: skip
    state = services.runner.poll(spec.job_id)
    if state.status is JobStatus.GONE or (state.status is JobStatus.FAILED and state.retryable):
        state = services.runner.ensure(spec)
    if state.status is JobStatus.FAILED:
        return AskedOption(name=name, rows=0, stopped=state.cause)
    if state.status is not JobStatus.DONE:
        return Pending()
    predictions = read_predictions(services.artifacts.path(state.result["predictions"]))
    with services.database.write() as tx:
        counted: dict[Part, int] = {}
        for part in Part:
            ids = labels.ids(tx, labels.newest(tx, planned.feature_id).id or 0, part)
            kept = [one for one in predictions if one.row_id in ids]
            investigations.add_predictions(tx, planned.run_id, name, part=part, label_ids=ids, rows=kept)
            counted[part] = len(kept)
    return AskedOption(name=name, rows=counted[Part.SEALED], stopped=str(state.result["stopped"]))


def judge(services: Services, planned: Planned, asked: list[AskedOption]) -> Planned:
    """Judge the options that answered every row, and end the re-baseline with what came out."""
    with services.database.write() as tx:
        row = rebaselines.of(tx, planned.feature_id, planned.period)
        assert row is not None, "it is on the ledger"
        if row.ended_at is None:
            _end(tx, row, planned, asked)
            row.ended_at = services.clock.now()
            rebaselines.save(tx, row)
    return planned


def _end(tx: Tx, row: Rebaseline, planned: Planned, asked: list[AskedOption]) -> None:
    feature = features.by_id(tx, planned.feature_id)
    rollout = rollouts.open_of(tx, planned.feature_id) or rollouts.of_feature(tx, planned.feature_id)[-1]
    verdict = tx.get_one(Verdict, rollout.verdict_id)
    live = _live(tx, row, verdict, rollout)
    whole = [one.name for one in asked if one.rows >= row.rows and not one.stopped]
    if not whole:
        row.reason = "; ".join(f"{one.name}: {one.stopped or 'rows without an answer'}" for one in asked)[:500]
        return
    given = {name: investigations.predictions(tx, row.run_id, name, Part.SEALED) for name in whole}
    alpha = policies.current(tx, planned.feature_id).rebaseline.alpha
    judged = rebaseline.judged(live, given, feature.margin, alpha=alpha)
    row.results = {
        "broken": judged.is_broken,
        "live_quality": scores.scored(Task.of(feature), "live", live).quality,
        "left_out": [one.name for one in asked if one.name not in whole],
        "options": attempts.results(feature, given, planned.options, judged),
        "fresh": _fresh(tx, feature, rollout, verdict, row=row, named={name: planned.options[name] for name in whole}),
        "unmigrated": attempts.unmigrated(tx, planned.feature_id, planned.options),
    }


def _beside(tx: Tx, verdict: Verdict, rollout: Rollout, most: int) -> list[tuple[Label, StoredPrediction]]:
    """The newest fresh rows that the live model answered itself: asked beside the sealed half, never mixed with it."""
    answers = audit.answers_of(tx, verdict, rollout)
    return sorted((*answers.random, *answers.other), key=lambda pair: pair[0].id or 0)[-most:]


def _fresh(
    tx: Tx, feature: Feature, rollout: Rollout, verdict: Verdict, *, row: Rebaseline, named: dict[str, str]
) -> dict[str, Any]:
    """What each option scored on fresh rows, those drawn fairly apart from others: told, and deciding nothing."""
    answers = audit.answers_of(tx, verdict, rollout)
    margin, alpha = feature.margin, policies.current(tx, row.feature_id).rebaseline.alpha
    told: dict[str, Any] = {}
    for stratum, live in (("random", answers.random), ("other", answers.other)):
        ours = {label.id for label, _ in live}
        given = {
            name: [pair for part in PARTS for pair in investigations.predictions(tx, row.run_id, name, part)]
            for name in named
        }
        given = {name: [pair for pair in said if pair[0].id in ours] for name, said in given.items()}
        both = [pair for pair in live if all(pair[0].id in _answered(said) for said in given.values())]
        if len(both) >= FRESH_LEAST:
            judged = rebaseline.judged(both, given, margin, alpha=alpha)
            quality = scores.scored(Task.of(feature), "live", both).quality
            options = attempts.results(feature, given, named, judged)
            told[stratum] = {"rows": len(both), "live_quality": quality, "options": options}
    return told


def _answered(said: scores.Rows) -> set[int | None]:
    return {label.id for label, _ in said}


def _begin(tx: Tx, services: Services, feature: Feature, verdict: Verdict, *, period: str) -> Rebaseline:
    start = bounds(period)[0]
    row = Rebaseline(
        feature_id=verdict.feature_id,
        period=period,
        run_id=f"reb-{feature.slug}-{period}",
        seal_id=seals.current(tx, verdict.feature_id).id or 0,
        half=(start.year * 12 + start.month) % 2,
        budget_nano=from_usd(policies.current(tx, verdict.feature_id).rebaseline.budget_usd),
        at=services.clock.now(),
    )
    return rebaselines.add(tx, row)


def _live(tx: Tx, row: Rebaseline, verdict: Verdict, rollout: Rollout) -> list[tuple[Label, StoredPrediction]]:
    """The live candidate's answers to this month's half of the eval; of rows that rest the anchor alone."""
    seal = seals.current(tx, verdict.feature_id)
    return [
        (label, said)
        for label, said in audit.sealed_answers(tx, verdict, rollout)
        if _half(seal.salt, label.cluster) == row.half and (label.rested_in is None or label.is_anchor)
    ]


def _rows(tx: Tx, row: Rebaseline, verdict: Verdict, rollout: Rollout, *, most: int) -> list[Label]:
    """This month's rows: a fixed draw of the half, the same at each start."""
    half = [label for label, _ in _live(tx, row, verdict, rollout)]
    return sorted(half, key=lambda label: bucket(row.run_id, label.row_id))[:most]


def _half(salt: str, cluster: str) -> int:
    return int(bucket(f"{salt}/half", cluster) >= 0.5)


def unjudged(feature: Feature) -> str:
    """Why no option can be held against the live model by itself, "" where right and wrong are known."""
    if feature.approach != ApproachName.VOICE:
        return ""
    return (
        "texts are neither right nor wrong, and a judge's word counts only where people compared pairs with that very "
        f"model; hold it against prompting with /assay investigate {feature.slug}"
    )


def _why_not(
    tx: Tx, services: Services, row: Rebaseline, verdict: Verdict, *, options: dict[str, str], beside: int
) -> str:
    """Why nothing is asked this month, "" when it is; the quote is noted on the way."""
    if row.rows < ROWS_LEAST:
        return f"only {row.rows} sealed rows with the live model's answers lie in this month's half"
    fed, said = _tokens(verdict)
    baseline, quote = features.baseline(tx, row.feature_id), 0
    for name, model in options.items():
        price = price_of(tx, model, services.clock.now().date())
        if price is None and not is_loopback(baseline.base_url):
            return f"nobody knows what {model} costs"
        more = attempts.longer(tx, row.feature_id, baseline, name=name, model=model)
        quote += (row.rows + beside) * cost_nano(price, fed + more, 0, said) if price else 0
    row.quote_nano = quote
    if quote > row.budget_nano:
        asked, allowed = to_usd(quote), to_usd(row.budget_nano)
        return f"asking would cost about ${asked:,.2f}, and ${allowed:,.2f} a month is allowed"
    return ""


def _tokens(verdict: Verdict) -> tuple[int, int]:
    scored: dict[str, Any] = verdict.record.get("scores", {}).get("prompted", {})
    rows, fed = scored.get("rows"), scored.get("tokens_in")
    return (round(fed / rows), round(scored.get("tokens_out", 0) / rows)) if rows and fed else GUESSED
