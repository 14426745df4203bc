"""What a stage shows comes from the calls the gateway recorded, by the side they were assigned to; harm goes back."""

from __future__ import annotations

import math
import random
from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import select

from engine.desk import Desk, rollouts, routes
from engine.desk import roles as grants
from engine.flows import ingest
from engine.flows.steps import stage as stages
from engine.models.actor import Role
from engine.models.evidence import StageUnit
from engine.models.mail import Outbox
from engine.models.rollout import RolloutStatus, Stage
from engine.rules import frame
from engine.rules.frame import Arm, Flag, Frame, Why
from engine.rules.rollout import SHARES
from engine.rules.sequential import (
    StageCounts,
    StageRates,
    StageScores,
    log_e_harm,
    log_e_mismatch,
    log_e_mismatch_by_day,
    log_e_safe,
)
from engine.store import evidence, spool
from engine.store import rollouts as rollout_rows
from engine.testing.clock import FixedClock
from tests.builders import ANN, BO, CY, SHELL, SLUG, a_feature, a_verdict, waiting
from tests.desk.climbing import climb
from tests.ingest.spooled import MODELS, Writer, a_frame, segment
from tests.ingest.totals import some_prices

TUNED = "http://10.0.0.5:8000/v1"


@pytest.fixture
def counter(desk: Desk) -> Desk:
    """A feature with a verdict that ships, three approvers, and a place where the candidate is served."""
    a_feature(desk, model=MODELS[0])
    some_prices(desk.services)
    grants.name(desk, SHELL, SLUG, {Role.APPROVER: (ANN.id, BO.id, CY.id)})
    a_verdict(desk)
    return desk


def at_stage(desk: Desk, clock: FixedClock, stage: Stage, **decided: str) -> str:
    """Climb to a stage; its key."""
    routes.decide(desk, SHELL, SLUG, {"tuned_url": TUNED, **decided})
    climb(desk, clock, stage)
    with desk.services.database.read() as tx:
        route = rollout_rows.route(tx, 1)
    assert route is not None
    return route.stage


def calls(
    clock: FixedClock, key: str, stage: Stage, *, units: int, each: int = 4, bad: float = 0.0, seed: int = 1
) -> list[Frame]:
    """Calls of so many units; on the tuned side a share of them fell back to the baseline."""
    draw = random.Random(seed)
    share = SHARES[stage] * 0.99
    made: list[Frame] = []
    for unit in range(units):
        arm = Arm(draw.random() < share)
        for number in range(each):
            fell = arm is Arm.TUNED and draw.random() < bad
            at_ms = int(clock.now().timestamp() * 1000) - draw.randrange(600_000)
            made.append(
                a_frame(
                    unit * each + number, at_ms=at_ms, stage=key, unit=f"user-{unit}", assigned=arm, share=share,
                    served=Arm.BASELINE if fell else arm, why=Why.FALLBACK if fell else Why.SPLIT,
                )
            )  # fmt: skip
    return made


def recorded(desk: Desk, key: str, frames: list[Frame], stem: str = "host-1-1764066600000-1") -> None:
    """Have the gateway write frames, and store them."""
    with segment(desk.services.settings.spool_folder, stem) as writer:
        writer.name(key)
        writer.append(*frames)
    ingest.once(desk.services)


