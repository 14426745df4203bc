"""A team's year on a fixed clock: real rules, simulated traffic, and every digest's figures by hand.

60,000 calls a month of 2,000 tokens in and 50 out. At $15 and $60 a million a call is $.033, so prompting costs $1,980
a month; a third of that from month 7, $660; the better model of month 9 takes $1 and $5: $.00225 a call, $135 a month,
and $1,200 once to change over, $100 a month for a year: $235. The tuned model's fixed month is $73 for a small server,
$300 / 12 for retraining and $200 of operations: $298.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.blockkit.render import render
from bot.cli import demo_year
from bot.messages import digest
from engine.desk import Desk, audit, digests, retirements
from engine.models.rollout import RolloutStatus, Stage
from engine.rules.calendar import digests_due
from engine.store import rollouts
from engine.testing import year
from engine.testing.clock import FixedClock
from tests.builders import waiting
from tests.prepared import sqlite_in

FIXED = 73.0 + 25.0 + 200.0
DEAR, CUT, BETTER = 1_980.0, 660.0, 135.0 + 100.0
# The first month: shadow from 1 December 09:00; 2 days each in shadow, at 1, 5 and 25 %, 8 days at half, then all.
FIRST_PROMPTED = (4_000 + 3_960 + 3_800 + 3_000 + 8_000) * 0.033
FIRST_PAID = FIRST_PROMPTED + FIXED * (31 - 9 / 24) / 31
# The last: the prompted model answers all; the server ran until 3 November 08:00.
LAST_PAID = CUT + FIXED * (2 + 8 / 24) / 30

#        month      advice    paid        prompted  advantage
BY_HAND = [
    ("2025-12", "KEEP", FIRST_PAID, DEAR, 1 - FIXED / DEAR),
    *((f"2026-{month:02d}", "KEEP", FIXED, DEAR, 1 - FIXED / DEAR) for month in range(1, 6)),
    *((f"2026-{month:02d}", "KEEP", FIXED, CUT, 1 - FIXED / CUT) for month in (6, 7)),
    *((f"2026-{month:02d}", "WATCH", FIXED, CUT, 1 - FIXED / BETTER) for month in (8, 9)),
    ("2026-10", "RETIRE", FIXED, CUT, 1 - FIXED / BETTER),
    ("2026-11", None, LAST_PAID, CUT, None),
]


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """The year is long; it is lived on SQLite."""
    return sqlite_in(tmp_path)


@pytest.fixture
def lived(desk: Desk, clock: FixedClock) -> tuple[Desk, list[year.Happened]]:
    """The desk after the year, and what happened in it."""
    return desk, list(year.play(desk, clock, "2025-12"))


def test_the_demos_team_is_told_of_no_month_before_its_year() -> None:
    after = datetime(2026, 1, 2, 12, tzinfo=UTC)
    assert digests_due(after, demo_year.founded("2025-12").now()) == ("2025-12",)


def test_a_teams_year_has_the_digests_and_the_advice_the_rules_say(
    lived: tuple[Desk, list[year.Happened]],
) -> None:
    desk, happened = lived
    assert [one.period for one in happened if one.period] == [period for period, *_ in BY_HAND]
    for at, (period, advice, paid, prompted, advantage) in enumerate(BY_HAND):
        seen = digests.show(desk, period)
        (facts,) = seen.lines
        assert facts.get("advice") == advice, period
        assert facts["bill"]["total_usd"] == pytest.approx(paid, abs=0.01), period
        assert facts["counterfactual_usd"] == pytest.approx(prompted, abs=0.01), period
        assert facts["saved_usd"] == pytest.approx(prompted - paid, abs=0.01), period
        if advantage is not None:
            assert facts["advantage"] == pytest.approx(advantage, abs=1e-6), period
        assert [(one["period"], round(one["paid_usd"], 2)) for one in seen.months] == [
            (name, round(sum_paid, 2)) for name, _, sum_paid, *_ in BY_HAND[: at + 1]
        ]
        assert seen.late_days == 0
    told = {period: render(digest.month(digests.show(desk, period))).said for period, *_ in BY_HAND}
    assert (
        "nothing is to be decided this month. Saved $1,700: paid $300 where prompting alone would have"
        in told["2026-03"]
    )
    assert "ticket-mood: watch, saved $360 (forecast $1,700) (simulated)" in told["2026-08"]
    assert (
        "3 bad months in a row. From now on keeping costs $300 a month; the best prompted option $240."
        in told["2026-10"]
    )
    assert all("simulated" in said for said in told.values())

    what = [one.what for one in happened]
    assert sum("SHIP_CHEAPER" in one for one in what) == 1
    climbed = [one for one in what if "approved: ticket-mood goes to" in one]
    assert [one.rpartition("(")[2].rstrip(")") for one in climbed] == [
        stage.value for stage in Stage if stage != "draft"
    ]
    assert all(one.startswith("2 approved") for one in climbed[3:]), "from a quarter of the traffic on"
    assert what.index("the digest of 2026-10 is posted") < what.index("1 approved: ticket-mood goes down to 50%")
    with desk.services.database.read() as tx:
        rollout = rollouts.newest_of(tx, 1)
    assert rollout is not None
    assert rollout.status is RolloutStatus.RETIRED
    memo = retirements.memo(desk, rollout.id or 0)
    assert memo.saved_usd == pytest.approx(sum(prompted - paid for _, _, paid, prompted, _ in BY_HAND), abs=0.01)
    assert audit.verify(desk).broken is None
    posts = [row.entity_id for row in waiting(desk) if row.entity == "digest"]
    assert sorted(posts) == [period for period, *_ in BY_HAND], "exactly one message for each month"
