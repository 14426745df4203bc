"""What every traffic importer must keep: calls in order, redacted; bad rows by line; the second import adds nothing."""

from __future__ import annotations

import io
from datetime import UTC, datetime

import pytest

from engine.errors import Invalid
from engine.importers.calls import formats, importer_of
from engine.importers.calls.container import Row, rows
from engine.models.call import BadRow, Call
from engine.testing.traffic import month_of_calls
from tests.contract.logs import EVERY, EVERY_WRITER, ROW, UNTIL, WRITERS, read, write_assay

START = datetime(2026, 10, 1, tzinfo=UTC)


def bad_of(**changed) -> BadRow:
    row = {name: value for name, value in (ROW | changed).items() if value is not ...}
    (found,) = read(write_assay([row]))
    assert isinstance(found, BadRow)
    return found


def test_every_format_has_a_writer_here() -> None:
    assert set(formats()) == set(WRITERS)


def test_an_unknown_format_names_the_nearest() -> None:
    with pytest.raises(Invalid) as told:
        importer_of("asay")
    assert "Nearest: assay" in told.value.hint


@pytest.mark.parametrize("name", EVERY_WRITER)
def test_a_call_is_read_whole_and_redacted(name) -> None:
    (call,) = read(EVERY_WRITER[name]([ROW]), name)
    assert isinstance(call, Call)
    assert call.at == datetime(2026, 10, 3, 10, 20, 30, 500_000, tzinfo=UTC)
    assert (call.id, call.model, call.unit, call.status) == ("c1", "acme-frontier-1", "customer-7", 200)
    assert (call.input_tokens, call.cached_tokens, call.output_tokens, call.latency_ms) == (812, 512, 4, 640.5)
    assert (call.input, call.output) == ("write to [EMAIL_1]", "billing")


@pytest.mark.parametrize("name", EVERY_WRITER)
def test_texts_nobody_wants_are_left_out(name) -> None:
    content = EVERY_WRITER[name]([ROW, ROW | {"id": "c2"}])
    first, second = EVERY[name].read(io.BytesIO(content), until=UNTIL, keep=lambda call: call.id == "c2")
    assert isinstance(first, Call)
    assert isinstance(second, Call)
    assert (first.input, first.output) == (None, None)
    assert (second.input, second.output) == ("write to [EMAIL_1]", "billing")


@pytest.mark.parametrize("name", EVERY_WRITER)
def test_marks_line_ends_and_empty_lines_change_nothing(name) -> None:
    rows = [ROW | {"id": f"c{number}", "input": "a\u2028b"} for number in range(3)]
    content = EVERY_WRITER[name](rows)
    odd = b"\xef\xbb\xbf" + content.replace(b"\n", b"\r\n\r\n") + b"\n"
    assert read(odd, name) == read(content, name)


@pytest.mark.parametrize("name", EVERY_WRITER)
def test_a_row_is_known_by_its_own_format(name) -> None:
    (row,) = rows(io.BytesIO(EVERY_WRITER[name]([ROW])))
    assert isinstance(row, Row)
    assert EVERY[name].sniff(row.fields)
    assert EVERY[name].FIELDS


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"ts": ...}, "line 1: ts is missing"),
        ({"ts": "yesterday"}, "line 1: ts is no moment like 2026-10-03T10:20:30Z"),
        ({"ts": "2019-12-31T23:59:59Z"}, "line 1: ts is 2019-12-31, before 2020 or in the future"),
        ({"ts": "2027-01-01"}, "line 1: ts is 2027-01-01, before 2020 or in the future"),
        ({"ts": [1]}, "line 1: ts is no moment like 2026-10-03T10:20:30Z"),
        ({"ts": 1e300}, "line 1: ts is no moment like 2026-10-03T10:20:30Z"),
        ({"id": ""}, "line 1: id is missing"),
        ({"model": ...}, "line 1: model is missing"),
        ({"model": "a\0b"}, "line 1: model holds a NUL or more than 200 characters"),
        ({"input_tokens": -1}, "line 1: input_tokens is not a whole number of at least 0"),
        ({"output_tokens": 1.5}, "line 1: output_tokens is not a whole number of at least 0"),
        ({"output_tokens": True}, "line 1: output_tokens is not a whole number of at least 0"),
        ({"output_tokens": ...}, "line 1: output_tokens is missing"),
        ({"cached_tokens": 813}, "line 1: cached_tokens is 813 and input_tokens is 812; cached are part of input"),
        ({"latency_ms": "fast"}, "line 1: latency_ms is not a number of at least 0"),
        ({"status": 42}, "line 1: status is 42, which is no HTTP status"),
        ({"input": {"a": 1}}, "line 1: input is not text"),
        ({"assigned": "left"}, "line 1: assigned is not one of baseline, tuned"),
    ],
)
def test_every_refusal_names_line_field_and_reason(changed, said) -> None:
    assert bad_of(**changed).sentence() == said


@pytest.mark.parametrize("line", [b"{", b"[]", b"\xff\xfe", b"x" * 5_000_000])
def test_a_broken_line_sinks_no_file(line) -> None:
    found = read(b"\n".join([write_assay([ROW]), line, write_assay([ROW | {"id": "c2"}])]))
    assert [type(row) for row in found] == [Call, BadRow, Call]
    assert isinstance(found[1], BadRow)
    assert found[1].line == 2


def test_moments_of_every_zone_become_utc() -> None:
    rows = [ROW | {"ts": ts} for ts in ("2026-10-03T15:50:30+05:30", "2026-10-03T10:20:30", 1_791_022_830)]
    assert {call.at for call in read(write_assay(rows))} == {datetime(2026, 10, 3, 10, 20, 30, tzinfo=UTC)}


def test_made_up_traffic_is_the_same_for_the_same_seed_and_always_good() -> None:
    made = [
        list(
            month_of_calls(
                ["one text", "another text"], model="simulated-frontier-1", calls=2000, start=START, seed=seed
            )
        )
        for seed in (1, 1, 2)
    ]
    assert made[0] == made[1] != made[2]
    found = read(write_assay(made[0]))
    assert all(isinstance(call, Call) for call in found)
    assert len({call.id for call in found}) == 2000
    moments = [call.at for call in found]
    assert moments == sorted(moments)
    assert moments[-1] < datetime(2026, 10, 31, 1, tzinfo=UTC)
    assert 0 < sum(call.status >= 400 for call in found) < 20
