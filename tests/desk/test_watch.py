"""Live models as they age: the clock, snoozing advice, retiring by steps under approval, and the week's alerts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from engine.desk import Desk, approvals, digests, policies, retirements, rollouts, routes, watch
from engine.errors import Conflict, Invalid, NotAllowed, NotReady
from engine.flows.advance_stage import Approved
from engine.flows.alerts import Week, alerts
from engine.flows.retire import retire_stage
from engine.flows.steps.stage import Advanced
from engine.models.actor import Actor, Role
from engine.models.rollout import ApprovalState, Mode, RolloutStatus, Stage
from engine.store import rollouts as rollout_rows
from engine.testing.clock import FixedClock
from tests.builders import ANN, ASKER, BO, SHELL, SLUG, Inline, a_feature, the_rollout, waiting
from tests.desk.climbing import route
from tests.desk.test_words import say
from tests.flows.live import START, a_live_model, a_month_of_traffic, a_price, looked
from tests.listing import listing

FEBRUARY = datetime(2026, 2, 2, 9, tzinfo=UTC)
VOTER = Actor(id=ANN.id, role=Role.OPERATOR)
REASON = "the contract ends in spring"


@pytest.fixture
def live(desk: Desk, clock: FixedClock) -> Desk:
    """A model live all January, its checkup made on 2 February."""
    a_live_model(desk, clock)
    a_month_of_traffic(desk, START, 31)
    looked(desk, clock, "2026-01", FEBRUARY)
    return desk


def executed(desk: Desk, token: str) -> Advanced:
    """What the engine does with an approved request."""
    with desk.services.database.read() as tx:
        approval_id = rollout_rows.approval_by_token(tx, token).id or 0
    return retire_stage(Inline(desk.services), Approved(approval_id=approval_id))


def test_the_clock_shows_every_live_model_the_stalest_first_with_its_months(live: Desk) -> None:
    told = say(live, "stale")
    assert f"{SLUG}: keep, 47 % cheaper than the best prompted option; only 1 months; no date can be given" in told
    assert "From now on keeping costs $1,100 a month; the best prompted option $2,000." in told
    assert "Month by month: 2026-01 47 %." in told


def test_nothing_live_is_nothing_stale(desk: Desk) -> None:
    a_feature(desk)
    assert "No tuned model is live" in say(desk, "stale")


def test_a_snooze_needs_a_reason_and_an_end(live: Desk) -> None:
    for days, reason in ((0, REASON), (91, REASON), (30, "no"), (30, " " * 40)):
        with pytest.raises(Invalid):
            watch.snooze(live, ASKER, SLUG, days=days, reason=reason)
    with pytest.raises(Invalid):
        say(live, f"snooze {SLUG} days=30")
    with pytest.raises(NotAllowed):
        say(live, f'snooze {SLUG} days=30 reason="{REASON}"', BO)


def test_a_snooze_hides_the_advice_changes_nothing_stays_visible_and_ends(live: Desk, clock: FixedClock) -> None:
    assert "It stays KEEP" in say(live, f'snooze {SLUG} days=30 reason="{REASON}"', ASKER)
    line = digests.so_far(live).lines[0]
    assert line["snooze"] == {"by": "U1", "until": "2026-03-04", "reason": REASON}
    assert "snoozed until 2026-03-04" in say(live, "digest now")
    clock.move(days=31)
    assert digests.so_far(live).lines[0]["snooze"] is None
    assert "snooze feature" in say(live, f"audit {SLUG}")


def test_a_model_is_retired_by_two_steps_each_approved_by_somebody_else(live: Desk) -> None:
    first = retirements.retire(live, ASKER, SLUG)
    assert retirements.retire(live, ASKER, SLUG).token == first.token, "the same request that waits is given back"
    with pytest.raises(NotAllowed, match="somebody else"):
        approvals.approve(live, ASKER, first.token)
    approvals.approve(live, VOTER, first.token)
    assert executed(live, first.token).share == 0.5
    assert (route(live).mode, route(live).share) == (Mode.CANARY, 0.5)
    assert executed(live, first.token).share == 0.5, "an executed request does nothing again"
    second = retirements.retire(live, ASKER, SLUG)
    assert second.token != first.token
    approvals.approve(live, VOTER, second.token)
    assert executed(live, second.token).share == 0.0
    assert the_rollout(live).status is RolloutStatus.RETIRED
    assert (route(live).mode, route(live).share) == (Mode.RETIRED, 0.0)
    memo = retirements.memo(live, the_rollout(live).id or 0)
    assert (memo.months, memo.saved_usd, memo.spent_usd) == (1, pytest.approx(962.0), 6448.8)
    assert [row.entity for row in waiting(live)].count("memo") == 1
    with pytest.raises(NotReady, match="no tuned model"):
        retirements.retire(live, ASKER, SLUG)


def test_a_request_to_retire_is_over_when_the_rollout_moved(live: Desk) -> None:
    asked = retirements.retire(live, ASKER, SLUG)
    approvals.approve(live, VOTER, asked.token)
    rollouts.lower(live, ASKER, SLUG, "rollback", reason="refunds go wrong")
    done = executed(live, asked.token)
    assert done.share == 0.0
    assert approvals.show(live, asked.token).state is ApprovalState.SUPERSEDED
    assert the_rollout(live).status is RolloutStatus.ROLLED_BACK


def test_a_request_to_retire_ends_one_to_rise_and_is_told_as_what_it_is(live: Desk) -> None:
    with live.services.database.write() as tx:
        rollout = rollout_rows.newest_of(tx, 1)
        assert rollout is not None
        rollout.stage, rollout.share = Stage.CANARY_50, 0.5
        tx.add(rollout)
    asked = retirements.retire(live, ASKER, SLUG)
    assert (asked.to_share, asked.retires) == (0.0, True)
    told = say(live, "approvals")
    assert f"{SLUG}: take the tuned model back, from 50 % of traffic to none: it is retired" in told
    approvals.approve(live, VOTER, asked.token)
    with pytest.raises(Conflict):
        approvals.approve(live, VOTER, asked.token)


def test_a_rollout_that_answers_nothing_yet_cannot_be_retired(desk: Desk, clock: FixedClock) -> None:
    a_live_model(desk, clock)
    with desk.services.database.write() as tx:
        rollout = rollout_rows.newest_of(tx, 1)
        assert rollout is not None
        rollout.stage, rollout.share = Stage.SHADOW, 0.0
        tx.add(rollout)
    with pytest.raises(NotReady, match="answers no call"):
        retirements.retire(desk, ASKER, SLUG)


def test_a_shutdown_is_told_once_at_each_notice_and_a_quiet_week_is_silent(live: Desk, clock: FixedClock) -> None:
    policies.change(live, ASKER, "", {"rebaseline_shutdowns": "gpt-4o-mini=2026-08-20"})
    told: list[tuple[str, int]] = []
    for week in range(29):
        clock.moment = FEBRUARY + timedelta(days=7 * week)
        name = f"{clock.moment:%G-W%V}"
        if alerts(Inline(live.services), Week(period=name)).alerts:
            (one,) = watch.alerts(live, name).alerts
            told.append((one["what"], one["days"]))
    assert [what for what, _ in told] == ["shutdown"] * 4
    assert [days for _, days in told] == [178, 87, 24, 3], "the first week at or under 180, 90, 30 and 7 days"
    assert [row.entity for row in waiting(live)].count("alerts") == 4


def test_a_shutdown_of_its_own_platform_retires_a_model_and_one_of_the_prompted_model_does_not(
    live: Desk, clock: FixedClock
) -> None:
    on = (FEBRUARY + timedelta(days=80)).date()
    policies.change(live, ASKER, "", {"rebaseline_shutdowns": f"gpt-4o-mini={on}"})
    line = digests.so_far(live).lines[0]
    assert line["shutdowns"] == [{"name": "gpt-4o-mini", "side": "prompted", "on": str(on), "days": 80}]
    assert line["advice"] != "RETIRE"
    assert "gpt-4o-mini shuts down on 2026-04-23, in 80 days" in say(live, "digest now")
    policies.change(live, ASKER, "", {"rebaseline_shutdowns": f"{SLUG}={on}"})
    a_month_of_traffic(live, datetime(2026, 2, 1, tzinfo=UTC), 2)
    line = digests.so_far(live).lines[0]
    assert (line["advice"], line["reasons"]) == ("RETIRE", ["its platform shuts down"])


def test_a_shutdown_that_an_endpoint_announces_is_advised_on_with_its_date_and_told_four_times(
    desk: Desk, clock: FixedClock
) -> None:
    listed: dict[str, str | None] = {"gpt-4o-mini": None, "tuned-1": None}
    with listing(listed) as url:
        a_live_model(desk, clock, base_url=url)
        routes.decide(desk, SHELL, SLUG, {"tuned_url": url, "tuned_model": "tuned-1"})
        a_month_of_traffic(desk, START, 180)
        on = START.date() + timedelta(days=185)
        listed |= {"gpt-4o-mini": str(on), "tuned-1": str(on)}
        told: list[tuple[str, int]] = []
        for week in range(27):
            clock.moment = START + timedelta(days=7 * week, hours=9)
            name = f"{clock.moment:%G-W%V}"
            alerts(Inline(desk.services), Week(period=name))
            told += [
                (str(one["side"]), int(one["days"]))
                for one in watch.alerts(desk, name).alerts
                if one["what"] == "shutdown"
            ]
        assert sorted(told) == [(side, days) for side in ("prompted", "tuned") for days in (3, 24, 87, 178)]
        clock.moment = START + timedelta(days=105, hours=9)
        line = digests.so_far(desk).lines[0]
        assert (line["advice"], line["reasons"]) == ("RETIRE", ["its platform shuts down"])
        said = say(desk, "digest now")
    assert f"gpt-4o-mini shuts down on {on}, in 80 days: migrate to another model." in said


def test_a_price_that_makes_prompting_cheaper_is_told_once_in_the_week_it_begins(live: Desk, clock: FixedClock) -> None:
    a_price(live, datetime(2026, 2, 9, tzinfo=UTC), fed_usd=1.0, said_usd=4.0)
    a_month_of_traffic(live, datetime(2026, 2, 1, tzinfo=UTC), 28)
    weeks: list[str] = []
    for day in (2, 9, 16, 23):
        clock.moment = datetime(2026, 2, day, 12, tzinfo=UTC)
        alerts(Inline(live.services), Week(period=f"W{day}"))
        weeks += [str(one["what"]) for one in watch.alerts(live, f"W{day}").alerts]
    assert weeks.count("crossed") == 1
