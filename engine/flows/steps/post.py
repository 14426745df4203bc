"""Make the digest of a month from its checkups, once, and say so when it is late."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from typing import Any

from engine.models.base import Value
from engine.models.checkup import Checkup, Digest
from engine.rules.calendar import following, whole_at
from engine.services import Services
from engine.store import checkups, features, mail, policies, work
from engine.store.database import Tx

LATE = timedelta(hours=12)  # a digest that comes on its day is not late
CHARTED = 12  # months of the picture


class Posted(Value):
    """The digest of a period is stored and its message enqueued."""

    period: str
    features: int


def post(services: Services, period: str) -> Posted:
    """Store the digest of a period once and enqueue its one message."""
    with services.database.write() as tx:
        looks = checkups.of_period(tx, period)
        if checkups.digest(tx, period) is None:
            now = services.clock.now()
            channel = work.digest_channel(tx) or next((one.channel for one in features.every(tx) if one.channel), "")
            late = now - whole_at(period, policies.current(tx).digest)
            body = {**body_of(tx, looks, period), "late_days": late.days + 1 if late > LATE else 0}
            checkups.add_digest(tx, Digest(period=period, channel=channel, body=body, at=now))
            mail.enqueue_projection(tx, services.clock, "digest", period, kind="card", channel=channel)
        work.done(tx, "digest", period, services.clock.now())
        return Posted(period=period, features=len(looks))


def body_of(tx: Tx, looks: list[Checkup], period: str) -> dict[str, Any]:
    """A digest: a line of facts for each feature, and the months of the picture."""
    return {"lines": [look.facts for look in looks], "months": charted(tx, looks, period)}


def charted(tx: Tx, looks: list[Checkup], period: str) -> list[dict[str, Any]]:
    """Paid against prompted alone, in US dollars, for each of the last months in which both are known."""
    first = following(period, 1 - CHARTED)
    paid: dict[str, float] = defaultdict(float)
    without: dict[str, float] = defaultdict(float)
    earlier = [look for look in checkups.since(tx, first) if look.period < period]
    for look in (*earlier, *looks):
        bill: dict[str, Any] = look.facts.get("bill") or {}
        total: float | None = bill.get("total_usd")
        if total is not None and look.facts.get("counterfactual_usd") is not None:
            paid[look.period] += total
            without[look.period] += look.facts["counterfactual_usd"]
    return [{"period": at, "paid_usd": paid[at], "prompted_usd": without[at]} for at in sorted(paid)]
