"""One text after another before one person: taken, answered by buttons or in a form, and the queue's end."""

from __future__ import annotations

from bot import access
from bot.messages import forms, notice, queue
from bot.router import Answer, FieldErrors, Filled, Form, Press, button, form
from engine.desk import queues
from engine.errors import Invalid
from engine.models.labelling import Said


@button("queue.take")
def take(press: Press) -> Answer:
    """Give me a text."""
    access.check_words(press.desk, press.actor, f"labels {press.value} next")
    queues.take(press.desk, press.actor, press.value, once=press.once)
    return Answer(notice.Receipt("given", press.value))


@button("queue.answer")
def answered(press: Press) -> Answer | None:
    """A label, skip or cannot tell; the next text comes as a message of its own."""
    turn_id, _, word = press.value.partition(".")
    seen = queues.turn(press.desk, _turn_id(turn_id))
    label = seen.classes[int(word)] if word.isdigit() and int(word) < len(seen.classes) else ""
    said = Said.LABEL if label else Said.UNCLEAR if word == "unclear" else Said.SKIP
    found = queues.answer(press.desk, press.actor, seen.turn_id, said, label=label, once=press.once)
    return None if found else Answer(queue.Done(seen.slug))


@button("queue.close")
def closed(press: Press) -> Answer:
    """Close the queue now."""
    access.check_words(press.desk, press.actor, f"labels {press.value} close")
    return Answer(queue.queue(queues.close(press.desk, press.actor, press.value, once=press.once)))


@button("queue.write", opens=True)
def write_pressed(press: Press) -> Form:
    """Ask for the answer: a form, of the schema's fields where it is flat."""
    return Form(forms.write_label(queues.mine(press.desk, press.actor, _turn_id(press.value))))


@form("write_label")
def wrote(filled: Filled) -> Answer | None:
    """An answer, sent; what does not fit is said beside its field, and the next text comes as a message of its own."""
    seen = queues.mine(filled.desk, filled.actor, _turn_id(filled.carried))
    asked = forms.write_label(seen)
    try:
        found = queues.answer(
            filled.desk, filled.actor, seen.turn_id, Said.LABEL, label=asked.said(filled.values), once=filled.once
        )
    except Invalid as error:
        raise FieldErrors({asked.key_of(error.message): error.message}) from error
    return None if found else Answer(queue.Done(seen.slug))


def _turn_id(told: str) -> int:
    return int(told) if told.isdigit() else 0
