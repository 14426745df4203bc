"""The money of one month of a live candidate: what was paid, what prompting alone would have cost, what stays to pay.

Measured from traffic, prices of each day, policy and the verdict; what is not known stays none.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from engine.flows.steps.money import GPU_RUNGS
from engine.models.call import CallRole
from engine.models.feature import Baseline, Feature
from engine.models.money import NANO, to_usd
from engine.models.rollout import Rollout
from engine.models.verdict import Verdict
from engine.rules.bill import Bill, Running, counterfactual_usd, idle_share
from engine.rules.calendar import bounds
from engine.rules.cost import TokenPrices
from engine.rules.money import CostPolicy, hosting
from engine.rules.rollout import FINAL
from engine.store import deeds, months, replies
from engine.store.database import Tx
from engine.store.months import BASELINE, TUNED, Stretch, Sums
from engine.store.policies import Policy
from engine.teachers.prices import price_of

SIZED_LEAST = 30  # fewer prompted calls of a month do not say how large its calls were
_HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Case:
    """One feature in one month: everything that does not change while the month is measured. ``until`` ends it."""

    feature: Feature
    baseline: Baseline
    verdict: Verdict
    rollout: Rollout
    policy: Policy
    period: str
    until: datetime

    @property
    def feature_id(self) -> int:
        """The feature's id."""
        return self.feature.id or 0

    @property
    def start(self) -> datetime:
        """The first moment of the month."""
        return bounds(self.period)[0]

    @property
    def is_whole(self) -> bool:
        """Whether the month is over."""
        return self.until >= bounds(self.period)[1]

    @property
    def last_day(self) -> date:
        """The newest day of the month that was lived, whose prices are today's."""
        return max((self.until - _HOUR), self.start).date()


@dataclass(frozen=True)
class Size:
    """Mean tokens of one prompted call; ``cached`` is part of ``fed``."""

    fed: float
    cached: float
    said: float

    def usd(self, price: TokenPrices | None) -> float | None:
        """US dollars of such a call; none without a price."""
        if price is None:
            return None
        cached = price.input if price.cached_input is None else price.cached_input
        nano = ((self.fed - self.cached) * price.input + self.cached * cached + self.said * price.output) / 1e6
        return nano / NANO


@dataclass(frozen=True)
class Served:
    """From when the candidate's server ran, from when it answered everything, and when its rollout ended; else none."""

    since: datetime | None
    live_since: datetime | None
    ended: datetime | None = None


def served(tx: Tx, rollout: Rollout) -> Served:
    """When the rollout left its draft, and when it first reached all traffic, as the audit chain tells it."""
    moves = [deed for deed in deeds.of_entity(tx, "rollout", str(rollout.id)) if deed.verb == "shift"]
    left = next((deed.at for deed in moves if deed.after.get("stage") != "draft"), None)
    full = next((deed.at for deed in moves if deed.after.get("share") == 1.0), None)
    ended = next((deed.at for deed in moves if deed.after.get("status") in FINAL), None)
    return Served(left, full, ended)


def size(tx: Tx, case: Case, stretch: Stretch) -> Size | None:
    """How large a prompted call is: measured this month, else in the 30 days before the verdict, else on its rows."""
    decided = case.verdict.decided_at
    return (
        _measured(case, stretch)
        or _measured(case, months.between(tx, case.feature_id, decided - timedelta(days=30), decided))
        or _of_record(case)
    )


def _measured(case: Case, stretch: Stretch | None) -> Size | None:
    sums = stretch.of(BASELINE, CallRole.ANSWER) if stretch else ()
    calls = [one for one in sums if one.model == case.baseline.model]
    n = sum(one.n for one in calls)
    if n < SIZED_LEAST:
        return None
    return Size(*(sum(figures) / n for figures in zip(*map(_tokens, calls), strict=True)))


def _of_record(case: Case) -> Size | None:
    scored = case.verdict.record.get("scores", {}).get("prompted", {})
    rows, fed = scored.get("rows"), scored.get("tokens_in")
    return Size(fed / rows, 0.0, scored.get("tokens_out", 0) / rows) if rows and fed else None


def counterfactual(tx: Tx, case: Case, stretch: Stretch, call: Size | None) -> float | None:
    """US dollars of all calls at the prompted model, each at the price of its day."""
    if call is None:
        return None
    price = _pricing(tx, case.baseline.model)
    return counterfactual_usd([(n, call.usd(price(day))) for day, n in sorted(stretch.by_day().items())])


