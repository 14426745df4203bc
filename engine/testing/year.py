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
    routes,
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
from engine.rules.calendar import DigestPolicy, following, whole_at
from engine.store import checkups, evidence
from engine.store import features as feature_rows
from engine.store import policies as policy_rows
from engine.store import rollouts as rollout_rows
from engine.testing import alike
from engine.testing.clock import FixedClock
from engine.testing.direct import DirectStepper

CLASSES = ("negative", "neutral", "positive")
CALLS, FED, SAID = 60_000, 2_000, 50  # calls a month, tokens of each in and out
DEAR, CUT, CHEAP = (15.0, 60.0), (5.0, 20.0), (1.0, 5.0)  # US dollars per million tokens, made up
CUT_MONTH, BETTER_MONTH = 7, 9
JONAS, AMINA = (Actor(id=name, role=Role.OPERATOR) for name in ("U2", "U3"))
LABELS = 1_800
UNITS = "shadow:500,canary_1:20,canary_5:100,canary_25:500,canary_50:5000"  # of 2,000 calls a day


@dataclass(frozen=True)
class Happened:
    """One thing in the life of the model; ``period`` names the digest that was posted, "" for anything else."""

    at: datetime
    what: str
    period: str = ""


@dataclass(frozen=True)
class Story:
    """Whose life is told, where, over how many months, and whether the team does what the last digest says."""

    slug: str = "ticket-mood"
    channel: str = "C1"
    first_model: str = "simulated-frontier-1"
    better_model: str = "simulated-frontier-2"
    months: int = 12
    zone: str = "Europe/Berlin"
    obeys: bool = True


@dataclass(frozen=True)
class Life:
    """A story under way."""

    desk: Desk
    clock: FixedClock
    story: Story

    @property
    def mara(self) -> Actor:
        """Who asks for things, in the story's channel."""
        return Actor(id="U1", role=Role.OPERATOR, channel=self.story.channel)


def before(now: datetime, months: int) -> str:
    """The first of so many months that have ended by now."""
    return following(f"{now:%Y-%m}", -months)


def play(desk: Desk, clock: FixedClock, first: str, story: Story | None = None) -> Iterator[Happened]:
    """The months from the first moment of the month ``first``; every number in them is simulated."""
    life = Life(desk, clock, story or Story())
    told, start = life.story, datetime.strptime(first, "%Y-%m").replace(tzinfo=UTC)
    clock.moment = start - timedelta(days=45)
    alike.play(desk.services, {"tfidf": 0.90, "frozen": 0.90, "majority": 0.34, "baseline": 0.90})
    _begin(life, start)
    yield Happened(clock.now(), f"{told.slug} is registered on {told.first_model} (simulated), with {LABELS:,} labels")
    for number in range(told.months):
        period = following(first, number)
        yield from _month(life, period, number + 1)
        posted = whole_at(period, _digest_policy(life))
        clock.moment = posted
        for run_id in digests.fall_due(desk, posted):
            digest(DirectStepper(desk.services), Month(period=run_id.removeprefix("digest-")))
        yield Happened(posted, f"the digest of {period} is posted", period)
        if told.obeys:
            yield from _obey(life)


