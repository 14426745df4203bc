"""The advice on a live candidate from its stored months: hysteresis, forecast and shutdown dates. Rules decide.

Money already spent has no way in: nothing here reads what a verdict's plan cost once.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from engine.flows.steps import listing
from engine.flows.steps.month import Case
from engine.models.checkup import Advice, Checkup
from engine.rules.bill import ratios
from engine.rules.staleness import Forecast, Month, advise, forecast_crossover
from engine.store import checkups, policies
from engine.store.database import Tx


def of(tx: Tx, case: Case, found: dict[str, Any], *, live_since: datetime, scheduled: int | None) -> dict[str, Any]:
    """Advice, why, and what it was judged with; no advice while the month's advantage is not known, but what is due.

    ``found`` holds the month's ``advantage``, ``quality_broken`` and ``retrain_due``; ``scheduled`` is the month in
    which announced prices end the advantage.
    """
    earlier = _earlier(tx, case)
    ours = [one["days"] for one in dates(tx, case) if one["side"] == "tuned"]
    crossover = _forecast([*(look.facts["advantage"] for look in earlier), found["advantage"]])
    told: dict[str, Any] = {"crossover": crossover, "scheduled_months": scheduled, "previous": _previous(earlier)}
    if found["advantage"] is None:
        due = list(found["retrain_due"])
        return {**told, "advice": None, "reasons": due, "noise_sd": None, "bad_months": None, "months": len(earlier)}
    known = [look for look in earlier if look.facts["advantage"] is not None]
    months = [Month(look.facts["advantage"], bool(look.facts["quality_broken"])) for look in known]
    months.append(Month(found["advantage"], bool(found["quality_broken"])))
    said = advise(
        months,
        days_live=max((case.until - live_since).days, 0),
        previous=told["previous"] or Advice.KEEP,
        crossover_months=_nearest(crossover, scheduled),
        shutdown_in_days=max(min(ours), 0) if ours else None,
        retrain_due=tuple(found["retrain_due"]),
        policy=case.policy.advice,
    )
    return {
        **told,
        "advice": said.advice,
        "reasons": list(said.reasons),
        "noise_sd": said.noise_sd,
        "bad_months": said.bad_months,
        "months": len(months),
    }


def dates(tx: Tx, case: Case) -> list[dict[str, Any]]:
    """Announced shutdowns that concern the feature, nearest first: of its prompted model, and of its tuned model."""
    known = listing.dates(tx, case.feature_id, case.policy)
    served = policies.traffic(tx, case.feature_id).tuned_model
    concerned = ((case.baseline.model, "prompted"), (case.feature.slug, "tuned"), (served, "tuned"))
    found = [_shutdown(name, side, known[name], case.last_day) for name, side in concerned if name in known]
    return sorted(found, key=lambda one: one["days"])


def _shutdown(name: str, side: str, on: date, today: date) -> dict[str, Any]:
    return {"name": name, "side": side, "on": on.isoformat(), "days": (on - today).days}


def _earlier(tx: Tx, case: Case) -> list[Checkup]:
    """The checkups of this rollout before the month, in which it was live, oldest first."""
    return [
        look
        for look in checkups.of_feature(tx, case.feature_id)
        if look.period < case.period and look.facts.get("rollout") == case.rollout.id and look.facts.get("is_live")
    ]


def _previous(earlier: list[Checkup]) -> Advice | None:
    return next((look.advice for look in reversed(earlier) if look.advice is not None), None)


def _forecast(advantages: list[float | None]) -> dict[str, Any]:
    series = ratios(advantages)
    if not series:
        return {"months": None, "low": None, "high": None, "reason": "no qualified alternative has a price"}
    said: Forecast = forecast_crossover(series)
    last = len(series) - 1
    months, low, high = (None if at is None else max(at - last, 0.0) for at in (said.month, said.low, said.high))
    return {"months": months, "low": low, "high": high, "reason": said.reason}


def _nearest(crossover: dict[str, Any], scheduled: int | None) -> float | None:
    known = [float(months) for months in (crossover["months"], scheduled) if months is not None]
    return min(known, default=None)
