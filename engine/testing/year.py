"""The life of one model, played on a fixed clock: real rules over made-up traffic, labels and models, all so named.

GO in the first month, a rollout by approvals, a price cut in the seventh, a better prompted model in the ninth, and the
retirement the rules then ask for. Yields what happened, moment by moment.
"""

from __future__ import annotations

import calendar
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from engine.desk import (
    Desk,
    approvals,
    digests,
    features,
    investigations,
    labels,
    policies,
    prices,
    retirements,
    rollouts,
)
from engine.desk.features import Registration
from engine.flows.advance_stage import Approved, advance_stage
from engine.flows.digest import Month, digest
from engine.flows.investigate import investigate
from engine.flows.retire import retire_stage
from engine.models.actor import Actor, Role
from engine.models.call import CallRole, HourlyUsage
from engine.models.checkup import Advice
from engine.models.evidence import StageCount, StageScore
from engine.models.investigation import Brief, Effort
from engine.models.money import from_usd
from engine.models.rollout import Stage
from engine.rules.calendar import DigestPolicy, due_at, following
from engine.store import checkups, evidence
from engine.store import features as feature_rows
from engine.store import policies as policy_rows
from engine.store import rollouts as rollout_rows
from engine.testing import alike
from engine.testing.clock import FixedClock
from engine.testing.direct import DirectStepper

SLUG, FIRST, BETTER = "ticket-mood", "simulated-frontier-1", "simulated-frontier-2"
CLASSES = ("negative", "neutral", "positive")
CALLS, FED, SAID = 60_000, 2_000, 50  # calls a month, tokens of each in and out
DEAR, CUT, CHEAP = (15.0, 60.0), (5.0, 20.0), (1.0, 5.0)  # US dollars per million tokens, made up
CUT_MONTH, BETTER_MONTH, MONTHS = 7, 9, 12
MARA, JONAS, AMINA = (Actor(id=name, role=Role.OPERATOR, channel="C1") for name in ("U1", "U2", "U3"))
LABELS = 1_800
UNITS = "shadow:500,canary_1:20,canary_5:100,canary_25:500,canary_50:5000"  # of 2,000 calls a day


@dataclass(frozen=True)
class Happened:
    """One thing in the life of the model; ``period`` names the digest that was posted, "" for anything else."""

    at: datetime
    what: str
    period: str = ""


def play(desk: Desk, clock: FixedClock, first: str) -> Iterator[Happened]:
    """Twelve months from the first moment of the month ``first``; every number in them is simulated."""
    start = datetime.strptime(first, "%Y-%m").replace(tzinfo=UTC)
    clock.moment = start - timedelta(days=45)
    alike.play(desk.services, {"tfidf": 0.90, "frozen": 0.90, "majority": 0.34, "baseline": 0.90})
    _begin(desk, start)
    yield Happened(clock.now(), f"{SLUG} is registered on {FIRST} (simulated), with {LABELS:,} labels")
    for number in range(MONTHS):
        period = following(first, number)
        yield from _month(desk, clock, period, number + 1)
        posted = due_at(period, _digest_policy(desk))
        clock.moment = posted
        for run_id in digests.fall_due(desk, posted):
            digest(DirectStepper(desk.services), Month(period=run_id.removeprefix("digest-")))
        yield Happened(posted, f"the digest of {period} is posted", period)
        yield from _obey(desk, clock)


