"""Upload labels: a form in Slack, a file on the command line; Confirm or Cancel under the preview."""

from __future__ import annotations

from pathlib import Path
from typing import TypedDict

from bot import access, grammar
from bot.files import SentFile, may_hold_labels
from bot.grammar import Asked, NotUnderstood
from bot.messages import edition, forms, labelling, labels, notice, queue
from bot.router import (
    Answer,
    FieldErrors,
    Filled,
    Form,
    Picked,
    Press,
    Upload,
    Words,
    button,
    command,
    form,
    shortcut,
)
from engine.desk import Desk, editions, features, labellings, queues
from engine.desk import labels as uploads
from engine.errors import Invalid, NotReady
from engine.models.actor import Role
from engine.models.labelling import QueuePurpose


class TeacherAsked(TypedDict):
    """What was said of a teacher, as the desk takes it."""

    slug: str
    sample: int
    teacher: str
    budget_usd: float
    rights: str
    batch: bool


QUEUES = {"queue": QueuePurpose.LABEL, "audit": QueuePurpose.AUDIT, "pairs": QueuePurpose.PAIRS}  # by their keys
BESIDE = {  # what is asked for, by its step or its key, and the keys that may stand beside it
    "file": (),
    "sample": ("teacher", "budget", "rights", "batch"),
    **dict.fromkeys(QUEUES, ("double",)),
    "answer": (),
    **dict.fromkeys(("diff", "rollback"), ("version",)),
    "export": ("version", "file"),
}
QUIET = ("file", *QUEUES, "answer")  # keys that open no form


def _opens(asked: Asked) -> bool:
    return not asked.word(1) and not any(key in asked.options for key in QUIET)


def _changes(asked: Asked) -> bool:
    return bool(asked.options) or asked.word(1) in ("next", "close", "rollback", "export")


@command("labels", opens=_opens, changes=_changes)
def upload(words: Words) -> Answer | Form:
    """Where a file was named it is stored at once; a teacher is quoted first; else a form asks for a file."""
    slug, path = words.asked.word(), words.asked.text("file")
    _refuse_mixed(words.asked)
    if "sample" in words.asked.options:
        return _taught(words)
    if words.asked.word(1) in ("history", "diff", "rollback", "export"):
        return _looked_back(words, slug)
    if words.asked.word(1) or any(key in words.asked.options for key in (*QUEUES, "answer")):
        return _by_people(words, slug)
    if path:
        return Answer(labels.stored(_import(words, slug, path)))
    if words.forms:
        seen = features.show(words.desk, slug)
        return Form(forms.UploadLabels(slug, seen.classes))
    return Answer(labels.state(uploads.show(words.desk, slug), in_shell=True))


@form("upload_labels")
def sent(filled: Filled) -> Upload:
    """The form, sent: the file is fetched next, and its preview comes as a message."""
    access.check_words(filled.desk, filled.actor, f"labels {filled.carried}")
    if not filled.files:
        raise FieldErrors({"file": "Choose a file: CSV or JSONL with the columns input and output."})
    return Upload(filled.carried, filled.files, _columns(filled))


@shortcut("use_as_labels")
def picked(picked: Picked) -> Form:
    """A message's file: ask which feature it is for."""
    found = next((one for one in picked.files if may_hold_labels(one.name)), None)
    if found is None:
        raise Invalid("That message has no file of labels.", hint="Pick one with a CSV, JSONL or Parquet file.")
    return _use(picked.desk, found.id, found.name)


@button("labels.use", opens=True)
def use_pressed(press: Press) -> Form:
    """The same for a file that came in a direct message."""
    return _use(press.desk, press.value, "")


@form("use_file")
def used(filled: Filled) -> Upload:
    """The feature was named: the file is fetched next."""
    slug = features.show(filled.desk, filled.values.get("feature", "")).slug  # typed where there are many
    access.check_words(filled.desk, filled.actor, f"labels {slug}")
    return Upload(slug, (SentFile(id=filled.carried, name="", size=0, url=""),), _columns(filled))


@button("labels.columns", opens=True)
def columns_pressed(press: Press) -> Form:
    """A file's columns are other ones: ask which holds what."""
    carried, *columns = press.value.split("\n")
    slug = features.show(press.desk, carried.partition(" ")[0]).slug
    if not columns:
        raise Invalid("This button carries no columns.", hint=f"Send the file again: /assay labels {slug}")
    return Form(forms.MapColumns(carried, slug, tuple(columns)))


@form("map_columns")
def mapped(filled: Filled) -> Upload:
    """The columns were named: the file is fetched again."""
    slug, _, file_id = filled.carried.partition(" ")
    access.check_words(filled.desk, filled.actor, f"labels {slug}")
    columns = _columns(filled)
    if columns.get("input") == columns.get("output"):
        raise FieldErrors({"output": "That column holds the texts already."})
    return Upload(slug, (SentFile(id=file_id, name="", size=0, url=""),), columns)


