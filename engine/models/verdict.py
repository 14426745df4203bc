"""Scores, comparisons and the stored verdict with everything needed to recompute it."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON
from sqlmodel import Column, Field

from engine.models.base import Table, UtcDateTime, Value, word, words_check


class Outcome(StrEnum):
    """What the numbers say. INCONCLUSIVE is never turned into ship or no-go."""

    SHIP_BETTER = "SHIP_BETTER"
    SHIP_CHEAPER = "SHIP_CHEAPER"
    NO_GO = "NO_GO"
    INCONCLUSIVE = "INCONCLUSIVE"

    @property
    def ships(self) -> bool:
        """Whether a rollout may be asked for."""
        return self in (Outcome.SHIP_BETTER, Outcome.SHIP_CHEAPER)


class Score(Value):
    """A contender on a part: ``quality`` is the primary metric; latencies are milliseconds; costs nano-dollars a call.

    ``macro_f1`` is classify's, ``exact`` the share of answers right as a whole where the metric counts their parts,
    ``counts`` those parts: true and false positives, false negatives.
    ``call_nano`` is none when the price is unknown. ``simulated`` marks numbers that came from the simulated model.
    """

    contender: str
    part: str
    rows: int
    quality: float
    macro_f1: float | None = None
    exact: float | None = None
    counts: dict[str, int] | None = None
    valid_share: float
    latency_p50_ms: float
    latency_p95_ms: float
    tokens_in: int = 0
    tokens_out: int = 0
    call_nano: int | None = None
    simulated: bool = False


class Cascade(Value):
    """From which confidence a candidate's answer stands; what is below goes to the prompted option.

    ``escalation`` is the share of dev rows below, ``kept_error`` the error of those above with its upper bound.
    """

    threshold: float
    escalation: float
    kept_error: float
    kept_error_upper: float


class Seeded(Value):
    """What the finalist's recipe gave on dev with one seed, answering alone; the first is what goes to the seal.

    ``finding`` is what dev alone says of it beside the prompted option: better, not_worse, worse or unclear, "" where a
    judge says so. ``alarm`` is that of its training, ``failed`` why there is no model, and no score, of that seed.
    """

    seed: int
    quality: float | None = None
    macro_f1: float | None = None
    exact: float | None = None
    finding: str = ""
    alarm: str = ""
    failed: str = ""
    seconds: float = 0.0


class Verdict(Table, table=True):
    """The stored judgement of one run. ``record`` is the whole decision record (docs/decide.md names its fields)."""

    __table_args__ = (words_check("outcome", Outcome),)

    id: int | None = Field(default=None, primary_key=True)
    run_id: str = Field(max_length=32, unique=True)
    feature_id: int = Field(foreign_key="feature.id", index=True)
    outcome: Outcome = word(Outcome)
    rows_needed: int | None = None
    record: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    decided_at: datetime = Field(sa_type=UtcDateTime)
