"""Labels, their sets (immutable, versioned), where they came from, and drafts that wait for a Confirm."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, BigInteger, UniqueConstraint
from sqlmodel import Column, Field

from engine.models.base import Table, UtcDateTime, Value, word, words_check
from engine.models.call import BadRow


class Source(StrEnum):
    """Where a label came from."""

    PERSON = "person"
    TEACHER = "teacher"
    PRODUCT = "product"


class Part(StrEnum):
    """Which part of the split a label is in. A label keeps its part for ever."""

    TRAIN = "train"
    DEV = "dev"
    SEALED = "sealed"


class Origin(StrEnum):
    """What made a label version."""

    FILE = "file"
    TEACHER = "teacher"
    PEOPLE = "people"
    ROLLBACK = "rollback"


class Provenance(Value):
    """What is known of the rows a version adds: who, from what, by which model, with which rights, at what price."""

    by: str
    origin: Origin = Origin.FILE
    filename: str = ""
    maker: str = ""
    rights: str = ""
    run_id: str = ""
    cost_nano: int = 0


class LabelRow(Value):
    """One good row of a label file, redacted, before it is stored. ``minutes`` is the labelling time a person spent.

    ``rationale`` is how a reasoned answer was reached, ``rejected`` a text for the same brief that a person would not
    send; "" where the file does not say.
    """

    line: int
    id: str
    input: str
    output: str
    group: str = ""
    source: Source = Source.PERSON
    minutes: float = 0.0
    rationale: str = ""
    rejected: str = ""


class LabelSet(Table, table=True):
    """Version ``number`` of a feature's labels. ``sha`` is the sha256 of the sorted row hashes; shown as 12 hex digits.

    The version's rows are the labels with ``added_in <= number`` that are not removed by then. What it added has one
    provenance: ``origin``, the teacher's model (``maker``) where there is one, the ``rights`` to train on it, who made
    it (``run_id``: a labelling or a queue), and what was paid for it.
    """

    __table_args__ = (UniqueConstraint("feature_id", "number"), words_check("origin", Origin))

    id: int | None = Field(default=None, primary_key=True)
    feature_id: int = Field(foreign_key="feature.id", index=True)
    number: int
    sha: str = Field(max_length=64, index=True)
    rows: int
    added: int
    by: str
    created_at: datetime = Field(sa_type=UtcDateTime)
    filename: str = ""
    origin: Origin = word(Origin, default=Origin.FILE)
    maker: str = ""
    rights: str = ""
    run_id: str = ""
    cost_nano: int = Field(default=0, sa_type=BigInteger)

    @property
    def name(self) -> str:
        """What people see: the first 12 hex digits."""
        return self.sha[:12]


class Label(Table, table=True):
    """One labelled row. ``cluster`` joins rows of one group and near copies; a whole cluster lies in one part.

    A sealed row that no look opens any more says since which eval version (``rested_in``); it stays sealed for ever.
    ``is_anchor`` marks those that link the versions of an eval.
    """

    __table_args__ = (
        UniqueConstraint("feature_id", "sha", "added_in"),
        words_check("source", Source),
        words_check("part", Part),
    )

    id: int | None = Field(default=None, primary_key=True)
    feature_id: int = Field(foreign_key="feature.id", index=True)
    row_id: str = Field(index=True)
    sha: str = Field(max_length=64)
    input: str
    output: str
    group: str = ""
    cluster: str = Field(index=True)
    source: Source = word(Source)
    minutes: float = 0.0
    rationale: str = ""
    rejected: str = ""
    part: Part = word(Part)
    added_in: int
    removed_in: int | None = None
    rested_in: int | None = None
    is_anchor: bool = False


PAIRS_LEAST = 200  # rows with a rejected text from which a training learns to prefer (docs/engine.md)
_THIN_SHOWN = 5  # labels named in one sentence


class UploadCheck(Value):
    """What a label file turned out to be: counts, the refused rows, and what redaction and de-duplication found.

    ``classes`` counts good rows per label; ``template`` is the id of a row that over a tenth of the version copies;
    ``thin`` are labels with too few rows in the version that would result, under ``class_rows``; ``long_rows`` pass the
    ``context`` (tokens) of the encoders, as told from characters; ``taught`` rows are a teacher's.
    """

    filename: str
    good: int
    bad: list[BadRow]
    bad_rows: int
    already_known: int
    duplicates: int
    classes: dict[str, int]
    redactions: dict[str, int]
    forgiven: int = 0
    template: str = ""
    copies_of_sealed: int = 0
    thin: dict[str, int] = Field(default_factory=dict)
    class_rows: int = 0
    long_rows: int = 0
    context: int = 0
    taught: int = 0
    minutes: float = 0.0
    rejected: int = 0

    def warnings(self) -> list[str]:
        """What a person should know before storing the rows, one sentence each."""
        named = f"{self.rejected:,} rows name a rejected text"
        pairs = f"{named}; a training learns from them once {PAIRS_LEAST} of its rows do."
        said = [pairs] if self.rejected else list[str]()
        if self.already_known:
            said.append(f"{self.already_known:,} rows are in the current version already.")
        if self.forgiven:
            said.append(
                f"{self.forgiven:,} labels were spelled in another case or with outer spaces; they were mended."
            )
        if self.thin:
            listed = ", ".join(f"{label} {count:,}" for label, count in list(self.thin.items())[:_THIN_SHOWN])
            more = f" and {len(self.thin) - _THIN_SHOWN:,} more" if len(self.thin) > _THIN_SHOWN else ""
            said.append(f"Labels with fewer than {self.class_rows:,} rows, hard to learn: {listed}{more}.")
        if self.long_rows:
            said.append(
                f"About {self.long_rows:,} of the texts are longer than the {self.context:,} tokens an encoder reads; "
                "what comes after is not seen."
            )
        if self.taught:
            said.append(f"{self.taught:,} rows are a teacher's: they are trained on and never judged by.")
        if self.minutes:
            said.append(f"Labelling them took {self.minutes:,.0f} minutes, which enter the cost.")
        if self.template:
            said.append(
                f"More than a tenth of the rows are copies of one text (row {self.template}): is the text a template?"
            )
        return said


class Draft(Table, table=True):
    """An uploaded label file between preview and Confirm; the bytes are an artifact. Dies after 24 h."""

    id: int | None = Field(default=None, primary_key=True)
    token: str = Field(max_length=32, unique=True)
    feature_id: int = Field(foreign_key="feature.id", index=True)
    by: str
    channel: str = ""
    filename: str
    artifact: str = Field(max_length=64)
    check: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    state: str = "open"
    label_set_id: int | None = Field(default=None, foreign_key="label_set.id")
    created_at: datetime = Field(sa_type=UtcDateTime)
    version: int = 1
