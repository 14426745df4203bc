"""What is new about a live model since the channel was last told: each thing is told once for ever."""

from __future__ import annotations

from typing import Any

from engine.flows.steps.checkup import measured
from engine.models.base import Value
from engine.models.checkup import Alert
from engine.rules.calendar import period_of
from engine.rules.watch import notice
from engine.services import Services
from engine.store import checkups, features, mail, snoozes, work

SOON_MONTHS = 3


class Told(Value):
    """How many things the week's message tells; no message for none."""

    period: str
    alerts: int


class Noted(Value):
    """How many things were new about one feature."""

    feature_id: int
    alerts: int


def look(services: Services, feature_id: int, week: str) -> Noted:
    """Measure the running month and note what was never told before."""
    with services.database.write() as tx:
        feature, now = features.by_id(tx, feature_id), services.clock.now()
        facts = measured(tx, services, feature, period_of(now)).facts
        judged = [one for one in checkups.of_feature(tx, feature_id) if one.facts.get("advantage") is not None]
        before: dict[str, Any] = judged[-1].facts if judged else {}
        noted = [
            snoozes.tell(
                tx, Alert(feature_id=feature_id, key=key, week=week, facts={"slug": feature.slug, **said}, at=now)
            )
            for key, said in changes(facts, before)
        ]
        return Noted(feature_id=feature_id, alerts=sum(noted))


def tell(services: Services, week: str) -> Told:
    """Enqueue the week's one message where something is new, and note that the week is done."""
    with services.database.write() as tx:
        found = snoozes.alerts(tx, week)
        if found and not work.is_done(tx, "alerts", week):
            channel = work.digest_channel(tx) or next((one.channel for one in features.every(tx) if one.channel), "")
            mail.enqueue_projection(tx, services.clock, "alerts", week, kind="card", channel=channel)
        work.done(tx, "alerts", week, services.clock.now())
        return Told(period=week, alerts=len(found))


def changes(facts: dict[str, Any], before: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """What calls for an alert, each under the key it is told once by; ``before`` is the newest stored checkup."""
    found = [*_shutdowns(facts)]
    if facts.get("is_live"):
        found += [*_crossed(facts, before), *_drifted(facts), *_audited(facts)]
    return found


def _shutdowns(facts: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    told: list[tuple[str, dict[str, Any]]] = []
    dates: list[dict[str, Any]] = facts.get("shutdowns") or []
    for one in dates:
        step = notice(one["days"])
        if step is not None and one["days"] >= 0:
            told.append((f"shutdown/{one['name']}/{one['on']}/{step}", {"what": "shutdown", **one}))
    return told


def _crossed(facts: dict[str, Any], before: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Prompting became cheaper since the last checkup, or will be by prices announced for the next months."""
    advantage, last = facts.get("advantage"), before.get("advantage")
    since = before.get("period", "")
    told: list[tuple[str, dict[str, Any]]] = []
    if advantage is not None and advantage < 0 and last is not None and last >= 0:
        sums = {"keep_usd": facts["keep_month_usd"], "best_usd": facts["best_month_usd"]}
        told.append((f"crossed/{since}", {"what": "crossed", **sums}))
    ahead, was = facts.get("scheduled_months"), before.get("scheduled_months")
    if ahead is not None and ahead <= SOON_MONTHS and was is None and (advantage is None or advantage >= 0):
        told.append((f"announced/{since}", {"what": "announced", "months": ahead}))
    return told


def _drifted(facts: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    found: list[dict[str, Any]] = facts.get("drift") or []
    return [
        (f"drift/{one['name']}/{facts['period']}", {"what": "drift", "name": one["name"]})
        for one in found
        if one["alarm"]
    ]


def _audited(facts: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """People's fresh labels say that it surely does worse than it must: told once for each rollout."""
    found: dict[str, Any] = facts.get("audit") or {}
    if not found.get("broken"):
        return []
    sums = {name: found[name] for name in ("rows", "quality", "bar")}
    return [(f"audit/{facts['rollout']}", {"what": "audit", **sums})]
