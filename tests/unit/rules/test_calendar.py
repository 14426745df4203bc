"""The digest falls due on the first working day of a month (docs/decisions/0021-when-the-digest-is-due.md)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.rules.calendar import DigestPolicy, bounds, digest_due, period_of


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
