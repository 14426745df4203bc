"""The monthly look at each feature: what is known is measured, what is not is said to be unknown. Stored once."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

from engine.flows.steps import advice, agreeing, alternatives, attempts, audit, listing, month, newest, release, wear
from engine.flows.steps.month import Case, Served
from engine.models.base import Value
from engine.models.checkup import Checkup
from engine.models.feature import Feature, is_simulated
from engine.models.rollout import Rollout, RolloutStatus, Stage
from engine.models.verdict import Verdict
from engine.rules.bill import keep_month_usd, scheduled_crossover
from engine.rules.calendar import bounds
from engine.rules.staleness import advantage
from engine.services import Services
from engine.store import checkups, features, policies, rebaselines, rollouts, snoozes, usage, verdicts
from engine.store.database import Tx
from engine.store.policies import Policy

LIVE = (Stage.FULL_100, Stage.SOAKING, Stage.LIVE)


class Looked(Value):
    """One feature was looked at for a period."""

    feature_id: int
    slug: str


def feature_ids(services: Services) -> list[int]:
    """The features to look at, in order of registration."""
    with services.database.read() as tx:
        return [feature.id or 0 for feature in features.every(tx)]


def look(services: Services, feature_id: int, period: str) -> Looked:
    """Measure one feature's month and store the checkup; the same month again gives the stored one."""
    with services.database.write() as tx:
        feature = features.by_id(tx, feature_id)
        if checkups.of(tx, feature_id, period) is None:
            checkups.add(tx, measured(tx, services, feature, period))
        return Looked(feature_id=feature_id, slug=feature.slug)


def measured(tx: Tx, services: Services, feature: Feature, period: str) -> Checkup:
    """What one month of a feature was, and the advice on its live candidate; none where something is unknown."""
    feature_id, now = feature.id or 0, services.clock.now()
    policy = policies.current(tx, feature_id)
    verdict, rollout = _candidate(tx, feature_id, period)
    until = min(bounds(period)[1], now)  # a month that still runs ends now
    facts = _prompted(tx, feature, period, until, policy=policy)
    facts |= _judged(verdict, until) | _stage(rollout, until)
    if verdict is not None and rollout is not None:
        case = Case(feature, features.baseline(tx, feature_id), verdict, rollout, policy, period, until)
        facts |= _watched(tx, case)
    facts |= _snoozed(tx, feature_id, now)
    return Checkup(
        feature_id=feature_id,
        period=period,
        advice=facts.get("advice"),
        facts=facts,
        policy_hash=policy.watch_sha,
        at=now,
    )


def _candidate(tx: Tx, feature_id: int, period: str) -> tuple[Verdict | None, Rollout | None]:
    """The newest verdict, and the newest rollout begun by the month's end with the verdict it rolls out."""
    begun = [one for one in rollouts.of_feature(tx, feature_id) if one.created_at < bounds(period)[1]]
    newest = verdicts.newest_of(tx, feature_id)
    if not begun:
        return newest, None
    return tx.get_one(Verdict, begun[-1].verdict_id), begun[-1]


def _prompted(tx: Tx, feature: Feature, period: str, until: datetime, *, policy: Policy) -> dict[str, Any]:
    seen = usage.month(tx, feature.id or 0, period)
    model = features.baseline(tx, feature.id or 0).model
    on = listing.dates(tx, feature.id or 0, policy).get(model)
    days = None if on is None else (on - until.date()).days
    return {
        "slug": feature.slug,
        "period": period,
        "model": model,
        "simulated": is_simulated(model),
        "calls": seen.calls if seen else None,
        "spend_nano": seen.cost_nano if seen else None,
        "unpriced": seen.unpriced if seen else 0,
        "p95_ms": seen.p95_ms if seen else None,
        "shutdowns": [] if on is None else [{"name": model, "side": "prompted", "on": on.isoformat(), "days": days}],
    }


def _judged(verdict: Verdict | None, until: datetime) -> dict[str, Any]:
    if verdict is None:
        return {"outcome": "", "run": "", "quality": None, "verdict_days": None}
    cost: dict[str, Any] = verdict.record.get("cost") or {}
    return {
        "outcome": verdict.outcome,
        "run": verdict.run_id,
        "quality": release.quality_of(verdict.record),
        "tuned": verdict.record["candidate"].get("words") or verdict.record["candidate"]["rung"],
        "month_saving_usd": cost.get("month_saving_usd"),
        "verdict_days": max((until - verdict.decided_at).days, 0),
    }


def _stage(rollout: Rollout | None, until: datetime) -> dict[str, Any]:
    if rollout is None:
        return {"stage": "", "status": "", "share": 0.0, "stage_days": None}
    return {
        "stage": rollout.stage,
        "status": rollout.status,
        "share": rollout.share,
        "stage_days": max((until - rollout.stage_since).days, 0),
    }


