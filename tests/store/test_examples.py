"""Examples: the calls with each day's smallest draws, redacted, whatever the order and however often they come."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import select

from engine.models.call import Call, CallRole
from engine.models.spool import Example
from engine.store import examples
from tests.builders import a_feature_row

NOW = datetime(2026, 11, 25, 9, tzinfo=UTC)


@pytest.fixture
def feature_id(database) -> int:
    with database.write() as tx:
        return a_feature_row(tx, NOW).id or 0


def a_call(number: int, **more) -> Call:
    plain = {"id": f"c{number}", "at": NOW, "model": "m", "input_tokens": 1, "output_tokens": 1}
    return Call(**{**plain, "input": f"text {number}", **more})


def keep(database, feature_id, calls) -> int:
    with database.write() as tx:
        return examples.keep(tx, feature_id, "triage", calls)


def drawn(database, feature_id) -> list[str]:
    with database.read() as tx:
        return [one.input for one in examples.drawn(tx, feature_id)]


def test_a_day_keeps_the_same_calls_in_whatever_order_and_parts_they_come(database, feature_id) -> None:
    calls = [a_call(number) for number in range(examples.RANDOM_A_DAY + 150)]
    assert keep(database, feature_id, calls[:100]) == 100
    keep(database, feature_id, calls[100:])
    once = drawn(database, feature_id)
    assert len(once) == examples.RANDOM_A_DAY
    assert keep(database, feature_id, list(reversed(calls))) == 0
    assert drawn(database, feature_id) == once
    with database.write() as tx:
        for row in tx.exec(select(Example)):
            tx.delete(row)
    keep(database, feature_id, list(reversed(calls)))
    assert drawn(database, feature_id) == once


def test_every_day_keeps_its_own(database, feature_id) -> None:
    keep(database, feature_id, [a_call(1), a_call(2, at=NOW + timedelta(days=1))])
    assert sorted(drawn(database, feature_id)) == ["text 1", "text 2"]


def test_secrets_are_marked_before_anything_is_kept(database, feature_id) -> None:
    keep(database, feature_id, [a_call(1, input="write to ann@example.com", output="to ann@example.com")])
    with database.read() as tx:
        (found,) = examples.drawn(tx, feature_id)
    assert (found.input, found.output) == ("write to [EMAIL_1]", "to [EMAIL_1]")


def test_a_call_no_label_could_be_made_from_is_passed_over(database, feature_id) -> None:
    unfit = ({"input": None}, {"input": " "}, {"status": 500}, {"role": CallRole.SHADOW}, {"input": "x" * 40_000})
    assert keep(database, feature_id, [a_call(number, **more) for number, more in enumerate(unfit)]) == 0
    assert drawn(database, feature_id) == []
