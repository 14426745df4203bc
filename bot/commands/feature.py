"""Register a feature, by words or by form; list and show features."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from bot import access, typed
from bot.grammar import Asked, NotUnderstood
from bot.messages import feature, forms, notice
from bot.router import Answer, FieldErrors, Filled, Form, Picked, Words, command, form, shortcut
from engine.desk import features
from engine.desk.features import Registration
from engine.errors import Conflict, Invalid, Refused, Repeated
from engine.models.actor import Role

FILE_BYTES = 100_000

T = TypeVar("T")


def _opens(asked: Asked) -> bool:
    return not asked.positionals and not asked.options


@command("register", opens=_opens, changes=lambda asked: not _opens(asked))
def register(words: Words) -> Answer | Form:
    """By words, or by a form where none were given."""
    asked = words.asked
    if _opens(asked) and words.forms:
        return Form(forms.RegisterFeature(channel=words.actor.channel, owner=words.actor.id))
    if not asked.word():
        raise NotUnderstood(
            "register needs the name of the feature.",
            hint='For example: register ticket-router model=gpt-4o-mini prompt="Sort: {{ input }}" labels=billing,bug',
        )
    prompt, told = (_given(words, name) for name in ("prompt", "schema"))
    registration = Registration(
        slug=asked.word(),
        approach=asked.text("approach", "classify"),
        model=asked.text("model"),
        prompt=prompt,
        base_url=asked.text("base_url"),
        live_since=asked.day("live_since"),
        owner=asked.text("owner"),
        channel=asked.text("channel"),
        margin=asked.share("margin"),
        quality_bar=asked.share("quality_bar"),
        labels=asked.names("labels"),
        output_schema=typed.schema("schema", told) if told else None,
        rights=asked.text("rights"),
    )
    seen = features.register(words.desk, words.actor, registration, once=words.once)
    return Answer(_receipt(seen.slug, seen.channel))


@shortcut("new_feature")
def picked(picked: Picked) -> Form:
    """The form, from anywhere in Slack."""
    return Form(forms.RegisterFeature(channel=picked.actor.channel, owner=picked.actor.id))


@form("register_feature")
def registered(filled: Filled) -> Answer:
    """The form, sent: every field that is wrong is told beside it."""
    access.check_words(filled.desk, filled.actor, "register")
    errors: dict[str, str] = {}
    registration = Registration(
        slug=filled.values.get("slug", "").strip(),
        approach=filled.values.get("approach") or "classify",
        model=filled.values.get("model", "").strip(),
        prompt=filled.values.get("prompt", ""),
        base_url=filled.values.get("base_url", "").strip(),
        live_since=_read(errors, "live_since", filled, typed.day),
        owner=filled.values.get("owner", ""),
        channel=filled.values.get("channel", ""),
        margin=_read(errors, "margin", filled, typed.share),
        quality_bar=_read(errors, "quality_bar", filled, typed.share),
        labels=_read(errors, "labels", filled, typed.names) or (),
        output_schema=_read(errors, "schema", filled, typed.schema),
        rights=filled.values.get("rights", ""),
    )
    today = filled.desk.services.clock.now().date()
    wrong = features.wrong(registration, today=today)
    errors |= {name: said for name, said in wrong.items() if name not in errors}
    if errors:
        raise FieldErrors(errors)
    try:
        seen = features.register(filled.desk, filled.actor, registration, once=filled.once)
    except Repeated:
        raise
    except Conflict as error:
        raise FieldErrors({"slug": error.message.split(",")[0] + ". Nothing was changed."}) from error
    return Answer(_receipt(seen.slug, seen.channel))


@command("features")
def list_features(words: Words) -> Answer:
    """All of them."""
    return Answer(feature.listing(features.every(words.desk)))


@command("show")
def show(words: Words) -> Answer:
    """One of them, with its next step."""
    return Answer(feature.shown(features.show(words.desk, words.asked.word())))


def _receipt(slug: str, channel: str) -> notice.Receipt:
    return notice.Receipt("registered", slug, channel)


def _read(errors: dict[str, str], name: str, filled: Filled, reads: Callable[[str, str], T]) -> T | None:
    word = filled.values.get(name, "").strip()
    if not word:
        return None
    try:
        return reads(name, word)
    except Refused as error:
        errors[name] = str(error)
        return None


def _given(words: Words, name: str) -> str:
    """What a key says: the words themselves, or for the operator the file that ``@path`` names. Raises ``Invalid``."""
    said = words.asked.text(name)
    if said.startswith("@") and words.actor.role is Role.OPERATOR:
        return _from_file(name, said)
    if said.startswith("@") and len(said.split()) == 1:  # never a prompt of one word, nor the name of a field
        raise Invalid(
            f"{name}={typed.echo(said)} names a file of the shell's machine.",
            hint=f"Type the {name} itself, in quotes; or paste it into the form that opens with: /assay register",
        )
    return said


def _from_file(name: str, word: str) -> str:
    path = Path(word.removeprefix("@"))
    try:
        return path.read_bytes()[:FILE_BYTES].decode()
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(f"{name} names the file {path}, which cannot be read as text.", hint="Check the path.") from error
