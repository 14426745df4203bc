"""What each log says, row by row: the table and the traps of the importers, on files written by hand.

None of the files was checked against a live export (tests/fixtures/traffic/README.md).
"""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from engine.importers.calls import Where, best_fit, formats, importer_of
from engine.models.call import BadRow, Call, CallRole, SkippedRow, UsageBucket

FIXTURES = Path(__file__).parent.parent / "fixtures" / "traffic"
FILES = {
    "assay": "assay.jsonl",
    "csv": "calls.csv",
    "openai": "openai.jsonl",
    "litellm": "litellm.jsonl",
    "langfuse": "langfuse.json",
    "helicone": "helicone.jsonl",
    "otel": "otel.json",
    "tensorzero": "tensorzero.jsonl",
}
TEN = datetime(2026, 10, 3, 10, 20, 30, tzinfo=UTC)
UNTIL = datetime(2026, 11, 26, tzinfo=UTC)


def read(name: str, where: Where | None = None) -> list[Call | BadRow | SkippedRow]:
    with (FIXTURES / FILES[name]).open("rb") as stream:
        return list(importer_of(name)(stream, until=UNTIL, where=where))


def calls(name: str) -> dict[str, Call]:
    return {row.id: row for row in read(name) if isinstance(row, Call)}


def tokens(call: Call) -> tuple[int, int, int, int, int]:
    """In, of it cached and written to a cache; out, of it reasoning."""
    return call.input_tokens, call.cached_tokens, call.cache_write_tokens, call.output_tokens, call.reasoning_tokens


def refused(name: str) -> list[str]:
    return [row.sentence() for row in read(name) if isinstance(row, BadRow)]


def test_every_format_has_a_file_here() -> None:
    assert set(FILES) == set(formats())


@pytest.mark.parametrize("name", FILES)
def test_the_first_row_of_every_log_says_the_same(name) -> None:
    first, *_ = [row for row in read(name) if isinstance(row, Call)]
    assert (first.at, first.latency_ms, first.ttft_ms) == (TEN, pytest.approx(640), pytest.approx(210))
    assert tokens(first) == (812, 512, 0, 40, 0 if name == "helicone" else 8), "Helicone does not count reasoning"
    assert first.unit == "customer-7"
    assert "ann@example.com" not in str(first.input)
    assert "[EMAIL_1]" in str(first.input)
    assert first.output == "billing"
    assert first.model.startswith("gpt-4o-mini")


@pytest.mark.parametrize("name", FILES)
def test_the_files_format_is_the_one_that_fits(name) -> None:
    with (FIXTURES / FILES[name]).open("rb") as stream:
        assert best_fit(stream) == name


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (
            "assay",
            ["line 6: ts is missing", "line 7: cached_tokens is 11 and input_tokens is 10; cached are part of input"],
        ),
        (
            "csv",
            ["line 8: ts is missing", "line 9: cached_tokens is 11 and input_tokens is 10; cached are part of input"],
        ),
        (
            "openai",
            [
                "line 6: created is missing",
                "line 7: cached_tokens is 11 and input_tokens is 10; cached are part of input",
            ],
        ),
        (
            "litellm",
            ["line 7: startTime is missing", "line 8: prompt_tokens is not a whole number of at least 0"],
        ),
        ("langfuse", ["row 8: startTime is missing", "row 9: startTime is 2019-10-03, before 2020 or in the future"]),
        (
            "helicone",
            ["line 6: request_created_at is missing", "line 7: cost is not a whole number of at least 0"],
        ),
        ("otel", ["row 8: startTimeUnixNano is missing"]),
        (
            "tensorzero",
            ["line 6: timestamp is missing", "line 7: input_tokens is not a whole number of at least 0"],
        ),
    ],
)
def test_every_refused_row_is_told_by_its_place(name, said) -> None:
    assert refused(name) == said


@pytest.mark.parametrize(
    ("name", "total"),
    [
        ("assay", 5),
        ("csv", 5),
        ("openai", 5),
        ("litellm", 6),
        ("langfuse", 5),
        ("helicone", 5),
        ("otel", 5),
        ("tensorzero", 5),
    ],
)
def test_every_other_row_is_a_call_or_skipped(name, total) -> None:
    assert sum(isinstance(row, Call) for row in read(name)) == total


