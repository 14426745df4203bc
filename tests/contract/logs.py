"""The same calls as every log format writes them."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, timedelta

from engine.importers.calls import FORMATS, Format
from engine.models.call import BadRow, Call
from tests.shown import shown

UNTIL = datetime(2026, 11, 26, tzinfo=UTC)
ROW = {
    "id": "c1",
    "ts": "2026-10-03T10:20:30.5Z",
    "model": "acme-frontier-1",
    "input_tokens": 812,
    "cached_tokens": 512,
    "output_tokens": 4,
    "latency_ms": 640.5,
    "status": 200,
    "input": "write to ann@example.com",
    "output": "billing",
    "unit": "customer-7",
}


def write_assay(rows) -> bytes:
    return _lines(rows)


def write_csv(rows) -> bytes:
    made = io.StringIO()
    names = [*ROW, "ttft_ms", "billed_usd", "cache_hit", "assigned", "role"]
    writer = csv.DictWriter(made, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return made.getvalue().encode()


def write_openai(rows) -> bytes:
    return _lines(
        {
            "request": {
                "model": row["model"],
                "messages": [{"role": "user", "content": row["input"]}],
                "user": row["unit"],
            },
            "response": {
                "id": row["id"],
                "created": row["ts"],
                "model": row["model"],
                "choices": [{"message": {"role": "assistant", "content": row["output"]}}],
                "usage": {
                    "prompt_tokens": row["input_tokens"],
                    "completion_tokens": row["output_tokens"],
                    "prompt_tokens_details": {"cached_tokens": row["cached_tokens"]},
                },
            },
            "latency_ms": row["latency_ms"],
            "status": row["status"],
        }
        for row in rows
    )


def write_litellm(rows) -> bytes:
    return _lines(
        {
            "request_id": row["id"],
            "startTime": row["ts"],
            "request_duration_ms": row["latency_ms"],
            "model": row["model"],
            "prompt_tokens": row["input_tokens"],
            "completion_tokens": row["output_tokens"],
            "metadata": json.dumps(
                {"usage_object": {"prompt_tokens_details": {"cached_tokens": row["cached_tokens"]}}}
            ),
            "end_user": row["unit"],
            "status": "success",
            "messages": json.dumps([{"role": "user", "content": row["input"]}]),
            "response": {"choices": [{"message": {"content": row["output"]}}]},
        }
        for row in rows
    )


def write_langfuse(rows) -> bytes:
    return _lines(
        {
            "id": row["id"],
            "type": "GENERATION",
            "traceId": "t",
            "startTime": row["ts"],
            "endTime": _later(row),
            "model": row["model"],
            "usageDetails": {
                "input": row["input_tokens"] - row["cached_tokens"],
                "input_cached_tokens": row["cached_tokens"],
                "output": row["output_tokens"],
                "total": row["input_tokens"] + row["output_tokens"],
            },
            "userId": row["unit"],
            "input": row["input"],
            "output": row["output"],
        }
        for row in rows
    )


def write_helicone(rows) -> bytes:
    return _lines(
        {
            "request_id": row["id"],
            "request_created_at": row["ts"],
            "latency": row["latency_ms"],
            "model": row["model"],
            "prompt_tokens": row["input_tokens"],
            "prompt_cache_read_tokens": row["cached_tokens"],
            "completion_tokens": row["output_tokens"],
            "status": row["status"],
            "user_id": row["unit"],
            "request_body": {"messages": [{"role": "user", "content": row["input"]}]},
            "response_body": {"choices": [{"message": {"content": row["output"]}}]},
        }
        for row in rows
    )


def write_otel(rows) -> bytes:
    return _lines(
        {
            "spanId": "s",
            "startTime": row["ts"],
            "endTime": _later(row),
            "attributes": {
                "gen_ai.operation.name": "chat",
                "gen_ai.request.model": row["model"],
                "gen_ai.response.id": row["id"],
                "gen_ai.usage.input_tokens": row["input_tokens"],
                "gen_ai.usage.cache_read.input_tokens": row["cached_tokens"],
                "gen_ai.usage.output_tokens": row["output_tokens"],
                "user.id": row["unit"],
                "gen_ai.input.messages": [{"role": "user", "parts": [{"type": "text", "content": row["input"]}]}],
                "gen_ai.output.messages": [
                    {"role": "assistant", "parts": [{"type": "text", "content": row["output"]}]}
                ],
            },
        }
        for row in rows
    )


def write_tensorzero(rows) -> bytes:
    return _lines(
        {
            "id": row["id"],
            "inference_id": row["id"],
            "timestamp": row["ts"],
            "response_time_ms": row["latency_ms"],
            "model_name": row["model"],
            "input_tokens": row["input_tokens"],
            "output_tokens": row["output_tokens"],
            "raw_response": json.dumps({"usage": {"prompt_tokens_details": {"cached_tokens": row["cached_tokens"]}}}),
            "tags": {"user_id": row["unit"]},
            "input_messages": json.dumps([{"role": "user", "content": [{"type": "text", "text": row["input"]}]}]),
            "output": json.dumps([{"type": "text", "text": row["output"]}]),
        }
        for row in rows
    )


def write_acme(rows) -> bytes:
    return _lines(
        {
            "call": row["id"],
            "began": row["ts"],
            "took_s": row["latency_ms"] / 1000,
            "model": row["model"],
            "tokens_in": row["input_tokens"],
            "tokens_cached": row["cached_tokens"],
            "tokens_out": row["output_tokens"],
            "http": row["status"],
            "customer": row["unit"],
            "question": row["input"],
            "answer": row["output"],
        }
        for row in rows
    )


def _lines(rows) -> bytes:
    return b"\n".join(json.dumps(row).encode() for row in rows)


def _later(row) -> str:
    return (datetime.fromisoformat(row["ts"]) + timedelta(milliseconds=row["latency_ms"])).isoformat()


WRITERS = {
    "assay": write_assay,
    "csv": write_csv,
    "openai": write_openai,
    "litellm": write_litellm,
    "langfuse": write_langfuse,
    "helicone": write_helicone,
    "otel": write_otel,
    "tensorzero": write_tensorzero,
}
EXAMPLE = "acme"  # the one that docs/extend.md shows
EVERY: dict[str, Format] = {**FORMATS, EXAMPLE: shown("engine/importers/calls/acme.py")}
EVERY_WRITER = {**WRITERS, EXAMPLE: write_acme}
JSON_FORMATS = [name for name in WRITERS if name != "csv"]


def read(content: bytes, name: str = "assay") -> list[Call | BadRow]:
    return list(EVERY[name].read(io.BytesIO(content), until=UNTIL))
