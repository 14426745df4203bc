"""Buckets of OpenAI's usage and costs API: sums of all calls of a stretch of time, by project and model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import cast

from engine.importers.calls.fields import (
    BUCKET_TOKENS_MOST,
    Bad,
    Fields,
    Skip,
    count_of,
    inside,
    is_yes,
    maybe_name,
    nano_of_usd,
    time_of,
)
from engine.importers.calls.reading import Where, whole_if_met
from engine.models.call import ALL_MODELS, CallRole, UsageBucket, UsageSum

_KINDS = {
    "organization.usage.completions.result": "completions",
    "organization.usage.embeddings.result": "embeddings",
    "organization.costs.result": "costs",
}
_SECOND = timedelta(seconds=1)


def is_bucket(row: Fields) -> bool:
    """Whether a row is a bucket of the usage or costs API."""
    return row.get("object") == "bucket" and isinstance(row.get("results"), list)


def narrowed(row: Fields, where: Where) -> Fields | None:
    """A bucket with the results that are asked for, if there are any; any other row whole, if it is."""
    if not is_bucket(row):
        return whole_if_met(row, where)
    results = [one for one in _results(row) if where.is_met(one)]
    return {**row, "results": results} if results else None


def bucket_of(row: Fields, until: datetime | None) -> UsageBucket:
    """A bucket and its sums, one for each project, model and batch. Raises ``Bad``; ``Skip`` for one that is empty."""
    results = _results(row)
    kinds = {str(one.get("object")) for one in results}
    if not results or not kinds & _KINDS.keys():  # nothing was used, or images, files, …: no calls of a chat model
        raise Skip
    if len(kinds) > 1:
        raise Bad("results", "results are of more than one endpoint")
    start, end = _span(row, until)
    endpoint = _KINDS[kinds.pop()]
    read = _billed if endpoint == "costs" else _used
    sums: dict[tuple[str, str, bool], UsageSum] = {}
    for one in map(read, results):
        key = (one.project, one.model, one.is_batch)
        sums[key] = _plus(sums[key], one) if key in sums else one
    return UsageBucket(start=start, end=end, endpoint=endpoint, sums=tuple(sums[key] for key in sorted(sums)))


def _span(row: Fields, until: datetime | None) -> tuple[datetime, datetime]:
    """When the bucket begins and ends: within one UTC day, and over."""
    start, end = time_of(row, until, "start_time"), time_of(row, None, "end_time")
    if end <= start or (end - _SECOND).astimezone(UTC).date() != start.date():
        raise Bad("end_time", "the bucket is not of one UTC day: ask for bucket_width=1d, 1h or 1m")
    if until is not None and end > until:
        raise Bad("end_time", f"the bucket of {start:%Y-%m-%d} is not over yet: import it when it is")
    return start, end


def _used(result: Fields) -> UsageSum:
    """Calls and tokens of the completions or embeddings endpoint; input holds what was cached."""
    fed = count_of(result, "input_tokens", default=0, most=BUCKET_TOKENS_MOST)
    cached = count_of(result, "input_cached_tokens", default=0, most=BUCKET_TOKENS_MOST)
    if cached > fed:
        raise Bad("input_cached_tokens", f"input_cached_tokens is {cached:,} and input_tokens is {fed:,}")
    return UsageSum(
        model=maybe_name(result, "model") or ALL_MODELS,
        project=maybe_name(result, "project_id"),
        role=CallRole.EMBEDDING if "embeddings" in str(result["object"]) else CallRole.ANSWER,
        is_batch=is_yes(result.get("batch")),
        calls=count_of(result, "num_model_requests", most=BUCKET_TOKENS_MOST),
        input_tokens=fed,
        cached_tokens=cached,
        output_tokens=count_of(result, "output_tokens", default=0, most=BUCKET_TOKENS_MOST),
    )


def _billed(result: Fields) -> UsageSum:
    """What a line of the bill was; a line is called like ``gpt-4o-mini-2024-07-18, cached input``."""
    amount = inside(result.get("amount"))
    if str(amount.get("currency", "usd")).lower() != "usd":
        raise Bad("amount", "amount.currency is not usd")
    billed = nano_of_usd(amount, "value")
    if billed is None:
        raise Bad("amount", "amount.value is missing")
    line = maybe_name(result, "line_item").partition(",")[0].strip()
    return UsageSum(model=line or ALL_MODELS, project=maybe_name(result, "project_id"), billed_nano=billed)


def _plus(one: UsageSum, other: UsageSum) -> UsageSum:
    """Both together: results that differ by person, key or part of the bill alone."""
    return replace(
        one,
        calls=one.calls + other.calls,
        input_tokens=one.input_tokens + other.input_tokens,
        cached_tokens=one.cached_tokens + other.cached_tokens,
        output_tokens=one.output_tokens + other.output_tokens,
        billed_nano=one.billed_nano + other.billed_nano,
    )


def _results(row: Fields) -> Sequence[Fields]:
    return [cast("Fields", one) for one in cast("Sequence[object]", row["results"]) if isinstance(one, dict)]
