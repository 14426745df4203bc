"""OpenAI requests and responses as a product logs them: chat completions, Responses, Anthropic's shape, batches.

Pages of OpenAI's usage and costs API are read too, as what they are: sums (``openai_sums``).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import IO

from engine.importers.calls.bodies import answered, asked
from engine.importers.calls.fields import (
    FAILED,
    Fields,
    count_of,
    first,
    inside,
    maybe_name,
    ms_of,
    name_of,
    status_of,
    time_of,
)
from engine.importers.calls.openai_sums import bucket_of, is_bucket, narrowed
from engine.importers.calls.reading import Keep, Read, Where, calls_of
from engine.models.call import Call, CallRole, UsageBucket

FIELDS = {
    "id": "`response.id`, else `id`",
    "time": "`response.created`, `response.created_at`, else `ts`",
    "latency": "`latency_ms`; first word `ttft_ms`",
    "model": "`response.model`; asked for `request.model`",
    "tokens in": "`response.usage.prompt_tokens`, `input_tokens`; cached in `…_tokens_details.cached_tokens`",
    "tokens out": "`response.usage.completion_tokens`, `output_tokens`; reasoning in `…_tokens_details`",
    "billed": "",
    "error": "`status` of 400 and more, or `response.error`",
    "own cache": "",
    "unit": "`request.safety_identifier`, `request.user`",
    "body": "`request`, `response`",
}  # what is read of a row, for docs/traffic.md

_ERRORS_FROM = 400
_TIMES = ("ts", "timestamp", "created", "created_at")


def read(
    stream: IO[bytes], *, until: datetime | None = None, where: Where | None = None, keep: Keep | None = None
) -> Read:
    """Calls and refused rows in the order of the file. A moment after ``until`` is refused."""
    return calls_of(stream, call_of, until=until, where=where, keep=keep, chosen=narrowed)


def sniff(row: Fields) -> bool:
    """Whether a row looks like one of this format."""
    if is_bucket(row):
        return True
    response = inside(row.get("response")) or row
    return "usage" in (inside(response.get("body")) or response) or ("request" in row and "response" in row)


def call_of(row: Fields, until: datetime | None) -> Call | UsageBucket:
    """One row as a call, or as sums of the usage API. Raises ``Bad``, ``Skip``."""
    if is_bucket(row):
        return bucket_of(row, until)
    request, response, is_batch = _parts(row)
    status = _status(row, response)
    usage = inside(response.get("usage"))
    of_input = inside(first(usage, "prompt_tokens_details", "input_tokens_details")[1])
    of_output = inside(first(usage, "completion_tokens_details", "output_tokens_details")[1])
    lacking = 0 if status >= _ERRORS_FROM else None
    # Anthropic's own count of input, `input_tokens`, leaves out what its cache read and wrote. Proxies that put its
    # answers into OpenAI's words keep these names beside a `prompt_tokens` that holds them.
    read_, written = (count_of(usage, f"cache_{deed}_input_tokens", default=0) for deed in ("read", "creation"))
    fed = count_of(usage, "prompt_tokens", "input_tokens", default=lacking)
    is_inside = first(usage, "prompt_tokens")[1] is not None and fed >= read_ + written
    has_output = first(usage, "completion_tokens", "output_tokens")[1] is not None
    return Call(
        id=name_of(_filled(response, row, ("id", "request_id")), "id", "request_id"),
        at=time_of(_filled(response, row, _TIMES), until, "created", "created_at", "ts", "timestamp"),
        model=name_of(_filled(response, request, ("model",)), "model"),
        asked=maybe_name(request, "model"),
        input_tokens=fed if is_inside else fed + read_ + written,
        cached_tokens=count_of(of_input, "cached_tokens", default=read_),
        cache_write_tokens=written,
        output_tokens=count_of(
            usage, "completion_tokens", "output_tokens", default=lacking if not _embeds(response) else 0
        ),
        reasoning_tokens=count_of(of_output, "reasoning_tokens", default=0),
        latency_ms=ms_of(row, "latency_ms"),
        ttft_ms=ms_of(row, "ttft_ms"),
        status=status,
        unit=maybe_name(request, "safety_identifier", "user"),
        is_batch=is_batch,
        role=CallRole.EMBEDDING if _embeds(response) and not has_output else CallRole.ANSWER,
        input=asked(request),
        output=answered(response) if status < _ERRORS_FROM else None,
    )


def _parts(row: Fields) -> tuple[Fields, Fields, bool]:
    """Request, response, and whether both are of a batch's output file, which keeps the response in a ``body``."""
    request = inside(row.get("request"))
    response = inside(row.get("response"))
    if not response and "response" not in row:
        return request, row, False
    body = inside(response.get("body"))
    if body and "custom_id" in row:
        return request, {**body, "status_code": response.get("status_code")}, True
    return request, body or response, response.get("service_tier") == "batch"


def _status(row: Fields, response: Fields) -> int:
    """The HTTP status, beside the response or in a batch's; a word there is the Responses API's own."""
    name = "status_code" if first(response, "status_code")[1] is not None else "status"
    told = {**row, **response} if name == "status_code" else row
    value = told.get(name)
    status = 200 if isinstance(value, str) and not value.isdigit() else status_of(told, name)
    failed = response.get("error") or row.get("error") or response.get("status") == "failed"
    return FAILED if failed and status < _ERRORS_FROM else status


def _embeds(response: Fields) -> bool:
    """Whether this is an answer of the embeddings endpoint, which has no output."""
    return response.get("object") == "list" and "data" in response


def _filled(response: Fields, row: Fields, names: Iterable[str]) -> Fields:
    """The named fields of the response, and of the row where the response has none."""
    return {
        name: value for source in (row, response) for name in names if (value := source.get(name)) not in (None, "")
    }
