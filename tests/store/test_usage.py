"""Calls are counted once, priced at the price of their day, and summed by hour and side."""

from __future__ import annotations

import random
import threading
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from sqlalchemy.exc import StatementError

from engine.models.call import Call, CallRole
from engine.models.money import Price
from engine.store import prices, seen, usage, volumes
from engine.teachers.prices import costing
from tests.builders import a_feature_row

NOW = datetime(2026, 11, 25, 9, tzinfo=UTC)
MODEL = "simulated-frontier-1"


@pytest.fixture
def feature_id(database) -> int:
    with database.write() as tx:
        feature = a_feature_row(tx, NOW)
        for starts_on, nano in ((date(2026, 1, 1), 2), (date(2026, 10, 15), 1)):
            prices.add(
                tx,
                Price(
                    model=MODEL,
                    starts_on=starts_on,
                    input_nano=nano * 10**9,
                    output_nano=8 * 10**9,
                    source="test",
                    by="U1",
                    created_at=NOW,
                ),
            )
        assert feature.id is not None
        return feature.id


def a_call(number: int, at: datetime, **more) -> Call:
    return Call(**{"id": f"c{number}", "at": at, "model": MODEL, "input_tokens": 1000, "output_tokens": 10, **more})


def add(database, feature_id, calls, *, source: str = "assay") -> tuple[int, int]:
    """How many calls were counted, and how many had been before."""
    with database.write() as tx:
        found = seen.take(tx, feature_id, list(calls), source=source, day=NOW.date())
        usage.count_calls(tx, feature_id, found.fresh, cost_of=costing(tx), source=source)
        return len(found.fresh), found.known


def test_a_month_is_summed_and_priced_by_day(database, feature_id) -> None:
    days = [datetime(2026, 10, day, 10, 30, tzinfo=UTC) for day in (1, 14, 15, 31)]
    calls = [a_call(number, day, latency_ms=100.0 * number) for number, day in enumerate(days, start=1)]
    add(database, feature_id, [*calls, a_call(9, datetime(2026, 11, 1, tzinfo=UTC))])
    with database.read() as tx:
        month = usage.month(tx, feature_id, "2026-10")
        assert usage.month(tx, feature_id, "2026-09") is None
    assert month is not None
    assert month.calls == 4
    assert month.cost_nano == 2 * 2_080_000 + 2 * 1_080_000  # 1,000 in at $2 then $1, 10 out at $8, per million
    assert month.unpriced == 0
    assert month.p95_ms == pytest.approx(300, rel=0.01)


def test_the_same_calls_again_change_nothing(database, feature_id) -> None:
    calls = [a_call(number, NOW - timedelta(hours=number % 50)) for number in range(900)]
    assert add(database, feature_id, calls) == (900, 0)
    with database.read() as tx:
        before = usage.last_month(tx, feature_id, NOW)
    assert add(database, feature_id, [*calls[::-1], calls[0], a_call(901, NOW)]) == (1, 901)
    with database.read() as tx:
        after = usage.last_month(tx, feature_id, NOW)
    assert before is not None
    assert after is not None
    assert (before.calls, after.calls) == (900, 901)
    assert add(database, feature_id, calls, source="gateway")[0] == 900


def test_an_import_that_fails_half_way_leaves_nothing(database, feature_id) -> None:
    def broken():
        yield a_call(1, NOW)
        raise RuntimeError("disk")

    with pytest.raises(RuntimeError):
        add(database, feature_id, broken())
    assert add(database, feature_id, [a_call(1, NOW)]) == (1, 0)


