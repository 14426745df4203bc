"""How labels are made here: a teacher's labelling under a hard cap, and a queue of texts that people label or audit."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, BigInteger, UniqueConstraint
from sqlmodel import Column, Field

from engine.models.base import Table, UtcDateTime, Value, word, words_check
from engine.models.investigation import RunState


class Teaching(Value):
    """The one argument of the flow ``label``; everything else is read by its steps."""

    run_id: str


class Labelling(Table, table=True):
    """A teacher labels drawn texts. ``open_feature_id`` is unique: one open labelling per feature.

    ``rows`` is the artifact of the drawn texts, ``drawn`` their number; ``counts`` says what came back,
    ``quoted`` what it costs in all by its first replies (``engine.flows.steps.quoted``). ``batch``: who asked wants the
    endpoint's Batch API where it has one.
    """

    __table_args__ = (words_check("state", RunState),)

    id: int | None = Field(default=None, primary_key=True)
    run_id: str = Field(max_length=32, unique=True)
    feature_id: int = Field(foreign_key="feature.id", index=True)
    open_feature_id: int | None = Field(default=None, unique=True)
    state: RunState = word(RunState, default=RunState.QUEUED)
    sample: int
    model: str
    baseline_id: int = Field(foreign_key="baseline.id")
    budget_nano: int = Field(sa_type=BigInteger)
    rights: str
    batch: bool = False
    requested_by: str
    channel: str = ""
    price_snapshot: str = ""
    rows: str = Field(default="", max_length=64)
    drawn: int = 0
    asked: int = 0
    counts: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    quoted: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    reason: str = ""
    cancel_requested: bool = False
    label_set_id: int | None = Field(default=None, foreign_key="label_set.id")
    created_at: datetime = Field(sa_type=UtcDateTime)
    started_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    finished_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    version: int = 1


class QueuePurpose(StrEnum):
    """Why people are asked: to make labels, to audit a teacher's, to say which text reads better, to audit answers."""

    LABEL = "label"
    AUDIT = "audit"
    PAIRS = "pairs"
    ANSWERS = "answers"


class QueueState(StrEnum):
    """Where a queue stands."""

    OPEN = "open"
    CLOSED = "closed"
    CANCELLED = "cancelled"


class LabelQueue(Table, table=True):
    """Texts that wait for people's labels. ``double_share`` of them go to two people who do not see each other.

    ``agreement`` is what was measured when it closed (``engine.rules.annotators.Agreement`` as JSON).
    """

    __table_args__ = (words_check("purpose", QueuePurpose), words_check("state", QueueState))

    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(max_length=32, unique=True)
    feature_id: int = Field(foreign_key="feature.id", index=True)
    open_feature_id: int | None = Field(default=None, unique=True)
    purpose: QueuePurpose = word(QueuePurpose)
    state: QueueState = word(QueueState, default=QueueState.OPEN)
    size: int
    double_share: float
    by: str
    channel: str = ""
    agreement: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    label_set_id: int | None = Field(default=None, foreign_key="label_set.id")
    created_at: datetime = Field(sa_type=UtcDateTime)
    closed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    version: int = 1


class TextState(StrEnum):
    """Where a queued text stands: answers are missing, two people differ, or nothing is missing."""

    WAITING = "waiting"
    DISPUTED = "disputed"
    SETTLED = "settled"


class QueuedText(Table, table=True):
    """One text of a queue. ``given`` is the label it has, shown to nobody: a teacher's in an audit, else an old
    one that is asked for again. ``output`` is what people settled on.

    Of a pair ``input`` is the brief, ``first`` and ``second`` are the texts written for it in the order they are shown;
    that the candidate wrote the first (``candidate_first``) nobody sees. Of an answer that is audited ``first`` is the
    answer, ``second`` the label with its ``rationale``, and ``given`` how the answer was graded, which nobody sees.
    """

    __table_args__ = (UniqueConstraint("queue_id", "number"), words_check("state", TextState))

    id: int | None = Field(default=None, primary_key=True)
    queue_id: int = Field(foreign_key="label_queue.id", index=True)
    number: int
    row_id: str
    input: str
    given: str = ""
    wanted: int = 1
    state: TextState = word(TextState, default=TextState.WAITING)
    output: str = ""
    first: str = ""
    second: str = ""
    candidate_first: bool = False
    rationale: str = ""


class Said(StrEnum):
    """What a person did with a text. ``skip`` gives it to somebody else, ``unclear`` says that nobody could tell."""

    LABEL = "label"
    SKIP = "skip"
    UNCLEAR = "unclear"


class Turn(Table, table=True):
    """One text shown to one person, and what they said. ``settles`` marks a third person's word on two who differ."""

    __table_args__ = (UniqueConstraint("text_id", "person"), words_check("said", Said))

    id: int | None = Field(default=None, primary_key=True)
    text_id: int = Field(foreign_key="queued_text.id", index=True)
    person: str = Field(index=True)
    settles: bool = False
    said: Said | None = word(Said, default=None)
    answer: str = ""
    minutes: float = 0.0
    asked_at: datetime = Field(sa_type=UtcDateTime)
    answered_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    version: int = 1
