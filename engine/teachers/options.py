"""The prompted options of an investigation: the registered baseline, and ours beside it. Knows nothing of replies."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from functools import lru_cache
from typing import Protocol

from jinja2 import Environment, PackageLoader, StrictUndefined

from engine.approaches import Task
from engine.errors import Invalid
from engine.teachers import prompt as prompts
from engine.teachers.replies import Message

BASELINE = "baseline"
FEW_SHOT = "few_shot"
CHEAPER = "cheaper"  # the baseline's prompt on the cheaper model of the same endpoint, where the team names one
VOTES = "votes"  # the baseline's prompt asked several times, the majority of its answers counts; where a run wants it
_NAMES = (BASELINE, FEW_SHOT, CHEAPER, VOTES)
SHOTS = 5  # examples in a few-shot prompt (docs/engine.md)
_EXAMPLE_MOST = 1200  # characters; a longer example is taken only when there are too few short ones


class Example(Protocol):
    """A labelled row of the train part."""

    @property
    def input(self) -> str:
        """Its text."""
        ...

    @property
    def output(self) -> str:
        """Its label."""
        ...


def names(cheaper: str, *, votes: bool = False) -> list[str]:
    """The options that are asked, the baseline first; ``cheaper`` names the cheaper model, "" where none is listed.

    ``votes``: the run wants the one that votes too, which comes last.
    """
    return [BASELINE, FEW_SHOT, *([CHEAPER] if cheaper else []), *([VOTES] if votes else [])]


def model_of(option: str, model: str, cheaper: str) -> str:
    """The model an option asks: the baseline's, or the cheaper one."""
    return cheaper if option == CHEAPER else model


def messages(option: str, prompt: str, text: str, *, addition: str) -> tuple[Message, ...]:
    """The messages of one call of an option; ``addition`` is what ``addition_of`` gave. Raises ``Invalid``."""
    if option not in _NAMES:
        raise Invalid(f'There is no prompted option "{option}".', hint=f"Known: {', '.join(_NAMES)}.")
    return prompts.messages(prompt, text, addition=addition)


def addition_of(option: str, task: Task, *, examples: Sequence[Example], seed: int) -> str:
    """What an option adds to the baseline's prompt: nothing, or what may be answered, and examples out of ``examples``.

    The draw depends on seed and rows alone. ``examples`` must be train rows: they are shown to the model.
    """
    if option in (BASELINE, CHEAPER, VOTES):
        return ""
    schema = json.dumps(task.schema, ensure_ascii=False, sort_keys=True)
    name = f"{task.approach}/{option}.txt.j2"
    return rendered(name, classes=task.classes, schema=schema, examples=shots(examples, seed))


def rendered(name: str, **facts: object) -> str:
    """A prompt of ours by the name of its template, without the space around it."""
    return _templates().get_template(name).render(**facts).strip()


def shots(examples: Sequence[Example], seed: int) -> list[Example]:
    """``SHOTS`` examples, of as many different labels as there are, short ones first; the same seed, the same ones."""
    drawn = sorted(examples, key=lambda row: (row.input, row.output))
    random.Random(seed).shuffle(drawn)  # noqa: S311 (a reproducible draw, no secret)
    drawn.sort(key=lambda row: len(row.input) > _EXAMPLE_MOST)
    taken: dict[str, int] = {}
    turns: list[tuple[int, int]] = []
    for place, row in enumerate(drawn):
        turn = taken.get(row.output, 0)
        taken[row.output] = turn + 1
        turns.append((turn, place))
    return [drawn[place] for _, place in sorted(turns)[:SHOTS]]


@lru_cache(maxsize=1)
def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("templates", "prompts"),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701 (a prompt is no HTML)
        trim_blocks=True,
        lstrip_blocks=True,
    )
