"""Production calls and what is kept of them for ever: hourly integer sums and mergeable histograms."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Literal

from sqlalchemy import BigInteger, Index, UniqueConstraint
from sqlmodel import Field

from engine.models.base import Table, UtcDateTime, UtcHour, Value, listed

BATCH = "-batch"  # how the source of calls that were made in batches ends
SUMMED = "openai-usage"  # the source of hourly rows that are sums of a usage API: one a day, at its midnight
ALL_MODELS = "all models"
SIDES = ("baseline", "tuned")  # in this order: hourly rows keep the place in it


class CallRole(StrEnum):
    """What a call was for. Calls are counted over ``answer``; money over all."""

    ANSWER = "answer"
    FAILED = "failed"
    ESCALATED = "escalated"
    SHADOW = "shadow"
    EMBEDDING = "embedding"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One production request and reply as an importer reads it.

    ``input_tokens`` include cached and cache-write tokens, ``output_tokens`` reasoning; times are milliseconds.
    ``asked`` is the model that was asked for where another answered; ``answer_id`` is shared by the tries of one
    answer; ``billed_nano`` is what the source says it cost, in nano-dollars.
    """

    id: str
    at: datetime
    model: str
    input_tokens: int
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    output_tokens: int
    reasoning_tokens: int = 0
    latency_ms: float | None = None
    ttft_ms: float | None = None
    status: int = 200
    input: str | None = None
    output: str | None = None
    unit: str = ""
    assigned: str = "baseline"
    role: CallRole = CallRole.ANSWER
    asked: str = ""
    answer_id: str = ""
    billed_nano: int | None = None
    is_cache_hit: bool = False
    is_batch: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageSum:
    """What a usage API says of some calls: how many, their tokens, or (``billed_nano``, nano-dollars) what they cost.

    ``input_tokens`` include cached ones. Where the API does not tell models apart, ``model`` is ``ALL_MODELS``.
    """

    model: str
    project: str = ""
    role: CallRole = CallRole.ANSWER
    is_batch: bool = False
    calls: int = 0
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    billed_nano: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageBucket:
    """The sums of a stretch of one UTC day: no calls, so no latency, no failures, no texts.

    ``endpoint`` is what of the API said so: completions, embeddings or costs.
    """

    start: datetime
    end: datetime
    endpoint: str
    sums: tuple[UsageSum, ...]


class BadRow(Value):
    """A refused row of a file: its line or row (1 is the first), the field, and why, as a person reads it."""

    line: int
    field: str = ""
    reason: str
    counted_in: Literal["line", "row"] = "line"

    def sentence(self) -> str:
        """``line 41: input is empty``."""
        return f"{self.counted_in} {self.line}: {self.reason}"


class SkippedRow(Value):
    """A good row that is no call, or of another feature."""

    line: int


class HourlyUsage(Table, table=True):
    """Sums of one hour (UTC), feature and side, and mergeable histograms (``engine.rules.histogram``).

    ``cost_nano_usd`` is of priced calls, ``unpriced_n`` counts the rest; ``billed_nano_usd`` is the source's figure.
    ``feedback_milli`` sums scores of -1 to 1 in thousandths. The names of the sums are those of the export.
    """

    __table_args__ = (
        UniqueConstraint("hour", "feature_id", "assigned", "served", "model", "source", "status_class", "role"),
        Index("ix_hourly_usage_feature_id", "feature_id", "hour", "cost_nano_usd"),  # a month's cost reads it alone
    )

    id: int | None = Field(default=None, primary_key=True)
    hour: datetime = Field(sa_type=UtcHour)
    feature_id: int = Field(foreign_key="feature.id")
    assigned: str = listed(SIDES, default="baseline")
    served: str = listed(SIDES, default="baseline")
    model: str
    source: str
    status_class: str = "2xx"
    role: str = CallRole.ANSWER
    n: int = 0
    errors: int = 0
    tokens_in: int = Field(default=0, sa_type=BigInteger)
    tokens_in_cached: int = Field(default=0, sa_type=BigInteger)
    tokens_cache_write: int = Field(default=0, sa_type=BigInteger)
    tokens_out: int = Field(default=0, sa_type=BigInteger)
    cost_nano_usd: int = Field(default=0, sa_type=BigInteger)
    billed_nano_usd: int = Field(default=0, sa_type=BigInteger)
    unpriced_n: int = 0
    cache_hit_n: int = 0
    fallback_n: int = 0
    escalated_n: int = 0
    cancelled_n: int = 0
    estimated_n: int = 0
    invalid_n: int = 0
    feedback_n: int = 0
    feedback_milli: int = Field(default=0, sa_type=BigInteger)
    latency: bytes = b""
    ttft: bytes = b""
    prompt_sizes: bytes = b""
    answer_sizes: bytes = b""
    confidence: bytes = b""


class BucketSum(Table, table=True):
    """A sum of a usage API as it came, by bucket; the hourly rows of its day are made of these (``SUMMED``)."""

    __table_args__ = (
        UniqueConstraint("feature_id", "endpoint", "starts_at", "ends_at", "project", "model", "is_batch"),
    )

    id: int | None = Field(default=None, primary_key=True)
    feature_id: int = Field(foreign_key="feature.id", index=True)
    endpoint: str = Field(max_length=32)
    starts_at: datetime = Field(sa_type=UtcDateTime)
    ends_at: datetime = Field(sa_type=UtcDateTime)
    project: str = Field(max_length=200)
    model: str = Field(max_length=200)
    is_batch: bool
    role: str = Field(max_length=16)
    calls: int = Field(sa_type=BigInteger)
    tokens_in: int = Field(sa_type=BigInteger)
    tokens_in_cached: int = Field(sa_type=BigInteger)
    tokens_out: int = Field(sa_type=BigInteger)
    billed_nano: int = Field(sa_type=BigInteger)


class SeenCall(Table, table=True):
    """A call already counted, by 64-bit hash of (source, feature, id); ``day`` is when, and it is kept 35 days."""

    hash: int = Field(primary_key=True, sa_type=BigInteger)
    day: date = Field(index=True)


class ImportedFile(Table, table=True):
    """A log file counted whole, by its content; ``oldest`` and ``newest`` are its first and last call."""

    __table_args__ = (UniqueConstraint("feature_id", "source", "sha256"),)

    id: int | None = Field(default=None, primary_key=True)
    feature_id: int = Field(foreign_key="feature.id", index=True)
    source: str
    sha256: str = Field(max_length=64)
    at: datetime = Field(sa_type=UtcDateTime)
    calls: int
    oldest: datetime | None = Field(default=None, sa_type=UtcDateTime)
    newest: datetime | None = Field(default=None, sa_type=UtcDateTime)
