"""Live models as they age: the staleness clock, the week's alerts, and not wanting to hear of one for a while."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from engine.desk import Desk
from engine.errors import Invalid, NotReady
from engine.flows.steps.checkup import measured
from engine.models.actor import Actor
from engine.models.base import Value
from engine.models.checkup import Snooze
from engine.models.feature import Feature
from engine.models.mail import Once
from engine.rules.calendar import period_of
from engine.store import checkups, deeds, features, mail, rollouts, snoozes
from engine.store.database import Tx

SNOOZE_DAYS_MOST, REASON_LEAST, REASON_MOST = 90, 10, 500
CHARTED = 12


class Clock(Value):
    """One live model on the clock: the facts of its newest checkup, and its ``advantages`` by month, oldest first."""

    facts: dict[str, Any]
    advantages: tuple[tuple[str, float], ...]
    so_far: bool = False


class StaleView(Value):
    """Every live model, the stalest first."""

    clocks: tuple[Clock, ...]


class SnoozeView(Value):
    """A snooze in force, and the advice it hides from recommendations without changing it."""

    slug: str
    by: str
    until: str
    reason: str
    advice: str


class AlertsView(Value):
    """What is new in a week."""

    week: str
    alerts: tuple[dict[str, Any], ...]


def stale(desk: Desk) -> StaleView:
    """The staleness clock of all live models: each one's newest checkup, or the month so far before its first."""
    with desk.services.database.read() as tx:
        found = [_clock(desk, tx, feature) for feature in features.every(tx)]
        live = [one for one in found if one is not None]
    return StaleView(clocks=tuple(sorted(live, key=_stalest)))


def months(desk: Desk, slugs: Sequence[str]) -> dict[str, dict[str, Any]]:
    """The newest checkup's facts of each of these features that is live; nothing of one before its first checkup.

    What is stored alone: to measure ten months so far takes seconds, and Home is shown to many at each change.
    """
    found: dict[str, dict[str, Any]] = {}
    now = desk.services.clock.now()
    with desk.services.database.read() as tx:
        for slug in slugs:
            feature = features.by_slug(tx, slug)
            looks = checkups.of_feature(tx, feature.id or 0)
            if not looks or rollouts.open_of(tx, feature.id or 0) is None:
                continue
            facts = looks[-1].facts
            if facts.get("is_live"):
                found[slug] = facts | {"snooze": _snoozed(snoozes.of(tx, feature.id or 0, now))}
    return found


def snooze(desk: Desk, actor: Actor, slug: str, *, days: int, reason: str, once: Once | None = None) -> SnoozeView:
    """Hide the advice on a live model until a day. Raises ``Invalid`` without a reason or an end, ``NotReady``."""
    said = _reason(slug, reason)
    if not 1 <= days <= SNOOZE_DAYS_MOST:
        raise Invalid(
            f"days is {days}; a snooze lasts 1 to {SNOOZE_DAYS_MOST} days.",
            hint=f'For example: /assay snooze {slug} days=30 reason="…"',
        )
    with desk.services.database.write() as tx:
        mail.take(tx, desk.services.clock, once)
        feature = features.by_slug(tx, slug)
        _refuse_not_open(tx, feature)
        now = desk.services.clock.now()
        until = now + timedelta(days=days)
        mail.enqueue_homes(tx, desk.services.clock)
        snoozes.add(tx, Snooze(feature_id=feature.id or 0, by=actor.id, reason=said, at=now, until=until))
        deeds.record(
            tx, desk.services.clock, actor, "snooze", entity="feature", entity_id=slug, feature_id=feature.id,
            after={"until": until.date().isoformat()}, reason=said,
        )  # fmt: skip
        looks = checkups.of_feature(tx, feature.id or 0)
        advice = next((str(look.advice) for look in reversed(looks) if look.advice is not None), "")
        return SnoozeView(slug=slug, by=actor.id, until=until.date().isoformat(), reason=said, advice=advice)


def alerts(desk: Desk, week: str) -> AlertsView:
    """What was new in a week."""
    with desk.services.database.read() as tx:
        return AlertsView(week=week, alerts=tuple(one.facts for one in snoozes.alerts(tx, week)))


def _clock(desk: Desk, tx: Tx, feature: Feature) -> Clock | None:
    now = desk.services.clock.now()
    looks = [one for one in checkups.of_feature(tx, feature.id or 0) if one.facts.get("is_live")]
    fresh = measured(tx, desk.services, feature, period_of(now)).facts
    if not fresh.get("is_live"):
        return None
    series = [(one.period, one.facts["advantage"]) for one in looks if one.facts["advantage"] is not None]
    facts = {**looks[-1].facts, **_current(fresh)} if looks else fresh
    return Clock(facts=facts, advantages=tuple(series[-CHARTED:]), so_far=not looks)


def _current(fresh: dict[str, Any]) -> dict[str, Any]:
    """What is as it is today, whatever the newest checkup says."""
    return {name: fresh[name] for name in ("live_days", "shutdowns", "snooze", "stage", "share")}


def _snoozed(snooze: Snooze | None) -> dict[str, str] | None:
    if snooze is None:
        return None
    return {"by": snooze.by, "until": snooze.until.date().isoformat(), "reason": snooze.reason}


def _stalest(clock: Clock) -> tuple[float, str]:
    advantage = clock.facts.get("advantage")
    return (2.0 if advantage is None else advantage), clock.facts["slug"]


def _refuse_not_open(tx: Tx, feature: Feature) -> None:
    if rollouts.open_of(tx, feature.id or 0) is None:
        raise NotReady(
            f"{feature.slug} has no tuned model that answers calls.", hint=f"How it stands: /assay show {feature.slug}"
        )


def _reason(slug: str, reason: str) -> str:
    said = " ".join(reason.split())
    if not REASON_LEAST <= len(said) <= REASON_MOST:
        raise Invalid(
            f"The reason has {len(said)} characters; {REASON_LEAST} to {REASON_MOST} are needed.",
            hint=f'Say why: /assay snooze {slug} days=30 reason="…"',
        )
    return said
