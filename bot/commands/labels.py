"""Upload labels: a form in Slack, a file on the command line; Confirm or Cancel under the preview."""

from __future__ import annotations

from pathlib import Path
from typing import TypedDict

from bot import access, grammar
from bot.grammar import Asked, NotUnderstood
from bot.messages import forms, labelling, labels, notice
from bot.router import Answer, FieldErrors, Filled, Form, Press, Words, button, command, form
from engine.desk import features, labellings
from engine.desk import labels as uploads
from engine.errors import Invalid
from engine.models.actor import Role


class TeacherAsked(TypedDict):
    """What was said of a teacher, as the desk takes it."""

    slug: str
    sample: int
    teacher: str
    budget_usd: float
    rights: str


def _opens(asked: Asked) -> bool:
    return "file" not in asked.options


def _changes(asked: Asked) -> bool:
    return bool(asked.options)


@command("labels", opens=_opens, changes=_changes)
def upload(words: Words) -> Answer | Form:
    """Where a file was named it is stored at once; a teacher is quoted first; else a form asks for a file."""
    slug, path = words.asked.word(), words.asked.text("file")
    _refuse_mixed(words.asked)
    if "sample" in words.asked.options:
        return _taught(words)
    if path:
        return Answer(labels.stored(_import(words, slug, path)))
    if words.forms:
        seen = features.show(words.desk, slug)
        return Form(forms.UploadLabels(slug, seen.classes))
    return Answer(labels.state(uploads.show(words.desk, slug)))


@form("upload_labels")
def sent(filled: Filled) -> None:
    """The form, sent: the file is fetched next, and its preview comes as a message."""
    access.check_words(filled.desk, filled.actor, f"labels {filled.carried}")
    if not filled.files:
        raise FieldErrors({"file": "Choose a file: CSV or JSONL with the columns input and output."})


@form("confirm_labelling")
def taught(filled: Filled) -> Answer:
    """The teacher's quote, confirmed."""
    access.check_words(filled.desk, filled.actor, filled.carried)
    asked = grammar.parse(filled.carried)
    return Answer(_teaching(labellings.start(filled.desk, filled.actor, **_teacher(asked), once=filled.once)))


@button("labelling.cancel")
def stop_teacher(press: Press) -> Answer:
    """The Stop button of a teacher's labelling."""
    access.check_words(press.desk, press.actor, f"cancel {press.value}")
    seen = labellings.cancel(press.desk, press.actor, press.value, once=press.once)
    return Answer(notice.Receipt("untaught", seen.slug, seen.channel, seen.run_id))


@button("labels.confirm")
def confirm(press: Press) -> Answer:
    """Store what the preview showed."""
    return Answer(labels.stored(uploads.confirm(press.desk, press.actor, press.value, once=press.once)))


@button("labels.cancel")
def cancel(press: Press) -> Answer:
    """Drop it."""
    return Answer(labels.stored(uploads.cancel(press.desk, press.actor, press.value, once=press.once)))


def _taught(words: Words) -> Answer | Form:
    """In Slack a quote that waits for Confirm; typed in a shell, the words are the consent."""
    if words.forms:
        quote = labellings.quote(words.desk, **_teacher(words.asked))
        if quote.open_run:
            return Answer(labelling.card(labellings.show(words.desk, quote.open_run)))
        return Form(forms.confirm_labelling(quote, words.asked.line()))
    return Answer(_teaching(labellings.start(words.desk, words.actor, **_teacher(words.asked), once=words.once)))


def _teacher(asked: Asked) -> TeacherAsked:
    return TeacherAsked(
        slug=asked.word(),
        sample=asked.whole("sample", 0),
        teacher=asked.text("teacher"),
        budget_usd=asked.money("budget", labellings.DEFAULT_BUDGET_USD),
        rights=asked.text("rights"),
    )


def _teaching(seen: labellings.LabellingView) -> notice.Receipt:
    return notice.Receipt("taught_already" if seen.existed else "teaching", seen.slug, seen.channel, seen.run_id)


def _refuse_mixed(asked: Asked) -> None:
    for name in ("teacher", "budget", "rights"):
        if name in asked.options and "sample" not in asked.options:
            raise NotUnderstood(
                f"{name} says how a teacher labels, and no sample= says how many texts.",
                hint=f"For example: /assay labels {asked.word()} sample=500 {name}=…",
                suggestion="labels",
            )


def _import(words: Words, slug: str, path: str) -> uploads.DraftView:
    if words.actor.role is not Role.OPERATOR:
        raise Invalid(
            "file= names a file of the shell's machine.", hint=f"In Slack a form takes it: /assay labels {slug}"
        )
    file = Path(path.removeprefix("@"))
    if not file.is_file():
        raise Invalid(f"There is no file {file}.", hint="Check the path; it starts from where you typed the command.")
    if file.stat().st_size > uploads.COMMAND_LINE_BYTES:
        raise Invalid(f"{file.name} has more than 2 GB.", hint="Split the file and import its parts one by one.")
    return uploads.import_file(words.desk, words.actor, slug, file.name, content=file.read_bytes())
