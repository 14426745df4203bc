"""Where stories are registered: a verb's command, its buttons and its forms. Knows no Slack payload and no database.

A handler is given what was asked and answers with a view; how the answer reaches the person is the surface's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.files import SentFile
from bot.grammar import Asked
from engine.desk import Desk
from engine.errors import Refused
from engine.models.actor import Actor
from engine.models.mail import Once


@dataclass(frozen=True)
class Answer:
    """What the person who asked is told, alone. ``view`` is a dataclass of ``bot.messages``.

    ``is_bad`` says that what was checked is broken, so that a shell's exit code tells it (1).
    """

    view: Any
    is_bad: bool = False


@dataclass(frozen=True)
class Form:
    """A form to open for the person who asked. ``view`` is a form dataclass of ``bot.messages.forms``."""

    view: Any


@dataclass(frozen=True, kw_only=True)
class Words:
    """A command. ``forms`` tells whether a form can be opened; where not (``assay say``), the words are the consent.

    ``dry`` asks what the words would cost, and for nothing to be done.
    """

    desk: Desk
    actor: Actor
    asked: Asked
    forms: bool = False
    dry: bool = False
    once: Once | None = None


@dataclass(frozen=True, kw_only=True)
class Press:
    """A button that was pressed, with the value it carried."""

    desk: Desk
    actor: Actor
    value: str
    once: Once | None = None


@dataclass(frozen=True, kw_only=True)
class Filled:
    """A form that was sent: values by field, files, and the ids the form carried."""

    desk: Desk
    actor: Actor
    values: Mapping[str, str]
    files: tuple[SentFile, ...] = ()
    carried: str = ""
    once: Once | None = None


@dataclass(frozen=True, kw_only=True)
class Picked:
    """A shortcut that was picked; ``files`` are those of the message it was picked on, none for a global one."""

    desk: Desk
    actor: Actor
    files: tuple[SentFile, ...] = ()


@dataclass(frozen=True)
class Upload:
    """What a form of files answers with: they are fetched next, and the preview of each is a message of its own.

    A file without an address is looked up by its id. ``columns`` are the file's own names for ours.
    """

    slug: str
    files: tuple[SentFile, ...]
    columns: Mapping[str, str] = field(default_factory=dict[str, str])


class FieldErrors(Refused):
    """A form that cannot be taken: one sentence per field, shown beside it."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__("; ".join(errors.values()))
        self.errors = dict(errors)


AnswerCommand = Callable[[Words], Answer | Form]
AnswerPress = Callable[[Press], Answer | Form | None]
AnswerForm = Callable[[Filled], Answer | Upload | None]
AnswerPick = Callable[[Picked], Answer | Form]


@dataclass(frozen=True)
class Command:
    """A verb's handler; ``opens`` tells which askings open a form, ``changes`` which change something."""

    handle: AnswerCommand
    opens: Callable[[Asked], bool]
    changes: Callable[[Asked], bool]


@dataclass(frozen=True)
class Button:
    """A button's handler; ``opens``: it opens a form, ``looks``: it changes nothing, so guests may press it."""

    handle: AnswerPress
    opens: bool
    looks: bool


@dataclass
class Registry:
    """Everything ``bot.commands`` registered, by verb, action id, form id and shortcut id."""

    commands: dict[str, Command] = field(default_factory=dict[str, Command])
    buttons: dict[str, Button] = field(default_factory=dict[str, Button])
    forms: dict[str, AnswerForm] = field(default_factory=dict[str, AnswerForm])
    shortcuts: dict[str, AnswerPick] = field(default_factory=dict[str, AnswerPick])


REGISTRY = Registry()


def never(_asked: Asked) -> bool:
    """No asking of the verb does."""
    return False


def always(_asked: Asked) -> bool:
    """Every asking of the verb does."""
    return True


def command(
    verb: str, *, opens: Callable[[Asked], bool] = never, changes: Callable[[Asked], bool] = never
) -> Callable[[AnswerCommand], AnswerCommand]:
    """Register the handler of a verb."""

    def register(handle: AnswerCommand) -> AnswerCommand:
        REGISTRY.commands[verb] = Command(handle, opens, changes)
        return handle

    return register


def button(action_id: str, *, opens: bool = False, looks: bool = False) -> Callable[[AnswerPress], AnswerPress]:
    """Register the handler of a button."""

    def register(handle: AnswerPress) -> AnswerPress:
        REGISTRY.buttons[action_id] = Button(handle, opens, looks)
        return handle

    return register


def form(callback_id: str) -> Callable[[AnswerForm], AnswerForm]:
    """Register the handler of a form."""

    def register(handle: AnswerForm) -> AnswerForm:
        REGISTRY.forms[callback_id] = handle
        return handle

    return register


def shortcut(callback_id: str) -> Callable[[AnswerPick], AnswerPick]:
    """Register the handler of a shortcut; the manifest names those Slack offers."""

    def register(handle: AnswerPick) -> AnswerPick:
        REGISTRY.shortcuts[callback_id] = handle
        return handle

    return register