def test_trap_1_openai_counts_cached_tokens_inside_and_anthropic_beside() -> None:
    found = calls("openai")
    assert tokens(found["chatcmpl-1"])[:3] == (812, 512, 0)
    assert tokens(found["msg_4"])[:3] == (850, 700, 50)
    proxied = (  # LiteLLM's words for an answer of Anthropic's
        '{"id": "p-1", "created": 1791022830, "model": "claude-sonnet-4-5", "usage": {"prompt_tokens": 850, '
        '"completion_tokens": 4, "prompt_tokens_details": {"cached_tokens": 700}, "cache_read_input_tokens": 700, '
        '"cache_creation_input_tokens": 50}}'
    )
    (call,) = importer_of("openai")(_stream(proxied), until=UNTIL)
    assert isinstance(call, Call)
    assert tokens(call)[:3] == (850, 700, 50), "counted once: they are in prompt_tokens"
    assert tokens(calls("helicone")["h2"])[:3] == (850, 700, 50)
    assert tokens(calls("tensorzero")["m2"])[:3] == (850, 700, 50)


def test_trap_2_langfuse_parts_are_inside_where_input_and_output_make_the_total() -> None:
    found = calls("langfuse")
    assert tokens(found["o1"]) == (812, 512, 0, 40, 8), "300 + 512 beside it, 32 + 8 beside it"
    assert tokens(found["o2"])[:4] == (800, 0, 0, 4), "the row again, which the desk knows"
    first = next(row for row in read("langfuse") if isinstance(row, Call) and row.id == "o2")
    assert tokens(first)[:4] == (800, 200, 0, 4), "800 + 4 make the total, so 200 lie inside"
    assert tokens(found["o6"])[:4] == (850, 700, 50, 4)


def test_trap_3_helicone_bills_in_nano_dollars_and_has_a_status_of_its_own() -> None:
    found = calls("helicone")
    assert found["h1"].billed_nano == 116_000
    assert found["h3"].status == 500, "-4 is no answer"
    assert sum(isinstance(row, SkippedRow) for row in read("langfuse")) == 2, "a span and an event"


def test_trap_4_litellm_writes_words_for_flags_json_in_texts_and_no_zone() -> None:
    found = calls("litellm")
    assert found["chatcmpl-1"].at == TEN
    assert (found["chatcmpl-1"].model, found["chatcmpl-1"].asked) == ("gpt-4o-mini", "fast")
    assert found["chatcmpl-1"].billed_nano == 116_000
    assert found["chatcmpl-2a"].answer_id == found["chatcmpl-2b"].answer_id == "call-2"
    assert (found["chatcmpl-2a"].status, found["chatcmpl-2b"].status) == (429, 200)
    assert found["chatcmpl-2a"].ttft_ms is None, "the first word where the last is, is no first word"
    assert found["chatcmpl-2a"].input is None
    assert found["call-3"].id == "call-3", "request_id has been empty for streams"
    assert found["emb-4"].role is CallRole.EMBEDDING


def test_trap_5_tensorzero_has_rows_of_one_answer_and_a_time_in_its_id() -> None:
    found = calls("tensorzero")
    assert found["m2"].answer_id == found["m3"].answer_id == "i2"
    (first, *_) = found.values()
    assert first.at == TEN
    text = (FIXTURES / FILES["tensorzero"]).read_text(encoding="utf-8").splitlines()[0]
    without = text.replace('"timestamp":"2026-10-03T10:20:30Z",', "")
    assert without != text
    (found_again,) = importer_of("tensorzero")(_stream(without), until=UNTIL)
    assert isinstance(found_again, Call)
    assert found_again.at == TEN


def test_trap_6_only_spans_of_models_are_calls() -> None:
    found = calls("otel")
    assert sum(isinstance(row, SkippedRow) for row in read("otel")) == 2, (
        "an agent repeats its children; GET is no model"
    )
    assert found["chatcmpl-1"].input_tokens == 812, "a 64-bit integer is text"
    old = found["5b8aa5a2d2c872e8321cf37308d69df2-051581bf3cb55c14"]
    assert (old.input_tokens, old.output_tokens, old.model) == (800, 4, "gpt-4o-mini"), "old names, no operation"
    failed = found["5b8aa5a2d2c872e8321cf37308d69df3-051581bf3cb55c15"]
    assert (failed.status, failed.input_tokens) == (500, 0)
    embedded = found["5b8aa5a2d2c872e8321cf37308d69df3-051581bf3cb55c16"]
    assert (embedded.role, embedded.input_tokens, embedded.output_tokens) == (CallRole.EMBEDDING, 500, 0)