def test_a_sticky_unit_enters_once_when_its_day_is_over(counter: Desk, clock: FixedClock) -> None:
    key = at_stage(counter, clock, Stage.CANARY_25)
    frames = calls(clock, key, Stage.CANARY_25, units=300, each=4, bad=0.5)
    recorded(counter, key, frames)
    seen = rollouts.show(counter, SLUG).evidence
    baseline, tuned = seen.arms
    of_tuned = [one for one in frames if one.assigned == Arm.TUNED]
    assert (baseline.n, tuned.n) == (len(frames) - len(of_tuned), len(of_tuned))
    assert tuned.errors == sum(one.why == Why.FALLBACK for one in of_tuned), "a fallback hides nothing"
    assert baseline.errors == 0
    assert (baseline.units, tuned.units) == (0, 0), "their day is open"
    assert tuned.cost_nano_usd > 0
    clock.move(hours=13)
    ingest.once(counter.services)
    with counter.services.database.read() as tx:
        assert list(tx.exec(select(StageUnit))) == []
    baseline, tuned = rollouts.show(counter, SLUG).evidence.arms
    assert (baseline.units + tuned.units, tuned.units) == (300, len(of_tuned) // 4)


def test_harm_by_unit_is_taken_back_by_the_machine_and_told(counter: Desk, clock: FixedClock) -> None:
    key = at_stage(counter, clock, Stage.CANARY_25)
    recorded(counter, key, calls(clock, key, Stage.CANARY_25, units=800, bad=0.3))
    assert stages.tick(counter.services) == [], "no unit's day is over"
    clock.move(hours=13)
    recorded(counter, key, calls(clock, key, Stage.CANARY_25, units=40, seed=2), "host-1-1764066600001-1")
    said = rollouts.show(counter, SLUG)
    assert said.gate == "ROLLBACK"
    assert "harm: errors" in said.reasons
    assert stages.tick(counter.services) == [SLUG]
    back = rollouts.show(counter, SLUG)
    assert (back.status, back.share, back.share_before) == (RolloutStatus.ROLLED_BACK, 0.0, 0.25)
    assert {(row.entity, row.kind.partition("-")[0]) for row in waiting(counter)} >= {("machine", "notice")}
    assert stages.tick(counter.services) == []


def test_equal_sides_are_left_alone_and_units_are_counted(counter: Desk, clock: FixedClock) -> None:
    key = at_stage(counter, clock, Stage.CANARY_5)
    recorded(counter, key, calls(clock, key, Stage.CANARY_5, units=3_000, each=1))
    clock.move(hours=13)
    recorded(counter, key, calls(clock, key, Stage.CANARY_5, units=50, each=1, seed=3), "host-1-1764066600001-1")
    assert stages.tick(counter.services) == []
    said = rollouts.show(counter, SLUG)
    assert said.gate == "HOLD"
    assert set(said.reasons) == {"too few hours", "too few units"}
    assert {one.name for one in said.evidence.guardrails} == {"errors", "invalid", "slow", "thumbs_down"}
    assert all(one.limit == pytest.approx(math.log(4 / 0.025)) for one in said.evidence.guardrails)


def test_the_stages_message_follows_what_comes_in_and_says_how_long_it_takes(counter: Desk, clock: FixedClock) -> None:
    key = at_stage(counter, clock, Stage.CANARY_5)
    before = rollouts.show(counter, SLUG).horizon
    assert before.days is not None
    assert before.is_slow, "a few thousand calls in a month"
    recorded(counter, key, calls(clock, key, Stage.CANARY_5, units=3_000, each=1))
    with counter.services.database.write() as tx:
        for row in tx.exec(select(Outbox)):
            tx.delete(row)
    stages.tick(counter.services)
    assert [(row.entity, row.kind) for row in waiting(counter)] == [("rollout", "card")]
    clock.move(hours=13)
    recorded(counter, key, calls(clock, key, Stage.CANARY_5, units=50, each=1, seed=3), "host-1-1764066600001-1")
    after = rollouts.show(counter, SLUG).horizon
    assert {one.name: round(one.need) for one in after.needs} == {"hours": 24, "units": 500}
    assert {one.name: round(one.have) for one in after.needs}["hours"] == 13
    assert after.days is not None
    assert after.days < before.days, "more traffic, and half a day later"


def test_silence_pauses_and_a_live_gateway_without_calls_is_no_silence(counter: Desk, clock: FixedClock) -> None:
    key = at_stage(counter, clock, Stage.CANARY_5)
    writer = Writer(counter.services.settings.spool_folder)
    writer.name(key)
    writer.append(*calls(clock, key, Stage.CANARY_5, units=50))
    ingest.once(counter.services)
    clock.move(minutes=10)
    ingest.once(counter.services)
    assert stages.tick(counter.services) == []
    writer.close()
    ingest.once(counter.services)
    clock.move(minutes=3)
    assert stages.tick(counter.services) == [SLUG]
    said = rollouts.show(counter, SLUG)
    assert (said.status, said.reason) == (RolloutStatus.PAUSED, "no call of it was recorded lately")
    assert said.share == 0.05, "a pause keeps the split"


def test_pause_and_resume_go_on_with_the_same_stage(counter: Desk, clock: FixedClock) -> None:
    key = at_stage(counter, clock, Stage.CANARY_5)
    recorded(counter, key, calls(clock, key, Stage.CANARY_5, units=100))
    before = rollouts.show(counter, SLUG).evidence.arms
    rollouts.lower(counter, ANN, SLUG, "pause")
    rollouts.lower(counter, ANN, SLUG, "resume")
    assert rollouts.show(counter, SLUG).evidence.arms == before
    with counter.services.database.read() as tx:
        starts = evidence.starts(tx, 1)
    assert len({start.key for start in starts}) == len(starts)
    assert [start.root for start in starts[-3:]] == [key] * 3


def test_a_unit_that_was_not_drawn_by_the_stage_shows_nothing(counter: Desk, clock: FixedClock) -> None:
    key = at_stage(counter, clock, Stage.CANARY_5)
    drawn = calls(clock, key, Stage.CANARY_5, units=100)
    tripped = [one._replace(share=0.0, why=Why.TRIPPED, assigned=Arm.BASELINE) for one in drawn]
    left = [one._replace(status=499, flags=Flag.CANCELLED) for one in drawn]
    recorded(counter, key, [*tripped, *left])
    (baseline, _) = rollouts.show(counter, SLUG).evidence.arms
    assert baseline.n == sum(one.assigned == Arm.BASELINE for one in drawn)
    assert baseline.errors == 0, "who left is no error"


def test_a_call_that_stands_for_itself_needs_no_day(counter: Desk, clock: FixedClock) -> None:
    key = at_stage(counter, clock, Stage.CANARY_5, unit="request")
    recorded(counter, key, calls(clock, key, Stage.CANARY_5, units=100, each=3))
    arms = rollouts.show(counter, SLUG).evidence.arms
    assert sum(arm.units for arm in arms) == 300
    with counter.services.database.read() as tx:
        assert list(tx.exec(select(StageUnit))) == []


def test_shadow_compares_copies_with_answers(counter: Desk, clock: FixedClock) -> None:
    key = at_stage(counter, clock, Stage.SHADOW)
    answers = calls(clock, key, Stage.DRAFT, units=60, each=1)
    copies = [
        one._replace(role=frame.Role.SHADOW, assigned=Arm.BASELINE, served=Arm.TUNED, status=500) for one in answers
    ]
    recorded(counter, key, [*answers, *copies])
    baseline, tuned = rollouts.show(counter, SLUG).evidence.arms
    assert (baseline.n, baseline.errors, tuned.n, tuned.errors) == (60, 0, 60, 60)


def test_feedback_meets_its_call_and_thumbs_are_a_guardrail(counter: Desk, clock: FixedClock) -> None:
    key = at_stage(counter, clock, Stage.CANARY_25)
    frames = calls(clock, key, Stage.CANARY_25, units=40, each=1)
    now_ms = int(clock.now().timestamp() * 1000)
    folder = counter.services.settings.spool_folder
    with segment(folder, "host-2-1-1") as writer:  # feedback comes before its call is stored
        for at, one in enumerate(frames):
            score = -1.0 if one.assigned == Arm.TUNED else 1.0
            slugs = [SLUG] if at else ["another"]
            writer.event(kind="feedback", id=one.id.hex(), features=slugs, score=score, at_ms=now_ms)
        writer.event(kind="feedback", id="0" * 32, features=[SLUG], score=1, at_ms=now_ms)
    assert ingest.once(counter.services).feedback == 0
    recorded(counter, key, frames)
    arms = rollouts.show(counter, SLUG).evidence.arms
    assert sum(arm.thumbs for arm in arms) == len(frames) - 1
    assert [arm.thumbs_down for arm in arms] == [0, sum(one.assigned == Arm.TUNED for one in frames[1:])]
    clock.move(hours=25)
    ingest.once(counter.services)
    with counter.services.database.read() as tx:
        assert spool.tallies(tx) == {"feedback of another's call": 1, "feedback without a call": 1}


def test_rates_in_bulk_are_the_scores_one_by_one() -> None:
    draw = random.Random(4)
    tuned, baseline = ([draw.choice([0.0, 0.25, 0.5, 1.0]) for _ in range(n)] for n in (60, 200))
    one_by_one = [StageScores(0.25, 0.1, tuned, baseline)]
    bulk = [StageRates(0.25, 0.1, *({x: many.count(x) for x in set(many)} for many in (tuned, baseline)))]
    assert log_e_harm(bulk, 0.02) == pytest.approx(log_e_harm(one_by_one, 0.02))
    assert log_e_safe(bulk, 0.02) == pytest.approx(log_e_safe(one_by_one, 0.02))
    counts = StageCounts(0.25, 0.1, 3, 40, 5, 200)
    rates = StageRates(0.25, 0.1, {1.0: 3, 0.0: 40}, {1.0: 5, 0.0: 200})
    assert log_e_harm([rates]) == pytest.approx(log_e_harm([counts]))


def test_the_same_units_coming_back_are_no_broken_split() -> None:
    """100 units, 60 of them tuned at a share of one half, on 30 days: chance, and not 3,000 draws."""
    days = [(60, 40)] * 30
    assert log_e_mismatch(60 * 30, 40 * 30, 0.5) > math.log(1000), "multiplied they would alarm"
    assert log_e_mismatch_by_day(days, 0.5) < math.log(2)
    assert log_e_mismatch_by_day([(9_000, 1_000)], 0.5) > math.log(1000)
    assert log_e_mismatch_by_day([], 0.5) == 0.0


def test_stale_days_do_not_reach_into_the_next(counter: Desk, clock: FixedClock) -> None:
    key = at_stage(counter, clock, Stage.CANARY_5, unit="sticky")
    day = datetime(2026, 12, 31, 23, 59, tzinfo=UTC)
    clock.move(hours=(day - clock.now()) / timedelta(hours=1))
    frames = calls(clock, key, Stage.CANARY_5, units=5, each=40)
    recorded(counter, key, frames)
    with counter.services.database.read() as tx:
        rows = list(tx.exec(select(StageUnit)))
    assert {row.day for row in rows} == {day.date()}
    assert sum(row.n for row in rows) == len(frames)
