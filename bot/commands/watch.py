"""Live models as they age: the clock, asking to retire one, and not wanting to hear of one for a while."""

from __future__ import annotations

from bot.messages import notice, watch
from bot.router import Answer, Words, always, command
from engine.desk import retirements
from engine.desk import watch as clocks


@command("stale")
def stale(words: Words) -> Answer:
    """The staleness clock of every live model."""
    return Answer(watch.stale(clocks.stale(words.desk)))


@command("retire", changes=always)
def retire(words: Words) -> Answer:
    """Ask for the next step down."""
    slug = words.asked.word()
    made = retirements.retire(words.desk, words.actor, slug, once=words.once)
    return Answer(notice.Receipt("retiring", slug, made.channel, made.token, made.needed))


@command("snooze", changes=always)
def snooze(words: Words) -> Answer:
    """Hide the advice on one until a day."""
    asked = words.asked
    days, reason = asked.whole("days", 0), asked.text("reason")
    found = clocks.snooze(words.desk, words.actor, asked.word(), days=days, reason=reason, once=words.once)
    return Answer(watch.Snoozed(found))
