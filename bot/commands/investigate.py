"""Start an investigation after its quote, watch it, cancel it, and see what it found."""

from __future__ import annotations

from typing import TypedDict

from bot import access, grammar, links
from bot.messages import forms, investigation, labelling, notice, verdict
from bot.router import Answer, Filled, Form, Press, Words, always, button, command, form
from engine.desk import features, investigations, labellings
from engine.desk.investigations import DEFAULT_BUDGET_USD, RunView
from engine.errors import Invalid
from engine.models.investigation import Effort

TAUGHT = "lab-"  # the ids of teachers' labellings


class RunAsked(TypedDict):
    """What was said of a run, as the desk takes it."""

    budget_usd: float
    effort: Effort | None
    again: bool
    votes: bool


@command("investigate", opens=always, changes=always)
def investigate(words: Words) -> Answer | Form:
    """A quote that waits for Confirm in Slack; typed in a shell, the words are the consent."""
    asked = _asked(words.asked)
    slug = words.asked.word()
    if words.dry:
        return Answer(investigation.quoted(investigations.quote(words.desk, slug, **asked)))
    if words.forms:
        quote = investigations.quote(words.desk, slug, **asked)
        if quote.open_run:
            return Answer(investigation.runs(investigations.status(words.desk, quote.open_run), slug))
        return Form(forms.confirm_investigation(quote))
    return Answer(_started(words, slug, asked))


@form("confirm_investigation")
def confirmed(filled: Filled) -> Answer:
    """The quote, confirmed."""
    access.check_words(filled.desk, filled.actor, filled.carried)
    asked = grammar.parse(filled.carried)
    run = investigations.start(filled.desk, filled.actor, asked.word(), once=filled.once, **_asked(asked))
    return Answer(_receipt(run))


@command("status")
def status(words: Words) -> Answer:
    """How investigations stand: the newest of all, of one feature, or one of them; a teacher's labelling by its id."""
    asked = words.asked.word()
    if asked.startswith(TAUGHT) and asked not in features.names(words.desk):
        return Answer(labelling.card(labellings.show(words.desk, asked)))
    found = investigations.status(words.desk, asked)
    if len(found) == 1 and asked:
        return Answer(investigation.card(found[0]))
    return Answer(investigation.runs(found, asked))


@command("cancel", changes=always)
def cancel(words: Words) -> Answer:
    """End a run, or a teacher's labelling."""
    if words.asked.word().startswith(TAUGHT):
        seen = labellings.cancel(words.desk, words.actor, words.asked.word(), once=words.once)
        return Answer(notice.Receipt("untaught", seen.slug, seen.channel, seen.run_id))
    return Answer(_cancelled(investigations.cancel(words.desk, words.actor, words.asked.word(), once=words.once)))


@button("investigation.cancel")
def cancel_pressed(press: Press) -> Answer:
    """The Cancel button of a running investigation."""
    access.check_words(press.desk, press.actor, f"cancel {press.value}")
    return Answer(_cancelled(investigations.cancel(press.desk, press.actor, press.value, once=press.once)))


@command("compare")
def compare(words: Words) -> Answer:
    """The newest verdict with its evidence."""
    run = investigations.compare(words.desk, words.asked.word())
    return Answer(verdict.verdict(run, report_url=links.report(words.desk, run.run_id)))


def _asked(asked: grammar.Asked) -> RunAsked:
    word, again = asked.text("effort"), "recipe" in asked.options
    if word and word not in set(Effort):
        raise Invalid(f"effort is {word[:40]!r}.", hint=f"One of: {', '.join(Effort)}")
    return RunAsked(
        budget_usd=asked.money("budget", DEFAULT_BUDGET_USD),
        effort=Effort(word) if word else None,
        again=again,
        votes=asked.text("votes") == "yes",
    )


def _started(words: Words, slug: str, asked: RunAsked) -> notice.Receipt | investigation.Started:
    run = investigations.start(words.desk, words.actor, slug, once=words.once, **asked)
    return investigation.Started(_receipt(run), run.quote) if run.quote else _receipt(run)


def _receipt(run: RunView) -> notice.Receipt:
    return notice.Receipt("running" if run.existed else "started", run.slug, run.channel, run.run_id)


def _cancelled(run: RunView) -> notice.Receipt:
    return notice.Receipt("cancelled", run.slug, run.channel, run.run_id)
