"""The ways to train, cheap to dear. A rung is one file; torch is imported inside ``train`` and ``load`` only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from engine.approaches import Task
from engine.models.investigation import Effort, Recipe


@dataclass(frozen=True, kw_only=True)
class TrainingRow:
    """One labelled row as jobs see it: never from the sealed part. ``rationale`` is how its answer was reached.

    ``rejected`` is an answer a person would not give, "" for none.
    """

    id: str
    input: str
    output: str
    rationale: str = ""
    rejected: str = ""

    @property
    def written(self) -> str:
        """What a model that writes is to write: the rationale, and then the answer where it is looked for."""
        return f"{self.rationale}\n\nAnswer: {self.output}" if self.rationale else self.output


@dataclass(frozen=True, kw_only=True)
class Host:
    """What the engine's host offers: device ("cpu", "cuda:0"), cores, memory in MB, and weights, "" for none.

    ``encoder`` is a folder, ``decoder`` a folder or a GGUF file, which is unpacked once into the folder ``cache``.
    ``workers`` is how many processes share one training, this one among them.
    """

    device: str
    cores: int
    memory_mb: int
    encoder: str
    decoder: str = ""
    cache: str = ""
    workers: int = 1


@dataclass(frozen=True, kw_only=True)
class Quote:
    """What training would take on this host: seconds of wall time and peak memory in MB."""

    seconds: float
    memory_mb: int


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A candidate's raw reply to one input, with its probability where it has one."""

    text: str
    confidence: float | None = None


@dataclass(frozen=True, kw_only=True)
class Trained:
    """What training gave. ``alarm`` is "" or names what went wrong on the way ("collapsed", …): never promoted then.

    ``recipe`` is the one of several that went to the end, none where there was one.
    """

    seconds: float
    alarm: str = ""
    facts: dict[str, float | int | str] | None = None
    recipe: Recipe | None = None


# progress(step, of, loss or None): written to the job's progress file; raises when the job was told to stop.
Progress = Callable[[int, int, float | None], None]


class Answerer(Protocol):
    """A loaded candidate."""

    def answer(self, inputs: Sequence[str]) -> list[Answer]:
        """Answers in input order; batches and sorts by length inside."""
        ...


@runtime_checkable
class Sharing(Answerer, Protocol):
    """A loaded candidate that several threads may ask at once."""

    def use_cores(self, count: int) -> None:
        """Have what the calling thread asks from now on worked on so many cores."""
        ...


@runtime_checkable
class Sampling(Answerer, Protocol):
    """A loaded candidate that can answer otherwise each time it is asked."""

    def sampled(self, inputs: Sequence[str], *, temperature: float, seed: int) -> list[Answer]:
        """An answer drawn at the temperature for each input, in their order; the same seed draws the same ones."""
        ...


class Rung(Protocol):
    """One way to train."""

    number: int
    name: str

    def fits(self, host: Host, task: Task) -> str:
        """Empty, or the sentence why this rung is skipped here."""
        ...

    def quote(self, host: Host, task: Task, rows: int, words_p50: int) -> Quote:
        """Time and memory for that many training rows of that many words."""
        ...

    def recipes(self, effort: Effort, seed: int, task: Task) -> list[Recipe]:
        """The recipes of this rung for a task at an effort; empty when the effort leaves the rung out."""
        ...

    def train(
        self,
        recipe: Recipe,
        task: Task,
        *,
        train: Sequence[TrainingRow],
        dev: Sequence[TrainingRow],
        folder: Path,
        scratch: Path,
        host: Host,
        progress: Progress,
    ) -> Trained:
        """Train into ``folder`` (safetensors and JSON only); checkpoints live in ``scratch`` and are resumed from."""
        ...

    def load(self, folder: Path, host: Host) -> Answerer:
        """Load what ``train`` wrote."""
        ...
