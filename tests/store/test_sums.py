"""Sums of a usage API are kept by bucket, and stand in the hours of their day in the place of what was there."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from engine.errors import Conflict
from engine.models.call import Call, UsageBucket, UsageSum
from engine.rules.sums import by_day
from engine.store import sums, usage
from engine.store.database import Database
from tests.builders import a_feature_row

DAY = datetime(2026, 10, 3, tzinfo=UTC)


def a_bucket(calls: int, start: datetime = DAY, *, hours: int = 24) -> UsageBucket:
    told = UsageSum(model="m", project="p", calls=calls, input_tokens=10 * calls, output_tokens=calls)
    return UsageBucket(start=start, end=start + timedelta(hours=hours), endpoint="completions", sums=(told,))


def test_the_larger_of_two_versions_stays_and_the_day_is_made_anew(database: Database) -> None:
    with database.write() as tx:
        feature_id = a_feature_row(tx, DAY).id or 0
    for calls, is_new in ((5, True), (8, True), (8, False), (5, False)):
        with database.write() as tx:
            assert sums.put(tx, feature_id, a_bucket(calls)) is is_new
            kept = sums.of_days(tx, feature_id, [DAY.date()])
            usage.rebook(tx, feature_id, [DAY.date()], by_day(kept, lambda one, _day: one.calls * 100))
    with database.read() as tx:
        assert sums.of_days(tx, feature_id, [DAY.date() + timedelta(days=1)]) == []
        found = usage.month(tx, feature_id, "2026-10")
    assert found is not None
    assert (found.calls, found.cost_nano, found.p95_ms) == (8, 800, None)


def test_calls_and_sums_of_one_day_refuse_each_other_and_those_of_two_do_not(database: Database) -> None:
    with database.write() as tx:
        feature_id = a_feature_row(tx, DAY).id or 0
        call = Call(id="c", at=DAY + timedelta(hours=23), model="m", input_tokens=1, output_tokens=1)
        usage.count_calls(tx, feature_id, [call], cost_of=lambda _call: 1, source="litellm")
        with pytest.raises(Conflict, match="counted already, from litellm"):
            sums.put(tx, feature_id, a_bucket(1, DAY + timedelta(hours=3), hours=1))
        assert sums.put(tx, feature_id, a_bucket(1, DAY + timedelta(days=1)))
        sums.refuse_summed(tx, feature_id, [DAY.date()])
        with pytest.raises(Conflict, match="known as a sum"):
            sums.refuse_summed(tx, feature_id, [DAY.date(), DAY.date() + timedelta(days=1)])