def bill(tx: Tx, case: Case, stretch: Stretch, times: Served, *, rebaseline_run: str) -> Bill:
    """The month by component; the fixed ones by the share of the month in which the server ran."""
    share = _share_of_month(case, times)
    cost = case.policy.cost
    plan = _plan(case)
    # A cascade's is what its escalated calls cost beyond the baseline's: nobody charges for the tuned ones.
    is_metered = bool(plan.get("tuned_call_usd")) and not plan.get("escalation")
    answers = stretch.of(TUNED, CallRole.ANSWER, CallRole.FAILED)
    passed_on = tuple(one for one in answers if one.served == BASELINE)  # by a cascade, or by a try that failed
    itself = tuple(one for one in answers if one.served == TUNED)
    discarded = stretch.of(TUNED, CallRole.ESCALATED)
    return Bill(
        prompted_usd=_usd(stretch.of(BASELINE, CallRole.ANSWER, CallRole.FAILED)),
        escalated_usd=_together(_usd(passed_on), _usd(discarded, must_have_price=is_metered)),
        shadow_usd=_usd(stretch.of(TUNED, CallRole.SHADOW), must_have_price=is_metered),
        tuned_usd=_usd(itself, must_have_price=is_metered),
        hosting_usd=_hosting(case) * share,
        retraining_usd=cost.retraining_usd / cost.retrain_months * share,
        operations_usd=cost.operations_month_usd * share,
        rebaseline_usd=to_usd(replies.bill(tx, rebaseline_run).nano_usd) if rebaseline_run else 0.0,
    )


def idle(case: Case, stretch: Stretch, times: Served) -> float | None:
    """The share of hosted time in which nothing was answered, at least; none where no tuned call has a latency."""
    share = _share_of_month(case, times)
    if not stretch.timed or share <= 0.0:
        return None
    start, end = bounds(case.period)
    return idle_share(stretch.busy_ms / 1_000, share * (end - start) / _HOUR)


def escalation(stretch: Stretch) -> float | None:
    """Calls the tuned side passed on, of those it was given; none where it was given none."""
    passed = sum(one.n for one in stretch.of(TUNED, CallRole.ESCALATED))
    given = sum(one.n for one in stretch.of(TUNED, CallRole.ANSWER) if one.served == TUNED) + passed
    return passed / given if given else None


def volume(case: Case, stretch: Stretch) -> float:
    """Calls a month: those of the month, or of the running month as if it went on as it began."""
    start, end = bounds(case.period)
    lived = (min(case.until, end) - start) / (end - start)
    return stretch.answered / lived if not case.is_whole and lived > 0.0 else float(stretch.answered)


def running(case: Case, passed_on: float | None) -> Running:
    """What keeping the candidate costs from now on."""
    cost: CostPolicy = case.policy.cost
    plan = _plan(case)
    return Running(
        fixed_month_usd=_hosting(case) + cost.retraining_usd / cost.retrain_months + cost.operations_month_usd,
        tuned_call_usd=plan.get("tuned_call_usd") or 0.0,
        escalation=plan.get("escalation", 0.0) if passed_on is None else passed_on,
        holdback=case.policy.stage.holdback,
    )


def _plan(case: Case) -> dict[str, float]:
    cost: dict[str, Any] = case.verdict.record.get("cost") or {}
    return cost.get("plan") or {}


def _hosting(case: Case) -> float:
    return hosting(case.verdict.record["candidate"]["rung"] in GPU_RUNGS, case.policy.cost)


def _share_of_month(case: Case, times: Served) -> float:
    start, end = bounds(case.period)
    if times.since is None:
        return 0.0
    lived = min(case.until, end, times.ended or end) - max(start, times.since)
    return max(lived / (end - start), 0.0)


def _usd(sums: tuple[Sums, ...], *, must_have_price: bool = True) -> float | None:
    if must_have_price and any(one.unpriced for one in sums):
        return None
    return to_usd(sum(one.cost_nano for one in sums))


def _together(*parts: float | None) -> float | None:
    known = [part for part in parts if part is not None]
    return sum(known) if len(known) == len(parts) else None


def _tokens(sums: Sums) -> tuple[int, int, int]:
    return sums.tokens_in, sums.tokens_cached, sums.tokens_out


def _pricing(tx: Tx, model: str) -> Callable[[date], TokenPrices | None]:
    known: dict[date, TokenPrices | None] = {}

    def price(day: date) -> TokenPrices | None:
        if day not in known:
            known[day] = price_of(tx, model, day)
        return known[day]

    return price


def traffic(tx: Tx, case: Case) -> Stretch | None:
    """The month's traffic; none when nothing was seen."""
    return months.between(tx, case.feature_id, case.start, min(bounds(case.period)[1], case.until))
