"""Ask until every question has an answer: a prompted option about a part, a judge about its pairs. Sequence only."""

from __future__ import annotations

from engine.flows.durable import Stepper
from engine.flows.steps import ask as options
from engine.flows.steps import judge as judges
from engine.flows.steps.judgement import JudgedPart
from engine.flows.steps.values import Asked, Choice, Frozen, Plan
from engine.models.labels import Part

RETRY_SECONDS = (5.0, 30.0, 120.0, 600.0)  # waits before rows without an answer are asked again


def ask(run: Stepper, frozen: Frozen, road: Plan, option: str, *, part: Part, rows: str) -> Asked:
    """A prompted option's pass over a part; one that stays silent is left out where the verdict allows it."""
    for attempt, seconds in enumerate((*RETRY_SECONDS, 0.0)):
        asked = run.until(
            f"ask {option} {part} {attempt}", options.ask, frozen, road, option, part=part, rows=rows, attempt=attempt
        )
        if not asked.unanswered:
            return asked
        if seconds:
            run.sleep(seconds)
    return run.step(f"unanswered {option} {part}", options.give_up, frozen, option, part)


def judge(run: Stepper, frozen: Frozen, choice: Choice, *, part: Part, level: float) -> JudgedPart:
    """A judge's word on the two sides' texts of a part, both orders of each pair."""
    for attempt, seconds in enumerate((*RETRY_SECONDS, 0.0)):
        made = run.until(
            f"judge {part} {attempt}", judges.judge, frozen, choice, part=part, level=level, attempt=attempt
        )
        if not made.unanswered:
            return made
        if seconds:
            run.sleep(seconds)
    return run.step(f"unanswered judge {part}", judges.give_up, frozen, part)