def _begin(desk: Desk, start: datetime) -> None:
    """A feature with labels and six weeks of prompted calls, and a team that decided a few things."""
    now = desk.services.clock.now()
    features.register(
        desk,
        MARA,
        Registration(
            slug=SLUG, model=FIRST, prompt="Say one word.", margin=0.05, labels=CLASSES, base_url="http://127.0.0.1:9/v1",
            live_since=(now - timedelta(days=200)).date(), rights="made-up calls",
        ),
    )  # fmt: skip
    decided = {
        "cost_retrain_months": "12", "stage_holdback": "0", "stage_units": UNITS, "digest_zone": "Europe/Berlin",
        "rebaseline_budget_usd": "5",
    }  # fmt: skip
    policies.change(desk, MARA, "", decided, why="the simulated team's first day")
    _price(desk, FIRST, DEAR, start - timedelta(days=60))
    said = [
        {"input": f"message {place} on matter {place * 7}", "output": CLASSES[place % 3]} for place in range(LABELS)
    ]
    content = "\n".join(json.dumps(row) for row in said).encode()
    labels.import_file(desk, MARA, SLUG, "labels.jsonl", content=content)
    days = [start - timedelta(days=45 - day) for day in range(45)]
    _calls(desk, [_Calls(day, "baseline", CALLS // 30, _call_usd(DEAR)) for day in days])


def _month(desk: Desk, clock: FixedClock, period: str, number: int) -> Iterator[Happened]:
    """What happens in one month besides its digest."""
    start = datetime.strptime(period, "%Y-%m").replace(tzinfo=UTC)
    clock.moment = start + timedelta(hours=9)
    if number == CUT_MONTH:
        _price(desk, FIRST, CUT, start)
        yield Happened(clock.now(), f"{FIRST} (simulated) costs a third from today")
    if number == BETTER_MONTH:
        _price(desk, BETTER, CHEAP, start)
        policies.change(desk, MARA, "", {"rebaseline_models": BETTER}, why="it came out today")
        yield Happened(clock.now(), f"{BETTER} (simulated) comes out: as good, at a fifteenth of the first price")
    if number == 1:
        yield from _go(desk, clock)
        return
    share = _share(desk)
    days = calendar.monthrange(start.year, start.month)[1]
    usd = _call_usd(_today(desk, start))
    found: list[_Calls] = []
    for day in range(days):
        at, count = start + timedelta(days=day), CALLS // days + (CALLS % days if day == 0 else 0)
        tuned = round(count * share)
        found += [_Calls(at, "tuned", tuned, 0.0), _Calls(at, "baseline", count - tuned, usd)]
    _calls(desk, found)


def _go(desk: Desk, clock: FixedClock) -> Iterator[Happened]:
    """The first month: an investigation says ship, and people take the model up its stages."""
    run = investigations.start(desk, MARA, SLUG, effort=Effort.QUICK, budget_usd=50.0)
    investigate(DirectStepper(desk.services), Brief(run_id=run.run_id))
    (seen,) = investigations.status(desk, run.run_id)
    yield Happened(clock.now(), f"the verdict of {run.run_id} is {seen.outcome}: {seen.reason}")
    while (stage := rollouts.show(desk, SLUG).stage) is not Stage.FULL_100:
        days = 8 if stage is Stage.CANARY_50 else 2
        if stage is not Stage.DRAFT:
            _stage_days(desk, clock, days)
        asked = rollouts.next_stage(desk, MARA, SLUG)
        for voter in (JONAS, AMINA)[: asked.needed]:
            approvals.approve(desk, voter, asked.token)
        advance_stage(DirectStepper(desk.services), Approved(approval_id=asked.id or 0))
        yield Happened(clock.now(), f"{asked.needed} approved: {SLUG} goes to {asked.to_share:.0%} ({asked.to_stage})")
    end = datetime.strptime(following(f"{clock.now():%Y-%m}"), "%Y-%m").replace(tzinfo=UTC)
    days = range((end - clock.now()).days)
    midnight = clock.now().replace(hour=0)
    _calls(desk, [_Calls(midnight + timedelta(days=1 + day), "tuned", CALLS // 30, 0.0) for day in days])


def _stage_days(desk: Desk, clock: FixedClock, days: int) -> None:
    """So many days of a stage, as its gateway would record them; in shadow both sides answer, and one is used."""
    seen = rollouts.show(desk, SLUG)
    count = CALLS // 30
    for _ in range(days):
        clock.move(days=1)
        at, tuned = clock.now() - timedelta(hours=1), round(count * seen.share)
        shadow = count if seen.stage is Stage.SHADOW else 0
        _calls(
            desk,
            [
                _Calls(at, "tuned", shadow, 0.0, CallRole.SHADOW),
                _Calls(at, "tuned", tuned, 0.0),
                _Calls(at, "baseline", count - tuned, _call_usd(DEAR)),
            ],
        )
        _record(desk, seen.rollout_id, {"tuned": tuned or shadow, "baseline": count - tuned})


def _record(desk: Desk, rollout_id: int, calls: dict[str, int]) -> None:
    """A day of the stage's evidence: every call a unit of its own, none of them bad."""
    now = desk.services.clock.now()
    with desk.services.database.write() as tx:
        root = evidence.starts(tx, rollout_id)[-1].root
        for arm, n in calls.items():
            tx.add(StageCount(root=root, arm=arm, day=now.date(), n=n, newest=now))
            for name in ("errors", "invalid"):
                tx.add(StageScore(root=root, arm=arm, guardrail=name, day=now.date(), bad=0, n=1, units=n))


def _obey(desk: Desk, clock: FixedClock) -> Iterator[Happened]:
    """The team does what a digest says when it says retire: two requests, each approved by somebody else."""
    with desk.services.database.read() as tx:
        looks = checkups.of_feature(tx, feature_rows.by_slug(tx, SLUG).id or 0)
    if looks[-1].advice is not Advice.RETIRE or not _share(desk):
        return
    while _share(desk):
        asked = retirements.retire(desk, MARA, SLUG)
        approvals.approve(desk, JONAS, asked.token)
        retire_stage(DirectStepper(desk.services), Approved(approval_id=asked.id or 0))
        yield Happened(clock.now(), f"1 approved: {SLUG} goes down to {asked.to_share:.0%}")
        clock.move(days=1)
    yield Happened(clock.now(), f"{SLUG} is retired: all calls go to the prompted model again")


@dataclass(frozen=True)
class _Calls:
    at: datetime
    side: str
    count: int
    usd: float
    role: CallRole = CallRole.ANSWER


def _calls(desk: Desk, found: list[_Calls]) -> None:
    with desk.services.database.write() as tx:
        feature_id = feature_rows.by_slug(tx, SLUG).id or 0
        for one in found:
            if one.count:
                tx.add(HourlyUsage(
                    hour=one.at.replace(minute=0, second=0, microsecond=0), feature_id=feature_id, assigned=one.side,
                    served=one.side, model=FIRST if one.side == "baseline" else "tuned", source="simulated",
                    n=one.count, role=one.role, tokens_in=one.count * FED, tokens_out=one.count * SAID,
                    cost_nano_usd=from_usd(one.usd) * one.count,
                ))  # fmt: skip


def _share(desk: Desk) -> float:
    with desk.services.database.read() as tx:
        found = rollout_rows.route(tx, feature_rows.by_slug(tx, SLUG).id or 0)
    return found.share if found else 0.0


def _price(desk: Desk, model: str, dollars: tuple[float, float], at: datetime) -> None:
    fed, said = dollars
    price = prices.DatedPrice(
        model=model, input_usd=fed, output_usd=said, starts_on=at.date(), source="simulated, for the demo"
    )
    prices.set_price(desk, MARA, price)


def _call_usd(dollars: tuple[float, float]) -> float:
    return (FED * dollars[0] + SAID * dollars[1]) / 1e6


def _today(desk: Desk, at: datetime) -> tuple[float, float]:
    rows = [row for row in prices.own_prices(desk).rows if row.model == FIRST and row.starts_on <= f"{at:%Y-%m-%d}"]
    return rows[-1].input_usd, rows[-1].output_usd


def _digest_policy(desk: Desk) -> DigestPolicy:
    with desk.services.database.read() as tx:
        return policy_rows.current(tx).digest
