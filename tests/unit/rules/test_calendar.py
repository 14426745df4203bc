"""The digest falls due on the first working day of a month (docs/decisions/0021-when-the-digest-is-due.md)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.rules.calendar import (
    DigestPolicy,
    bounds,
    digest_due,
    digests_due,
    due_at,
    following,
    period_of,
    week_due,
    zone_of,
)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


EARLY = at("2026-01-05")
moments = st.integers(0, 100 * 365 * 24).map(lambda hours: at("2001-01-01") + timedelta(hours=hours))

DUE = [
    ("2026-10-01T08:59", None),  # a Thursday, one minute early
    ("2026-10-01T09:00", "2026-09"),
    ("2026-10-31T23:59", "2026-09"),  # late, but still its month
    ("2026-11-01T12:00", None),  # a Sunday
    ("2026-11-02T08:00", None),
    ("2026-11-02T09:00", "2026-10"),
    ("2026-08-01T12:00", None),  # a Saturday
    ("2026-08-03T09:00", "2026-07"),
    ("2027-01-01T09:00", "2026-12"),  # holidays are not known here
]


@pytest.mark.parametrize(("now", "period"), DUE)
def test_the_digest_is_due_on_the_first_working_day(now: str, period: str | None) -> None:
    assert digest_due(at(now), EARLY) == period


def test_a_team_may_choose_the_hour() -> None:
    assert digest_due(at("2026-10-01T07:00"), EARLY, DigestPolicy(hour=7)) == "2026-09"
    assert digest_due(at("2026-10-01T09:00"), EARLY, DigestPolicy(hour=17)) is None


def test_no_digest_tells_of_a_month_before_the_deployment() -> None:
    assert digest_due(at("2026-10-01T09:00"), at("2026-10-01T08:00")) is None
    assert digest_due(at("2026-10-01T09:00"), at("2026-10-01T00:00")) is None
    assert digest_due(at("2026-10-01T09:00"), at("2026-09-30T23:00")) == "2026-09"


def test_a_deployment_after_a_replayed_now_counts_as_there() -> None:
    assert digest_due(at("2026-10-01T09:00"), at("2027-03-01")) == "2026-09"


def test_a_month_is_bounded_by_its_first_moment_and_the_next_months() -> None:
    assert bounds("2026-12") == (at("2026-12-01"), at("2027-01-01"))
    assert bounds("2028-02") == (at("2028-02-01"), at("2028-03-01"))


@given(moments)
def test_every_moment_lies_in_its_own_month(moment: datetime) -> None:
    start, end = bounds(period_of(moment))
    assert start <= moment < end
    assert end - start <= timedelta(days=31)


@given(moments)
def test_what_is_due_is_always_the_month_before(moment: datetime) -> None:
    due = digest_due(moment, datetime(2000, 1, 1, tzinfo=UTC))
    if due is not None:
        assert bounds(due)[1] == bounds(period_of(moment))[0]
    if moment.day > 3:
        assert due is not None


@pytest.mark.parametrize("text", ["2026", "2026-13", "October"])
def test_text_that_is_no_month_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=text):
        bounds(text)


BERLIN = DigestPolicy(hour=9, zone="Europe/Berlin")


def test_the_hour_is_the_teams_own_in_winter_and_in_summer() -> None:
    assert due_at("2026-10", BERLIN) == at("2026-11-02T08:00")
    assert due_at("2026-06", BERLIN) == at("2026-07-01T07:00")
    assert due_at("2026-10", DigestPolicy(hour=9, zone="America/New_York")) == at("2026-11-02T14:00"), (
        "the Sunday before, their clocks went back"
    )
    assert digest_due(at("2026-11-02T07:59"), EARLY, BERLIN) is None
    assert digest_due(at("2026-11-02T08:00"), EARLY, BERLIN) == "2026-10"


@pytest.mark.parametrize("name", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Auckland"])
def test_clocks_going_forth_and_back_move_no_digest_off_its_hour(name: str) -> None:
    rules, zone = DigestPolicy(hour=9, zone=name), zone_of(name)
    moments = [due_at(following("2025-12", months), rules) for months in range(48)]
    assert {moment.astimezone(zone).hour for moment in moments} == {9}
    assert all(moment.astimezone(zone).weekday() < 5 for moment in moments)
    assert len({(moment.hour, moment.minute) for moment in moments}) > 1, "summer and winter differ in UTC"
    assert moments == sorted(set(moments))


def test_the_month_is_that_of_the_teams_own_calendar() -> None:
    tokyo = DigestPolicy(hour=0, zone="Asia/Tokyo")
    assert digest_due(at("2026-09-30T14:59"), EARLY, tokyo) == "2026-08"
    assert digest_due(at("2026-09-30T15:00"), EARLY, tokyo) == "2026-09", "it is October there"


def test_months_that_were_slept_through_are_all_due_oldest_first_a_year_at_most() -> None:
    assert digests_due(at("2026-05-04T12:00"), at("2026-02-10")) == ("2026-02", "2026-03", "2026-04")
    assert digests_due(at("2026-03-02T08:59"), at("2026-02-10")) == ()
    assert digests_due(at("2026-03-02T09:00"), at("2026-02-10")) == ("2026-02",)
    assert len(digests_due(at("2026-05-04T12:00"), at("2020-01-01"))) == 12
    assert digests_due(at("2026-05-04T12:00"), at("2027-01-01")) == ("2026-04",), "a replayed clock"
    assert digests_due(at("2026-05-01T08:00"), at("2027-01-01")) == ()


@given(moments)
def test_the_newest_digest_due_is_the_last_of_those_due(now: datetime) -> None:
    newest = digest_due(now, EARLY)
    if newest is not None:
        assert digests_due(now, EARLY)[-1] == newest


def test_a_week_begins_at_the_teams_day_and_hour() -> None:
    assert week_due(at("2026-11-23T09:00")) == "2026-W48"
    assert week_due(at("2026-11-23T08:59")) == "2026-W47"
    assert week_due(at("2026-11-29T23:59")) == "2026-W48"
    assert week_due(at("2026-11-24T08:00"), DigestPolicy(zone="Europe/Berlin", weekday=1)) == "2026-W48"
    assert week_due(at("2026-11-24T07:59"), DigestPolicy(zone="Europe/Berlin", weekday=1)) == "2026-W47"
    assert week_due(at("2027-01-01T12:00")) == "2026-W53"


def test_months_follow_one_another_over_the_turn_of_a_year() -> None:
    assert following("2026-12") == "2027-01"
    assert following("2026-01", -1) == "2025-12"
    with pytest.raises(ValueError, match="period"):
        following("2026")


def test_a_zone_nobody_knows_is_refused() -> None:
    for name in ("Mars/Olympus", "", "../etc/passwd"):
        with pytest.raises(ValueError, match="IANA name"):
            zone_of(name)
