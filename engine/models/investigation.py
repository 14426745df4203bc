"""The durable work that answers one question about one feature: its brief, progress, candidates and predictions."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, BigInteger, UniqueConstraint
from sqlmodel import Column, Field

from engine.models.base import Table, UtcDateTime, Value, word, words_check
from engine.models.labels import Part
from engine.models.recipes import in_words


class Effort(StrEnum):
    """The one dial of an investigation."""

    QUICK = "quick"
    NORMAL = "normal"
    THOROUGH = "thorough"


class RunState(StrEnum):
    """Where an investigation stands."""

    QUEUED = "queued"
    RUNNING = "running"
    CANCELLED = "cancelled"
    FAILED = "failed"
    DONE = "done"


OPEN_STATES = (RunState.QUEUED, RunState.RUNNING)


class Brief(Value):
    """What an investigation is to find out. The only argument of the flow; everything else is read by its steps."""

    run_id: str


class Investigation(Table, table=True):
    """One investigation. ``step`` and ``progress`` are for people; what counts is in the flow's recorded steps.

    ``open_feature_id`` is the feature while the run is open and none afterwards: unique, so one open run per feature.
    ``follows`` is the run whose chosen recipe alone is trained again, "" for the whole ladder. ``votes``: the current
    prompt is asked several times a row too, and its answers vote (approach reason).
    """

    __table_args__ = (words_check("state", RunState), words_check("effort", Effort))

    id: int | None = Field(default=None, primary_key=True)
    run_id: str = Field(max_length=32, unique=True)
    feature_id: int = Field(foreign_key="feature.id", index=True)
    open_feature_id: int | None = Field(default=None, unique=True)
    state: RunState = word(RunState, default=RunState.QUEUED)
    effort: Effort = word(Effort, default=Effort.NORMAL)
    budget_nano: int = Field(sa_type=BigInteger)
    requested_by: str
    channel: str = ""
    follows: str = Field(default="", max_length=32)
    votes: bool = False
    label_set_id: int | None = Field(default=None, foreign_key="label_set.id")
    baseline_id: int | None = Field(default=None, foreign_key="baseline.id")
    policy_hash: str = ""
    price_snapshot: str = ""
    code_version: str = ""
    seed: int = 0
    step: str = ""
    progress: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    reason: str = ""
    cancel_requested: bool = False
    created_at: datetime = Field(sa_type=UtcDateTime)
    started_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    finished_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    version: int = 1


class TaskState(StrEnum):
    """How one line of a run's progress stands; the words are those of Slack's plan block."""

    WAITING = "pending"
    RUNNING = "in_progress"
    COMPLETE = "complete"
    SKIPPED = "skipped"
    FAILED = "error"


class RunTask(Value):
    """One line of a run's progress: what it does, how it stands, and a figure or reason."""

    name: str
    state: TaskState = TaskState.WAITING
    note: str = ""


class Recipe(Value):
    """One way to train: a rung of the ladder, its settings, and the seed.

    ``rivals`` are other settings of the rung that learn a little beside it; the best on dev goes on in its place.
    """

    rung: str
    name: str
    seed: int
    settings: dict[str, float | int | str] = Field(default_factory=dict)
    rivals: "tuple[Recipe, ...]" = ()

    @property
    def words(self) -> str:
        """What it is, for people."""
        return in_words(self.rung, {"settings": self.settings}, {})


class Candidate(Table, table=True):
    """What a recipe produced in one run. ``skipped`` says why a rung was not run; ``artifact`` is empty then.

    ``facts`` is what training said of itself: device, precision, steps, losses.
    """

    __table_args__ = (UniqueConstraint("run_id", "contender"),)

    id: int | None = Field(default=None, primary_key=True)
    run_id: str = Field(index=True)
    contender: str
    rung: str
    artifact: str = ""
    seconds: float = 0.0
    skipped: str = ""
    alarm: str = ""
    recipe: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    facts: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))

    @property
    def words(self) -> str:
        """What it is, for people."""
        return in_words(self.rung, self.recipe, self.facts)


class Contender(Value):
    """A candidate or a prompted option, by the name its predictions are stored under.

    ``kind`` is "candidate" or "prompted"; ``artifact`` is set for the first, ``model`` for the second.
    """

    name: str
    kind: str
    rung: str = ""
    artifact: str = ""
    model: str = ""


class Prediction(Value):
    """One contender's answer to one label. ``output`` is the parsed answer, the raw text when invalid.

    ``row_id`` is ``Label.row_id``; latency is milliseconds; ``score`` (the grade) and ``confidence`` lie in 0..1.
    """

    row_id: str
    output: str
    correct: bool
    score: float
    valid: bool
    latency_ms: float
    tokens_in: int = 0
    tokens_out: int = 0
    confidence: float | None = None


class StoredPrediction(Table, table=True):
    """A prediction kept by (run, contender, label): a resumed eval skips the stored ones."""

    __table_args__ = (UniqueConstraint("run_id", "contender", "label_id"), words_check("part", Part))

    id: int | None = Field(default=None, primary_key=True)
    run_id: str = Field(index=True)
    contender: str
    label_id: int = Field(foreign_key="label.id")
    part: Part = word(Part)
    output: str
    correct: bool
    score: float
    valid: bool
    latency_ms: float
    tokens_in: int = 0
    tokens_out: int = 0
    confidence: float | None = None


class PaidReply(Table, table=True):
    """A reply we paid for; its key is never asked again.

    ``key = sha256(base_url, model, parameters, rendered messages, sample index)``. ``run_id`` is the run that paid.
    """

    key: str = Field(primary_key=True, max_length=64)
    run_id: str = Field(index=True)
    base_url: str
    model: str
    text: str
    finish: str = ""
    refusal: bool = False
    tokens_in: int
    tokens_cached: int = 0
    tokens_out: int
    cost_nano: int | None = Field(default=None, sa_type=BigInteger)
    latency_ms: float
    at: datetime = Field(sa_type=UtcDateTime)


class BatchState(StrEnum):
    """Where a batch stands: its money is held, the endpoint has it, it was called off, nothing is left of it."""

    HELD = "held"
    SENT = "sent"
    CANCELLED = "cancelled"
    ENDED = "ended"


class PaidBatch(Table, table=True):
    """Calls handed over together. ``token`` is our name of it, kept by the endpoint beside ``batch_id``, which is its.

    A batch whose ``batch_id`` is "" may have been handed over all the same: it is looked for by its token.
    """

    __table_args__ = (words_check("state", BatchState),)

    id: int | None = Field(default=None, primary_key=True)
    token: str = Field(max_length=32, unique=True)
    run_id: str = Field(index=True)
    base_url: str
    model: str
    batch_id: str = ""
    state: BatchState = word(BatchState, default=BatchState.HELD)
    calls: int
    at: datetime = Field(sa_type=UtcDateTime)


class Reservation(Table, table=True):
    """The worst case of a call under way, held against the run's budget until its reply is booked.

    ``batch`` is the token of the batch it was handed over in, "" for a call of its own.
    """

    key: str = Field(primary_key=True, max_length=64)
    run_id: str = Field(index=True)
    amount_nano: int = Field(sa_type=BigInteger)
    batch: str = Field(default="", max_length=32)
    at: datetime = Field(sa_type=UtcDateTime)
