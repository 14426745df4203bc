"""Read whether a feature is worth an investigation, sign what only people know, override a condition by two."""

from __future__ import annotations

from bot import links
from bot.grammar import Asked, NotUnderstood
from bot.messages import reading
from bot.router import Answer, Words, always, command
from engine.desk import readiness
from engine.desk.readiness import DAYS, ReadingView

NEEDED = {"sign": ("fact", "value", "reason"), "override": ("condition", "reason"), "approve": ("condition",)}
EXAMPLES = {
    "sign": 'fact=on_call value=yes reason="The support team has a rota."',
    "override": 'condition=tenure days=60 reason="The launch date is regulated."',
    "approve": "condition=tenure",
}


@command("ready", changes=always)
def ready(words: Words) -> Answer:
    """The reading as it is now, or after a signature, an override that was asked for, or its approval."""
    step = words.asked.word(1)
    _check(words.asked, step)
    match step:
        case "sign":
            found = _signed(words)
        case "override":
            found = _asked_for(words)
        case "approve":
            condition = words.asked.text("condition").lower()
            found = readiness.approve(words.desk, words.actor, words.asked.word(), condition=condition, once=words.once)
        case _:
            found = readiness.ask(words.desk, words.actor, words.asked.word(), once=words.once)
    return Answer(reading.reading(found, page_url=links.reading(words.desk, found.slug)))


def _signed(words: Words) -> ReadingView:
    asked = words.asked
    return readiness.sign(
        words.desk,
        words.actor,
        asked.word(),
        fact=asked.text("fact").lower(),
        value=asked.text("value"),
        reason=asked.text("reason"),
        days=asked.whole("days", DAYS),
        once=words.once,
    )


def _asked_for(words: Words) -> ReadingView:
    asked = words.asked
    return readiness.override(
        words.desk,
        words.actor,
        asked.word(),
        condition=asked.text("condition").lower(),
        reason=asked.text("reason"),
        days=asked.whole("days", DAYS),
        once=words.once,
    )


def _check(asked: Asked, step: str) -> None:
    slug = asked.word()
    if not step and asked.options:
        raise NotUnderstood(
            "ready takes keys after a step alone: sign, override or approve.",
            hint=f"For example: /assay ready {slug} sign {EXAMPLES['sign']}",
            suggestion="ready",
        )
    missing = next((key for key in NEEDED.get(step, ()) if key not in asked.options), None)
    if missing is not None:
        raise NotUnderstood(
            f"ready {slug} {step} needs {missing}.",
            hint=f"For example: /assay ready {slug} {step} {EXAMPLES[step]}",
            suggestion="ready",
        )