@pytest.mark.parametrize(
    ("name", "call_id"),
    [("assay", "a4"), ("csv", "a4"), ("litellm", "call-3"), ("helicone", "h4"), ("tensorzero", "m4")],
)
def test_trap_7_a_hit_in_the_sources_own_cache_bought_nothing(name, call_id) -> None:
    hit = calls(name)[call_id]
    assert hit.is_cache_hit
    assert tokens(hit) == (0, 0, 0, 0, 0)
    assert hit.billed_nano == 0


def test_trap_8_a_bucket_of_the_usage_api_is_sums_and_no_calls() -> None:
    with (FIXTURES / "openai_usage.json").open("rb") as stream:
        found = list(importer_of("openai")(stream, until=UNTIL))
    assert [type(row) for row in found] == [UsageBucket, UsageBucket, SkippedRow, BadRow]


@pytest.mark.parametrize(
    ("name", "where", "kept"),
    [
        ("litellm", Where("metadata.feature", "triage"), 4),
        ("litellm", Where("request_tags", "eu"), 1),
        ("helicone", Where("properties.feature", "triage"), 4),
        ("otel", Where("service.name", "support"), 3),
        ("otel", Where("feature", "triage"), 3),
        ("langfuse", Where("traceId", "t1"), 3),
    ],
)
def test_where_picks_one_feature_out_of_a_log(name, where, kept) -> None:
    assert sum(isinstance(row, Call) for row in read(name, where)) == kept


@pytest.mark.parametrize(
    ("said", "hour"),
    [
        ("2026-10-03T15:50:30+05:30", 10),
        ("2026-10-25T02:30:00+02:00", 0),
        ("2026-10-25T02:30:00+01:00", 1),
        ("2026-10-03 23:59:59.999999-03:30", 3),
        ("2026-10-03 10:20:30.123456789 UTC", 10),
        ("1791022830123", 10),
        (1791022830123456789, 10),
    ],
)
def test_trap_9_zones_of_half_an_hour_and_of_summer_land_in_their_hour(said, hour) -> None:
    row = json.dumps({"id": "x", "model": "m", "input_tokens": 1, "output_tokens": 1, "ts": said})
    (call,) = importer_of("assay")(_stream(row), until=UNTIL)
    assert isinstance(call, Call)
    assert call.at.utcoffset() is not None
    assert call.at.hour == hour


def test_the_responses_api_a_batch_and_a_failure_are_calls_too() -> None:
    found = calls("openai")
    assert found["resp_2"].status == 200, "completed is no status of HTTP"
    assert (found["req-3"].status, found["req-3"].input_tokens, found["req-3"].model) == (503, 0, "gpt-4o-mini")
    batch = (
        '{"id": "batch_req_1", "custom_id": "t-1", "response": {"status_code": 200, "request_id": "r", "body": '
        '{"id": "chatcmpl-9", "created": 1791022830, "model": "gpt-4o-mini", "usage": {"prompt_tokens": 5, '
        '"completion_tokens": 1}}}, "error": null}'
    )
    (call,) = importer_of("openai")(_stream(batch), until=UNTIL)
    assert isinstance(call, Call)
    assert (call.id, call.is_batch, call.status) == ("chatcmpl-9", True, 200)
    embedding = (
        '{"id": "e-1", "ts": "2026-10-03T10:20:30Z", "request": {"model": "text-embedding-3-small", "input": "a"}, '
        '"response": {"object": "list", "data": [{"embedding": [0.1]}], "model": "text-embedding-3-small", '
        '"usage": {"prompt_tokens": 5, "total_tokens": 5}}}'
    )
    (call,) = importer_of("openai")(_stream(embedding), until=UNTIL)
    assert isinstance(call, Call)
    assert (call.role, call.input_tokens, call.output_tokens) == (CallRole.EMBEDDING, 5, 0)


def _stream(text: str) -> io.BytesIO:
    return io.BytesIO(text.encode())
