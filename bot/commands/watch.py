"""Live models as they age: the clock, asking to retire one, and not wanting to hear of one for a while."""

from __future__ import annotations

from bot import access, typed
from bot.messages import forms, notice, watch
from bot.router import Answer, FieldErrors, Filled, Form, Press, Words, always, button, command, form
from engine.desk import retirements
from engine.desk import watch as clocks
from engine.errors import Invalid


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


@button("watch.snooze", opens=True)
def snooze_pressed(press: Press) -> Form:
    """Ask for how long, and why."""
    access.check_words(press.desk, press.actor, f'snooze {press.value} days=1 reason="…"')
    return Form(forms.SnoozeFeature(press.value))


@form("snooze_feature")
def snoozed(filled: Filled) -> Answer:
    """Days and reason, sent."""
    slug = filled.carried
    access.check_words(filled.desk, filled.actor, f'snooze {slug} days=1 reason="…"')
    try:
        days = typed.whole("days", filled.values.get("days", ""))
        reason = filled.values.get("reason", "")
        found = clocks.snooze(filled.desk, filled.actor, slug, days=days, reason=reason, once=filled.once)
    except Invalid as error:
        field = "reason" if error.message.startswith("The reason") else "days"
        raise FieldErrors({field: error.message}) from error
    return Answer(watch.Snoozed(found))
