"""Upload labels: a form in Slack, a file on the command line; Confirm or Cancel under the preview."""

from __future__ import annotations

from pathlib import Path

from bot import access
from bot.grammar import Asked
from bot.messages import forms, labels
from bot.router import Answer, FieldErrors, Filled, Form, Press, Words, button, command, form
from engine.desk import features
from engine.desk import labels as uploads
from engine.errors import Invalid
from engine.models.actor import Role


def _opens(asked: Asked) -> bool:
    return "file" not in asked.options


@command("labels", opens=_opens, changes=lambda asked: not _opens(asked))
def upload(words: Words) -> Answer | Form:
    """Where a file was named it is stored at once; else a form asks for one, or the state is shown."""
    slug, path = words.asked.word(), words.asked.text("file")
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


@button("labels.confirm")
def confirm(press: Press) -> Answer:
    """Store what the preview showed."""
    return Answer(labels.stored(uploads.confirm(press.desk, press.actor, press.value, once=press.once)))


@button("labels.cancel")
def cancel(press: Press) -> Answer:
    """Drop it."""
    return Answer(labels.stored(uploads.cancel(press.desk, press.actor, press.value, once=press.once)))


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
