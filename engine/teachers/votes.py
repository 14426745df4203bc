"""Turn rows into questions and their replies into predictions: one sample of each row, or several that vote.

Knows nothing of endpoints or money. A row is answered once all of its samples are: a vote of fewer would be another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from engine.approaches import Approach, Parsed, Task, voted
from engine.approaches.registry import approach_of
from engine.models.base import Value
from engine.models.investigation import PaidReply, Prediction
from engine.teachers import options
from engine.teachers.replies import Question, is_answer, sent_parameters


class Votes(Value):
    """How a prompted option votes: so many ``samples`` of each row, asked at a ``temperature``."""

    samples: int
    temperature: float

    @property
    def body(self) -> dict[str, Any]:
        """The votes as a job of paid calls is told them."""
        return self.model_dump()


class AskedRow(Protocol):
    """A row as the job reads it from its dataset."""

    @property
    def id(self) -> str:
        """The label's row id."""
        ...

    @property
    def input(self) -> str:
        """The text to ask about."""
        ...

    @property
    def output(self) -> str:
        """The expected answer; for examples the one that is shown."""
        ...


class AskSpec(Protocol):
    """The job: ``config`` as ``engine.flows.steps.ask`` makes it, and the seed the examples are drawn by."""

    @property
    def config(self) -> dict[str, Any]:
        """run_id, contender, base_url, model, prompt, parameters, budget_nano, attempt, fresh_since; the task's body.

        ``fresh_since`` is a moment in ISO format: an older reply is asked for again (""; any age will do). so many
        questions as ``batch_from`` (0: none) are answered by the endpoint's Batch API. So many ``samples`` of each row
        (1 where it is not said) are asked at ``temperature`` and vote.
        """
        ...

    @property
    def seed(self) -> int:
        """Seed."""
        ...


@dataclass(frozen=True)
class Answers:
    """Predictions of the rows that all samples answered, in their order.

    ``alone`` is how well one sample does on average over those rows, 0..1; none where rows have one sample, or none.
    """

    predictions: list[Prediction]
    alone: float | None


def samples_of(spec: AskSpec) -> int:
    """How often each row is asked."""
    return int(spec.config.get("samples", 1))


def questions_of(spec: AskSpec, rows: Sequence[AskedRow], examples: Sequence[AskedRow]) -> list[Question]:
    """The questions of the rows, all samples of a row beside each other; equal ones for equal texts.

    Raises ``Invalid`` for a prompt that cannot be rendered.
    """
    config = spec.config
    addition = options.addition_of(config["contender"], Task.read(config), examples=examples, seed=spec.seed)
    return [
        Question(
            base_url=config["base_url"],
            model=config["model"],
            messages=options.messages(config["contender"], config["prompt"], row.input, addition=addition),
            parameters=_parameters(config),
            sample=sample,
        )
        for row in rows
        for sample in range(samples_of(spec))
    ]


def answers_of(
    spec: AskSpec, rows: Sequence[AskedRow], questions: Sequence[Question], replies: Mapping[str, PaidReply]
) -> Answers:
    """Read the replies, by key, of the rows' questions; a row that lacks one is left out."""
    approach, task = approach_of(spec.config["approach"]), Task.read(spec.config)
    each = samples_of(spec)
    predictions: list[Prediction] = []
    grades: list[float] = []
    for place, row in enumerate(rows):
        keys = [question.key for question in questions[place * each : (place + 1) * each]]
        if any(key not in replies for key in keys):
            continue
        given = [replies[key] for key in keys]
        said = [_said(reply, approach, task) for reply in given]
        grades += [approach.grade(row.output, one, task) for one in said]
        predictions.append(_graded(row, given, said, approach=approach, task=task))
    return Answers(predictions, sum(grades) / len(grades) if each > 1 and grades else None)


def _parameters(config: Mapping[str, Any]) -> dict[str, Any]:
    """What is sent beside the messages. A fixed seed would give a vote the same sample again and again."""
    sent = sent_parameters(config["base_url"], config["parameters"])
    if "temperature" not in config:
        return sent
    return {name: value for name, value in sent.items() if name != "seed"} | {"temperature": config["temperature"]}


def _said(reply: PaidReply, approach: Approach, task: Task) -> Parsed:
    """A refused or cut reply is an invalid answer: wrong and paid for, never left out."""
    usable = is_answer(reply.finish, refusal=reply.refusal)
    return approach.parse(reply.text, task) if usable else Parsed(output=reply.text, valid=False)


def _graded(
    row: AskedRow, given: Sequence[PaidReply], said: Sequence[Parsed], *, approach: Approach, task: Task
) -> Prediction:
    """The answer that won among the samples. They are asked side by side, so the slowest says how long it takes."""
    won, share = voted(approach, task, said)
    grade = approach.grade(row.output, won, task)
    return Prediction(
        row_id=row.id,
        output=won.output,
        correct=grade == 1.0,
        score=grade,
        valid=won.valid,
        latency_ms=max(reply.latency_ms for reply in given),
        tokens_in=sum(reply.tokens_in for reply in given),
        tokens_out=sum(reply.tokens_out for reply in given),
        confidence=share if len(given) > 1 else None,
    )
