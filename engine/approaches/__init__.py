"""What a task is: how a call is framed, how an answer is parsed and graded. One file per approach."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from engine.models.feature import Feature
from engine.rules.metrics import Extraction
from engine.rules.paired import Paired
from engine.rules.votes import majority


@dataclass(frozen=True, kw_only=True)
class Task:
    """What a contender must know of a feature: its approach, and what its answers may be.

    ``classes`` is the closed list of classify, ``schema`` the JSON schema of extract; ``banned`` words and
    ``words_most`` (0: any number) are voice's.
    """

    approach: str
    classes: tuple[str, ...] = ()
    schema: Mapping[str, Any] | None = None
    banned: tuple[str, ...] = ()
    words_most: int = 0

    @classmethod
    def of(cls, feature: Feature) -> Task:
        """The task of a feature."""
        return cls(approach=feature.approach, classes=tuple(feature.labels), schema=feature.output_schema)

    @classmethod
    def read(cls, body: Mapping[str, Any]) -> Task:
        """The task that ``body`` wrote, among whatever else a job is told."""
        return cls(
            approach=str(body["approach"]),
            classes=tuple(body["classes"]),
            schema=body.get("schema"),
            banned=tuple(body.get("banned", ())),
            words_most=int(body.get("words_most", 0)),
        )

    @property
    def body(self) -> dict[str, Any]:
        """The task as jobs are told it."""
        rules = {"banned": list(self.banned), "words_most": self.words_most} if self.banned or self.words_most else {}
        return {"approach": self.approach, "classes": list(self.classes), "schema": self.schema, **rules}


@dataclass(frozen=True, kw_only=True)
class Parsed:
    """An answer as the approach reads it. ``output`` is canonical when ``valid``, the raw text otherwise."""

    output: str
    valid: bool


class Unfit(ValueError):
    """A label that the task does not allow; its text is the reason, as a row of a file is refused with it."""


class Approach(Protocol):
    """One kind of task."""

    @property
    def margin(self) -> float:
        """How much of the primary metric may be lost where a team sets no margin, a fraction (docs/decide.md)."""
        ...

    @property
    def is_partial(self) -> bool:
        """Whether an answer may be partly right; else a row is right or wrong, and rows are planned by such counts."""
        ...

    @property
    def has_rationale(self) -> bool:
        """Whether a row may say how its answer was reached, to be trained on."""
        ...

    @property
    def has_rejected(self) -> bool:
        """Whether a row may name a worse answer to the same input beside its own (a preference pair)."""
        ...

    @property
    def metric(self) -> str:
        """What the primary metric is called in a record: ``accuracy``, ``field_f1``, ``exact_answers``."""
        ...

    def wrong(self, classes: Sequence[str], schema: Mapping[str, Any] | None) -> dict[str, str]:
        """What is missing or wrong in a registration, by key (``labels``, ``schema``); empty when nothing is."""
        ...

    def label(self, value: object, task: Task, *, feature: str = "") -> str:
        """A label as it is stored, of the value a file gives. Raises ``Unfit``, whose reason may name the feature."""
        ...

    def texts(self, label: str) -> list[str]:
        """The parts of a stored label that may hold what must be redacted."""
        ...

    def with_texts(self, label: str, texts: Sequence[str]) -> str:
        """The label with those parts replaced, in their order; it may fit the task no more."""
        ...

    def told(self, label: str) -> object:
        """A label or a valid answer as files of JSON have it: extract's as an object, the others as text."""
        ...

    def control(self, labels: Sequence[str], task: Task) -> str:
        """The one answer to every input that does best on ``labels``: what a trained candidate must beat."""
        ...

    def parse(self, text: str, task: Task) -> Parsed:
        """Read a contender's reply; never raises."""
        ...

    def grade(self, expected: str, got: Parsed, task: Task) -> float:
        """0..1; equal is 1, invalid is 0."""
        ...

    def quality(self, expected: Sequence[str], got: Sequence[Parsed], task: Task) -> dict[str, float]:
        """Metrics over rows: ``primary`` and whatever the approach reports beside it (classify: ``macro_f1``)."""
        ...

    def fields(self, expected: Sequence[str], got: Sequence[Parsed], task: Task) -> dict[str, Extraction]:
        """The score of each part of an answer by its name; empty where an answer has no parts."""
        ...

    def paired(
        self,
        expected: Sequence[str],
        ours: Sequence[Parsed],
        theirs: Sequence[Parsed],
        task: Task,
        *,
        groups: Sequence[Hashable],
        level: float,
    ) -> Paired:
        """The difference of the primary metric (ours minus theirs) on the same rows, with the interval that fits."""
        ...

    def said(self, task: Task) -> str:
        """What a valid answer is, for a sentence: ``one of the 15 labels``."""
        ...


def alike(approach: Approach, task: Task, answers: Sequence[str]) -> list[str]:
    """Each answer as the first one that says the same: a number is the same however it is written; "" is no answer."""
    known: list[str] = []
    for answer in answers:
        said = Parsed(output=answer, valid=True)
        known.append(
            next((other for other in known if answer and other and approach.grade(other, said, task) == 1.0), answer)
        )
    return known


def voted(approach: Approach, task: Task, said: Sequence[Parsed]) -> tuple[Parsed, float]:
    """The answer that most samples of one question gave, and its share of them (``engine.rules.votes``).

    Where none of them is valid, the first one and 0. Raises ``ValueError`` for no samples.
    """
    valid = iter(alike(approach, task, [one.output for one in said if one.valid]))
    vote = majority([next(valid) if one.valid else None for one in said])
    return said[vote.winner or 0], vote.share
