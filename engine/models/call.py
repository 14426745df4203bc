"""Production calls and what is kept of them for ever: hourly integer sums and mergeable histograms."""

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import BigInteger, UniqueConstraint
from sqlmodel import Field

from engine.models.base import Table, UtcDateTime, Value


class CallRole(StrEnum):
    """What a call was for. Calls are counted over ``answer``; money over all."""

    ANSWER = "answer"
    FAILED = "failed"
    ESCALATED = "escalated"
    SHADOW = "shadow"


class Call(Value):
    """One production request and reply as an importer reads it. Tokens include cached ones; latency is milliseconds."""

    id: str
    at: datetime
    model: str
    input_tokens: int
    cached_tokens: int = 0
    output_tokens: int
    latency_ms: float | None = None
    status: int = 200
    input: str | None = None
    output: str | None = None
    unit: str = ""
    assigned: str = "baseline"
    role: CallRole = CallRole.ANSWER


class BadRow(Value):
    """A refused row of a file: its line (1 is the first), the field, and why, as a person reads it."""

    line: int
    field: str = ""
    reason: str

    def sentence(self) -> str:
        """``line 41: input is empty``."""
        return f"line {self.line}: {self.reason}"


class HourlyUsage(Table, table=True):
    """Sums of one hour (UTC), feature and side, and mergeable histograms (``engine.rules.histogram``).

    ``cost_nano_usd`` is of priced calls, ``unpriced_n`` counts the rest; ``billed_nano_usd`` is the source's figure.
    ``feedback_milli`` sums scores of -1 to 1 in thousandths. The names of the sums are those of the export.
    """

    __table_args__ = (
        UniqueConstraint("hour", "feature_id", "assigned", "served", "model", "source", "status_class", "role"),
    )

    id: int | None = Field(default=None, primary_key=True)
    hour: datetime = Field(sa_type=UtcDateTime)
    feature_id: int = Field(foreign_key="feature.id", index=True)
    assigned: str = "baseline"
    served: str = "baseline"
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


class SeenCall(Table, table=True):
    """A call already counted, by 64-bit hash of (source, feature, id); the reason importing twice changes nothing."""

    hash: int = Field(primary_key=True, sa_type=BigInteger)
    day: date = Field(index=True)