def _begin(life: Life, start: datetime) -> None:
    """A feature with labels and six weeks of prompted calls, and a team that decided a few things."""
    now = life.desk.services.clock.now()
    features.register(
        life.desk,
        life.mara,
        Registration(
            slug=life.story.slug, model=life.story.first_model, prompt="Say one word.", margin=0.05, labels=CLASSES, base_url="http://127.0.0.1:9/v1",
            live_since=(now - timedelta(days=200)).date(), rights="made-up calls",
        ),
    )  # fmt: skip
    decided = {
        "cost_retrain_months": "12", "stage_holdback": "0", "stage_units": UNITS, "rebaseline_budget_usd": "5",
    }  # fmt: skip
    policies.change(life.desk, life.mara, life.story.slug, decided, why="the simulated team's first day")
    policies.change(life.desk, life.mara, "", {"digest_zone": life.story.zone}, why="the simulated team's first day")
    routes.decide(life.desk, life.mara, life.story.slug, {"tuned_url": "http://127.0.0.1:9/v1"})  # nobody serves it
    _price(life, life.story.first_model, DEAR, start - timedelta(days=60))
    said = [
        {"input": f"message {place} on matter {place * 7}", "output": CLASSES[place % 3]} for place in range(LABELS)
    ]
    content = "\n".join(json.dumps(row) for row in said).encode()
    labels.import_file(life.desk, life.mara, life.story.slug, "labels.jsonl", content=content)
    days = [start - timedelta(days=45 - day) for day in range(45)]
    _calls(life, [_Calls(day, "baseline", CALLS // 30, _call_usd(DEAR)) for day in days])


def _month(life: Life, period: str, number: int) -> Iterator[Happened]:
    """What happens in one month besides its digest."""
    start = datetime.strptime(period, "%Y-%m").replace(tzinfo=UTC)
    life.clock.moment = start + timedelta(hours=9)
    if number == CUT_MONTH:
        _price(life, life.story.first_model, CUT, start)
        yield Happened(life.clock.now(), f"{life.story.first_model} (simulated) costs a third from today")
    if number == BETTER_MONTH:
        _price(life, life.story.better_model, CHEAP, start)
        policies.change(
            life.desk,
            life.mara,
            life.story.slug,
            {"rebaseline_models": life.story.better_model},
            why="it came out today",
        )
        yield Happened(
            life.clock.now(),
            f"{life.story.better_model} (simulated) comes out: as good, at a fifteenth of the first price",
        )
    if number == 1:
        yield from _go(life)
        return
    share = _share(life)
    days = calendar.monthrange(start.year, start.month)[1]
    usd = _call_usd(_today(life, start))
    found: list[_Calls] = []
    for day in range(days):
        at, count = start + timedelta(days=day), CALLS // days + (CALLS % days if day == 0 else 0)
        tuned = round(count * share)
        found += [_Calls(at, "tuned", tuned, 0.0), _Calls(at, "baseline", count - tuned, usd)]
    _calls(life, found)


def _go(life: Life) -> Iterator[Happened]:
    """The first month: an investigation says ship, and people take the model up its stages."""
    run = investigations.start(life.desk, life.mara, life.story.slug, effort=Effort.QUICK, budget_usd=50.0)
    investigate(DirectStepper(life.desk.services), Brief(run_id=run.run_id))
    (seen,) = investigations.status(life.desk, run.run_id)
    yield Happened(life.clock.now(), f"the verdict of {run.run_id} is {seen.outcome}: {seen.reason}")
    while (stage := rollouts.show(life.desk, life.story.slug).stage) is not Stage.LIVE:
        days = {Stage.CANARY_50: 8, Stage.FULL_100: 1, Stage.SOAKING: 8}.get(stage, 2)
        if stage is not Stage.DRAFT:
            _stage_days(life, days)
        asked = rollouts.next_stage(life.desk, life.mara, life.story.slug)
        for voter in (JONAS, AMINA)[: asked.needed]:
            approvals.approve(life.desk, voter, asked.token)
        advance_stage(DirectStepper(life.desk.services), Approved(approval_id=asked.id or 0))
        yield Happened(
            life.clock.now(),
            f"{asked.needed} approved: {life.story.slug} goes to {asked.to_share:.0%} ({asked.to_stage})",
        )
    end = datetime.strptime(following(f"{life.clock.now():%Y-%m}"), "%Y-%m").replace(tzinfo=UTC)
    days = range((end - life.clock.now()).days)
    midnight = life.clock.now().replace(hour=0)
    _calls(life, [_Calls(midnight + timedelta(days=1 + day), "tuned", CALLS // 30, 0.0) for day in days])


def _stage_days(life: Life, days: int) -> None:
    """So many days of a stage, as its gateway would record them; in shadow both sides answer, and one is used."""
    seen = rollouts.show(life.desk, life.story.slug)
    count = CALLS // 30
    for _ in range(days):
        life.clock.move(days=1)
        at, tuned = life.clock.now() - timedelta(hours=1), round(count * seen.share)
        shadow = count if seen.stage is Stage.SHADOW else 0
        _calls(
            life,
            [
                _Calls(at, "tuned", shadow, 0.0, CallRole.SHADOW),
                _Calls(at, "tuned", tuned, 0.0),
                _Calls(at, "baseline", count - tuned, _call_usd(DEAR)),
            ],
        )
        _record(life, seen.rollout_id, {"tuned": tuned or shadow, "baseline": count - tuned})


def _record(life: Life, rollout_id: int, calls: dict[str, int]) -> None:
    """A day of the stage's evidence: every call a unit of its own, none of them bad."""
    now = life.desk.services.clock.now()
    with life.desk.services.database.write() as tx:
        root = evidence.starts(tx, rollout_id)[-1].root
        for arm, n in calls.items():
            tx.add(StageCount(root=root, arm=arm, day=now.date(), n=n, newest=now))
            for name in ("errors", "invalid"):
                tx.add(StageScore(root=root, arm=arm, guardrail=name, day=now.date(), bad=0, n=1, units=n))


def _obey(life: Life) -> Iterator[Happened]:
    """The team does what a digest says when it says retire: two requests, each approved by somebody else."""
    with life.desk.services.database.read() as tx:
        looks = checkups.of_feature(tx, feature_rows.by_slug(tx, life.story.slug).id or 0)
    if looks[-1].advice is not Advice.RETIRE or not _share(life):
        return
    while _share(life):
        asked = retirements.retire(life.desk, life.mara, life.story.slug)
        approvals.approve(life.desk, JONAS, asked.token)
        retire_stage(DirectStepper(life.desk.services), Approved(approval_id=asked.id or 0))
        yield Happened(life.clock.now(), f"1 approved: {life.story.slug} goes down to {asked.to_share:.0%}")
        life.clock.move(days=1)
    yield Happened(life.clock.now(), f"{life.story.slug} is retired: all calls go to the prompted model again")


@dataclass(frozen=True)
class _Calls:
    at: datetime
    side: str
    count: int
    usd: float
    role: CallRole = CallRole.ANSWER


def _calls(life: Life, found: list[_Calls]) -> None:
    with life.desk.services.database.write() as tx:
        feature_id, prompted = feature_rows.by_slug(tx, life.story.slug).id or 0, life.story.first_model
        for one in found:
            if one.count:
                tx.add(HourlyUsage(
                    hour=one.at.replace(minute=0, second=0, microsecond=0), feature_id=feature_id, assigned=one.side,
                    served=one.side, model=prompted if one.side == "baseline" else "tuned", source="simulated",
                    n=one.count, role=one.role, tokens_in=one.count * FED, tokens_out=one.count * SAID,
                    cost_nano_usd=from_usd(one.usd) * one.count,
                ))  # fmt: skip


def _share(life: Life) -> float:
    with life.desk.services.database.read() as tx:
        found = rollout_rows.route(tx, feature_rows.by_slug(tx, life.story.slug).id or 0)
    return found.share if found else 0.0


def _price(life: Life, model: str, dollars: tuple[float, float], at: datetime) -> None:
    fed, said = dollars
    price = prices.DatedPrice(
        model=model, input_usd=fed, output_usd=said, starts_on=at.date(), source="simulated, for the demo"
    )
    prices.set_price(life.desk, life.mara, price)


def _call_usd(dollars: tuple[float, float]) -> float:
    return (FED * dollars[0] + SAID * dollars[1]) / 1e6


def _today(life: Life, at: datetime) -> tuple[float, float]:
    rows = [
        row
        for row in prices.own_prices(life.desk).rows
        if row.model == life.story.first_model and row.starts_on <= f"{at:%Y-%m-%d}"
    ]
    return rows[-1].input_usd, rows[-1].output_usd


def _digest_policy(life: Life) -> DigestPolicy:
    with life.desk.services.database.read() as tx:
        return policy_rows.current(tx).digest