def _use(desk: Desk, file_id: str, name: str) -> Form:
    slugs = features.names(desk)
    if not slugs:
        raise NotReady("No feature is registered yet, so these labels are of none.", hint="Start: /assay register")
    return Form(forms.UseFile(file_id, name, slugs))


def _columns(filled: Filled) -> dict[str, str]:
    named = {ours: filled.values.get(ours, "").strip() for ours in ("input", "output", "group")}
    return {ours: theirs for ours, theirs in named.items() if theirs}


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
    return Answer(_decided(uploads.confirm(press.desk, press.actor, press.value, once=press.once)))


@button("labels.cancel")
def cancel(press: Press) -> Answer:
    """Drop it."""
    return Answer(_decided(uploads.cancel(press.desk, press.actor, press.value, once=press.once)))


def _decided(seen: uploads.DraftView) -> notice.Receipt:
    """In a few words, for the preview itself becomes what was made of it."""
    if seen.state != "confirmed":
        return notice.Receipt("dropped", seen.slug)
    return notice.Receipt("known" if seen.unchanged else "stored", seen.slug, name=seen.version)


def _taught(words: Words) -> Answer | Form:
    """In Slack a quote that waits for Confirm; typed in a shell, the words are the consent."""
    if words.dry:
        return Answer(labelling.quoted(labellings.quote(words.desk, **_teacher(words.asked)), words.asked.line()))
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
        batch=asked.text("batch") == "yes",
    )


def _teaching(seen: labellings.LabellingView) -> notice.Receipt:
    return notice.Receipt("taught_already" if seen.existed else "teaching", seen.slug, seen.channel, seen.run_id)


def _refuse_mixed(asked: Asked) -> None:
    """One thing is asked for at a time, and nothing that was said is passed over. Raises ``NotUnderstood``."""
    asks = asked.word(1) or next((key for key in BESIDE if key in asked.options), "")
    stray = next((key for key in asked.options if key != asks and key not in BESIDE.get(asks, ())), "")
    if not stray:
        return
    said = f"{stray} does not go with {asks}" if asks else f"{stray} says nothing by itself"
    homes = " or ".join(name for name, keys in BESIDE.items() if stray in keys)
    goes = f"It goes with {homes}." if homes else "Ask for one thing at a time."
    raise NotUnderstood(f"{said}. Nothing was done.", hint=f"{goes} All of it: /assay help labels", suggestion="labels")


def _by_people(words: Words, slug: str) -> Answer:
    """What people do with a queue, by words."""
    asked = words.asked
    opened = next((key for key in QUEUES if key in asked.options), "")
    if opened:
        return Answer(_queued(words, slug, opened))
    if "answer" in asked.options:
        found = queues.say(words.desk, words.actor, slug, asked.text("answer"), once=words.once)
        return Answer(queue.following(found, slug))
    match asked.word(1):
        case "next":
            found = queues.take(words.desk, words.actor, slug, once=words.once)
            return Answer(notice.Receipt("given", slug) if words.forms else queue.turn(found))
        case "close":
            return Answer(queue.queue(queues.close(words.desk, words.actor, slug, once=words.once)))
        case _:
            return Answer(labels.state(uploads.show(words.desk, slug), in_shell=not words.forms))


def _looked_back(words: Words, slug: str) -> Answer:
    """Versions: their list, what differs, going back, and a file taken out."""
    name = words.asked.text("version")
    match words.asked.word(1):
        case "diff":
            return Answer(edition.diff(editions.diff(words.desk, slug, name)))
        case "rollback":
            if not name:
                hint = f"They are listed by: /assay labels {slug} history"
                raise NotUnderstood("rollback needs version.", hint=hint, suggestion="labels")
            return Answer(edition.history(editions.rollback(words.desk, words.actor, slug, name, once=words.once)))
        case "export":
            return Answer(_exported(words, slug, name))
        case _:
            return Answer(edition.history(editions.history(words.desk, slug)))


def _exported(words: Words, slug: str, name: str) -> edition.FileWritten:
    path = Path(words.asked.text("file").removeprefix("@"))
    if words.actor.role is not Role.OPERATOR or not path.name:
        raise Invalid(
            "An export is a file on the shell's machine.",
            hint=f'There: assay say "labels {slug} export file={slug}.csv" (or .jsonl)',
        )
    if path.exists():
        raise Invalid(f"{path} is there already; it is not overwritten.", hint="Name another file.")
    made = editions.export(words.desk, words.actor, slug, name=name, form=path.suffix.removeprefix(".").lower())
    path.write_bytes(made.content)
    return edition.written(made, str(path))


def _queued(words: Words, slug: str, key: str) -> notice.Receipt:
    seen = queues.start(
        words.desk,
        words.actor,
        slug,
        size=words.asked.whole(key, 0),
        double=words.asked.share("double"),
        purpose=QUEUES[key],
        once=words.once,
    )
    return notice.Receipt("queued", slug, seen.channel, seen.name)


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
