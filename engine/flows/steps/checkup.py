"""The monthly look at each feature, and the digest made of the looks. Measures what is known, says what is not."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from engine.models.base import Value
from engine.models.checkup import Advice, Checkup, Digest
from engine.models.feature import Feature, is_simulated
from engine.models.rollout import Rollout, Stage
from engine.models.verdict import Verdict
from engine.rules.calendar import bounds
from engine.rules.staleness import Month, advantage, advise
from engine.services import Services
from engine.store import checkups, features, mail, policies, rollouts, usage, verdicts, work
from engine.store.database import Tx


class Looked(Value):
    """One feature was looked at for a period."""

    feature_id: int
    slug: str


class Posted(Value):
    """The digest of a period is stored and its message enqueued."""

    period: str
    features: int


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


def post(services: Services, period: str) -> Posted:
    """Store the digest of a period once and enqueue its one message."""
    with services.database.write() as tx:
        looks = checkups.of_period(tx, period)
        if checkups.digest(tx, period) is None:
            channel = work.digest_channel(tx) or next((one.channel for one in features.every(tx) if one.channel), "")
            body = {"lines": [look.facts for look in looks]}
            checkups.add_digest(tx, Digest(period=period, channel=channel, body=body, at=services.clock.now()))
            mail.enqueue_projection(tx, services.clock, "digest", period, kind="card", channel=channel)
        work.done(tx, "digest", period, services.clock.now())
        return Posted(period=period, features=len(looks))


def measured(tx: Tx, services: Services, feature: Feature, period: str) -> Checkup:
    """What one month of a feature was: calls, spend, saving, quality, age, advice; none where unknown."""
    feature_id = feature.id or 0
    month = usage.month(tx, feature_id, period)
    verdict = verdicts.newest_of(tx, feature_id)
    rollout = rollouts.newest_of(tx, feature_id)
    baseline = features.baseline(tx, feature_id)
    live = rollout is not None and rollout.stage in (Stage.SOAKING, Stage.LIVE) and rollout.open_feature_id is not None
    policy = policies.current(tx, feature_id)
    until = min(bounds(period)[1], services.clock.now())  # a month that still runs ends now
    facts: dict[str, Any] = {
        "slug": feature.slug,
        "period": period,
        "model": baseline.model,
        "simulated": is_simulated(baseline.model),
        "calls": month.calls if month else None,
        "spend_nano": month.cost_nano if month else None,
        "unpriced": month.unpriced if month else 0,
        "p95_ms": month.p95_ms if month else None,
        **_judged(verdict, until),
        **_stage(rollout, until),
    }
    gain = _advantage(verdict, month.calls if month else None) if live else None
    facts["advantage"] = gain
    advice = _advice(tx, feature_id, rollout, gain, period=period) if rollout is not None and gain is not None else None
    facts["advice"] = advice
    return Checkup(
        feature_id=feature_id,
        period=period,
        advice=advice,
        facts=facts,
        policy_hash=policy.sha,
        at=services.clock.now(),
    )


def _judged(verdict: Verdict | None, until: datetime) -> dict[str, Any]:
    if verdict is None:
        return {"outcome": "", "run": "", "quality": None, "verdict_days": None}
    return {
        "outcome": verdict.outcome,
        "run": verdict.run_id,
        "quality": verdict.record["quality"],
        "month_saving_usd": (verdict.record["cost"] or {}).get("month_saving_usd"),
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


def _advantage(verdict: Verdict | None, calls: int | None) -> float | None:
    """1 - keeping / prompting again, from now on; none while calls or the plan's prices are unknown."""
    cost: dict[str, Any] = (verdict.record["cost"] if verdict else None) or {}
    plan: dict[str, float] | None = cost.get("plan")
    if not plan or not calls:
        return None
    return advantage(plan["fixed_month_usd"], [calls * plan["baseline_call_usd"]])


def _advice(tx: Tx, feature_id: int, rollout: Rollout, gain: float, *, period: str) -> Advice:
    earlier = [look for look in checkups.of_feature(tx, feature_id) if look.period < period and look.advice is not None]
    months = [Month(look.facts["advantage"]) for look in earlier] + [Month(gain)]
    previous = earlier[-1].advice if earlier else Advice.KEEP
    days = max((bounds(period)[1] - rollout.stage_since).days, 0)
    return advise(months, days_live=days, previous=previous or Advice.KEEP).advice