def _watched(tx: Tx, case: Case) -> dict[str, Any]:
    """What is known of a candidate on its way or live: money, wear, and the advice once it answers everything."""
    times = month.served(tx, case.rollout)
    if times.ended is not None and times.ended <= case.start:
        return {}
    is_live = case.rollout.stage in LIVE and case.rollout.status is RolloutStatus.RUNNING
    stretch = month.traffic(tx, case)
    passed_on = month.escalation(stretch) if stretch else None
    fresh = audit.of(tx, case) if is_live else None
    facts: dict[str, Any] = {
        "rollout": case.rollout.id,
        "is_live": is_live and times.live_since is not None and times.live_since < case.until,
        "live_days": None if times.live_since is None else max((case.until - times.live_since).days, 0),
        "escalation": passed_on,
        "drift": wear.drift(tx, case, stretch),
        "wear": wear.eval_wear(tx, case),
        "audit": fresh,
        "people": agreeing.told(tx, case.feature, case.policy, case.until) if is_live else None,
        "retrain_due": list(wear.due(tx, case, passed_on, audited=audit.reason(fresh) if fresh else "")),
        "shutdowns": advice.dates(tx, case),
        "spent_usd": _spent(case),
    }
    facts |= _money(tx, case, times, passed_on)
    if fresh and fresh["broken"]:
        facts["quality_broken"] = True
    if facts["is_live"] and times.live_since is not None:
        facts |= advice.of(tx, case, facts, live_since=times.live_since, scheduled=facts["scheduled_months"])
    return facts


def _money(tx: Tx, case: Case, times: Served, passed_on: float | None) -> dict[str, Any]:
    stretch = month.traffic(tx, case)
    tried = rebaselines.of(tx, case.feature_id, case.period)
    untried = {"untried": newest.unjudged(case.feature) or (tried.reason if tried else "")}
    if stretch is None:
        return dict.fromkeys(_MONEY) | untried
    call = month.size(tx, case, stretch)
    paid = month.bill(tx, case, stretch, times, rebaseline_run=tried.run_id if tried else "")
    without = month.counterfactual(tx, case, stretch, call)
    total = paid.total_usd
    return {
        "bill": {**asdict(paid), "total_usd": total, "unknown": list(paid.unknown)},
        "counterfactual_usd": without,
        "saved_usd": None if without is None or total is None else without - total,
        "idle": month.idle(case, stretch, times),
        **untried,
        **_ahead(tx, case, call, month.volume(case, stretch), passed_on=passed_on),
    }


def _ahead(tx: Tx, case: Case, call: month.Size | None, calls: float, *, passed_on: float | None) -> dict[str, Any]:
    """From now on: what keeping costs a month, what the alternatives would, and which of them is best."""
    tried = rebaselines.newest_ended(tx, case.feature_id, case.period)
    found = alternatives.options(tx, case, calls, call, tried=tried)
    baseline = found[0]
    best = alternatives.best_month_usd(found)
    keep = (
        None
        if baseline.month_usd is None or not calls
        else keep_month_usd(calls, baseline.month_usd / calls, month.running(case, passed_on))
    )
    # An option nobody has a price for is told as such and decides nothing; where none has one, or the best costs
    # nothing at all, nothing is known.
    is_known = keep is not None and (best or not any(one.is_qualified for one in found))
    return {
        "options": [one.told() for one in found],
        "rebaselined": tried.period if tried else None,
        "fresh_options": attempts.told(tried.results.get("fresh", {})) if tried else [],
        "unmigrated": list(tried.results.get("unmigrated", ())) if tried else [],
        "keep_month_usd": keep,
        "best_month_usd": best,
        "advantage": advantage(keep, [best] if best else []) if keep is not None and is_known else None,
        "quality_broken": bool(tried and tried.results.get("broken")),
        "scheduled_months": None
        if keep is None
        else scheduled_crossover(keep, alternatives.announced(tx, case, calls, found)),
    }


def _spent(case: Case) -> float | None:
    """What making it cost once: shown as already spent, and read by no rule."""
    cost: dict[str, Any] = case.verdict.record.get("cost") or {}
    plan: dict[str, float] = cost.get("plan") or {}
    return plan.get("one_time_usd")


def _snoozed(tx: Tx, feature_id: int, now: datetime) -> dict[str, Any]:
    snooze = snoozes.of(tx, feature_id, now)
    if snooze is None:
        return {"snooze": None}
    return {"snooze": {"by": snooze.by, "until": snooze.until.date().isoformat(), "reason": snooze.reason}}


_MONEY = (
    *("bill", "counterfactual_usd", "saved_usd", "idle", "options", "rebaselined", "unmigrated", "fresh_options"),
    *("keep_month_usd", "best_month_usd", "advantage", "quality_broken", "scheduled_months"),
)
