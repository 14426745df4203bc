"""A call is known by its id for 35 days, then by its file; of the tries of one answer the last is the answer."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from engine.models.call import Call, CallRole, ImportedFile
from engine.store import seen
from tests.builders import a_feature_row

NOW = datetime(2026, 11, 25, 9, tzinfo=UTC)
TODAY = NOW.date()


@pytest.fixture
def feature_id(database) -> int:
    with database.write() as tx:
        return a_feature_row(tx, NOW).id or 0


def a_call(call_id: str, minutes: int = 0, **more) -> Call:
    at = NOW - timedelta(days=40) + timedelta(minutes=minutes)
    return Call(**{"id": call_id, "at": at, "model": "m", "input_tokens": 1, "output_tokens": 1, **more})


def take(database, feature_id, calls, *, source: str = "litellm", day: date = TODAY, **more) -> seen.Sorted:
    with database.write() as tx:
        return seen.take(tx, feature_id, calls, source=source, day=day, **more)


def roles(found: seen.Sorted) -> dict[str, CallRole]:
    return {call.id: call.role for call in found.fresh}


def test_a_call_is_fresh_once_for_its_feature_and_source(database, feature_id) -> None:
    calls = [a_call(f"c{number}") for number in range(3)]
    assert [call.id for call in take(database, feature_id, [*calls, calls[0]]).fresh] == ["c0", "c1", "c2"]
    again = take(database, feature_id, [*reversed(calls), a_call("c9")])
    assert ([call.id for call in again.fresh], again.known) == (["c9"], 3)
    assert len(take(database, feature_id, calls, source="otel").fresh) == 3
    with database.read() as tx:
        found = seen.look(tx, feature_id, [*calls, a_call("c10")], source="litellm")
        assert ([call.id for call in found.fresh], found.known) == (["c10"], 3)
    assert len(take(database, feature_id, [a_call("c10")]).fresh) == 1, "a look remembers nothing"


def test_the_last_try_is_the_answer_whatever_the_order(database, feature_id) -> None:
    tries = [a_call(f"t{number}", number, answer_id="a", status=500 if number < 2 else 200) for number in range(3)]
    found = take(database, feature_id, [tries[2], tries[0], a_call("alone", answer_id="b"), tries[1]])
    assert roles(found) == {
        "t0": CallRole.FAILED,
        "t1": CallRole.FAILED,
        "t2": CallRole.ANSWER,
        "alone": CallRole.ANSWER,
    }


def test_a_try_of_an_answer_that_was_counted_is_no_second_call(database, feature_id) -> None:
    assert roles(take(database, feature_id, [a_call("t0", answer_id="a")])) == {"t0": CallRole.ANSWER}
    late = take(database, feature_id, [a_call("t0", answer_id="a"), a_call("t1", 1, answer_id="a")])
    assert (roles(late), late.known) == ({"t1": CallRole.FAILED}, 1)


def test_rows_that_are_their_own_answer_and_embeddings_are_no_tries(database, feature_id) -> None:
    rows = [
        a_call("x", answer_id="x"),
        a_call("e1", answer_id="a", role=CallRole.EMBEDDING),
        a_call("e2", answer_id="a", role=CallRole.EMBEDDING),
    ]
    assert set(roles(take(database, feature_id, rows)).values()) == {CallRole.ANSWER, CallRole.EMBEDDING}


def test_calls_are_forgotten_after_35_days_and_then_known_by_their_file(database, feature_id) -> None:
    calls = [a_call(f"c{number}", number) for number in range(3)]
    counted = date(2026, 11, 25)
    take(database, feature_id, calls, day=counted)
    file = ImportedFile(
        feature_id=feature_id,
        source="litellm",
        sha256="a" * 64,
        at=NOW,
        calls=3,
        oldest=calls[0].at,
        newest=calls[2].at,
    )
    with database.write() as tx:
        seen.add_file(tx, file)
        seen.add_file(tx, ImportedFile(**file.model_dump(exclude={"id"})))
        assert seen.file_of(tx, feature_id, "litellm", "a" * 64) is not None
        assert seen.file_of(tx, feature_id, "otel", "a" * 64) is None
        assert seen.forget(tx, counted + timedelta(days=35)) == 0
        assert seen.forgotten_until(tx, feature_id, "litellm", NOW + timedelta(days=35)) is None
        assert seen.forget(tx, counted + timedelta(days=36)) == 3
        until = seen.forgotten_until(tx, feature_id, "litellm", NOW + timedelta(days=36))
        assert until == calls[2].at
        assert seen.forgotten_until(tx, feature_id, "otel", NOW + timedelta(days=36)) is None
    mixed = [*calls, a_call("new", 99)]
    found = take(database, feature_id, mixed, forgotten=until)
    assert ([call.id for call in found.fresh], found.known, found.old) == (["new"], 0, 3)
    asked = take(database, feature_id, mixed)
    assert ([call.id for call in asked.fresh], asked.known, asked.old) == (["c0", "c1", "c2"], 1, 0), "told so: --again"