def test_two_imports_at_once_count_every_call_once(database, feature_id) -> None:
    calls = [a_call(number, NOW - timedelta(hours=number % 9)) for number in range(600)]
    halves = [calls[:400], calls[200:]]
    added: list[int] = []
    threads = [
        threading.Thread(target=lambda half=half: added.append(add(database, feature_id, half)[0])) for half in halves
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(added) == 600
    with database.read() as tx:
        month = usage.last_month(tx, feature_id, NOW)
    assert month is not None
    assert month.calls == 600


def test_an_unknown_model_is_unpriced_and_never_free(database, feature_id) -> None:
    add(database, feature_id, [a_call(1, NOW, model="nobody-knows-1")])
    with database.read() as tx:
        month = usage.month(tx, feature_id, "2026-11")
    assert month is not None
    assert (month.calls, month.cost_nano, month.unpriced) == (1, None, 1)


def test_calls_are_answers_and_money_is_of_every_role(database, feature_id) -> None:
    roles = [CallRole.ANSWER, CallRole.FAILED, CallRole.ESCALATED, CallRole.SHADOW]
    add(database, feature_id, [a_call(number, NOW, role=role) for number, role in enumerate(roles)])
    with database.read() as tx:
        month = usage.month(tx, feature_id, "2026-11")
    assert month is not None
    assert (month.calls, month.cost_nano) == (1, 4 * 1_080_000)


def test_the_last_month_is_the_30_days_before_the_newest_hour(database, feature_id) -> None:
    days = [a_call(number, NOW - timedelta(days=number)) for number in range(20, 80)]
    add(database, feature_id, days)
    with database.read() as tx:
        month = usage.last_month(tx, feature_id, NOW)
        assert usage.last_month(tx, feature_id, NOW + timedelta(days=60)) is None
        assert usage.last_month(tx, feature_id, NOW - timedelta(days=90)) is None
    assert month is not None
    assert month.calls == 30


def test_the_sides_of_a_stage_count_whole_hours_after_its_start(database, feature_id) -> None:
    since = datetime(2026, 11, 25, 6, 30, tzinfo=UTC)
    hours = [datetime(2026, 11, 25, hour, 45, tzinfo=UTC) for hour in (5, 6, 7, 8)]
    calls = [
        a_call(10 * at + side, hour, assigned=name, status=500 if at == 3 else 200)
        for at, hour in enumerate(hours)
        for side, name in enumerate(["baseline", "baseline", "tuned"])
    ]
    with database.read() as tx:
        assert usage.sides_since(tx, feature_id, since) is None
    add(database, feature_id, calls)
    with database.read() as tx:
        sides = usage.sides_since(tx, feature_id, since)
    assert sides == usage.Sides(4, 2, 2, 1, datetime(2026, 11, 25, 9, tzinfo=UTC))


def test_latency_of_a_month_is_within_one_percent(database, feature_id) -> None:
    draw = random.Random(3)
    latencies = [draw.lognormvariate(6, 0.5) for _ in range(3000)]
    calls = [
        a_call(number, NOW - timedelta(hours=number % 200), latency_ms=latency)
        for number, latency in enumerate(latencies)
    ]
    add(database, feature_id, calls)
    with database.read() as tx:
        month = usage.last_month(tx, feature_id, NOW)
    assert month is not None
    assert month.p95_ms == pytest.approx(float(np.quantile(latencies, 0.95)), rel=0.015)


def test_an_hour_is_compared_with_any_moment_to_the_second(database, feature_id) -> None:
    nine = datetime(2026, 10, 1, 9, tzinfo=UTC)
    add(database, feature_id, [a_call(1, nine + timedelta(minutes=59))])
    moment, first = timedelta(microseconds=1), usage.Sides(1, 0, 0, 0, seen_until=nine + timedelta(hours=1))
    with database.read() as tx:
        assert usage.sides_since(tx, feature_id, nine) == first
        assert usage.sides_since(tx, feature_id, nine - moment) == first
        assert usage.sides_since(tx, feature_id, nine + moment) is None
        assert volumes.spends(tx, nine - timedelta(days=1), nine) == []
        assert len(volumes.spends(tx, nine - timedelta(days=1), nine + moment)) == 1


def test_a_side_nobody_knows_is_refused(database, feature_id) -> None:
    with pytest.raises(StatementError):
        add(database, feature_id, [a_call(1, NOW, assigned="left")])
