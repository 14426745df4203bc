"""Answers to one person: a refusal, a fault of ours, a receipt, help, the menu."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from bot.grammar import VERBS, Asked, NotUnderstood, Verb, usage
from bot.messages import examples
from engine.desk.approvals import ApprovalView
from engine.desk.features import FeatureView
from engine.errors import Refused
from engine.models.actor import Role

Deed = Literal[
    "registered", "started", "running", "asked", "voted", "approved", "rejected", "cancelled", "moved", "stored",
    "dropped", "known", "named", "sending", "packed",
    "retiring", "teaching", "taught_already", "untaught", "queued", "given",
]  # fmt: skip
MENU_FEATURES = 5


@dataclass(frozen=True)
class Refusal:
    """Why not, and what to do next; ``words`` is the line put right, for a button."""

    template: ClassVar[str] = "notice/refused"
    message: str
    hint: str
    people: tuple[str, ...] = ()
    suggestion: str = ""
    words: str = ""

    @classmethod
    def example(cls) -> Refusal:
        """A mistyped verb."""
        return cls("I don't know `regster`.", "Did you mean register?", (), "register", "register ticket-router")


def refused(error: Refused) -> Refusal:
    """A refusal as it is told."""
    if isinstance(error, NotUnderstood):
        return Refusal(error.message, error.hint, error.people, error.suggestion, error.words)
    return Refusal(error.message, error.hint, error.people)


@dataclass(frozen=True)
class Broke:
    """Something broke on our side; ``ref`` is in the log."""

    template: ClassVar[str] = "notice/broke"
    ref: str

    @classmethod
    def example(cls) -> Broke:
        """A reference as logs show it."""
        return cls("7F3K")


@dataclass(frozen=True)
class Parcel:
    """A file that was asked for; it stands in this message's thread."""

    template: ClassVar[str] = "notice/parcel"
    kind: Literal["export", "refused", "report"]
    slug: str
    name: str

    @classmethod
    def example(cls) -> Parcel:
        """An export."""
        return cls("export", "ticket-router", "ticket-router-2026-11-02.zip")


@dataclass(frozen=True)
class Dropped:
    """A file came in a direct message: what it is for is asked by a button, which carries the file's id."""

    template: ClassVar[str] = "notice/dropped"
    file_id: str
    name: str

    @classmethod
    def example(cls) -> Dropped:
        """A CSV."""
        return cls("F0123ABC", "tickets.csv")


def asks_for_form(asked: Asked) -> Refusal:
    """What a message is told that asks for a form: a button that opens it."""
    return Refusal("That needs a form.", "This button opens it:", (), asked.verb, asked.line())


@dataclass(frozen=True)
class Receipt:
    """A deed was done. ``channel`` is where the message about it stands, ``missing`` how many votes are."""

    template: ClassVar[str] = "notice/receipt"
    deed: Deed
    slug: str
    channel: str = ""
    name: str = ""
    missing: int = 0

    @classmethod
    def example(cls) -> Receipt:
        """A registration."""
        return cls("registered", "ticket-router", "C0AI")


@dataclass(frozen=True)
class ShutOut:
    """A channel does not take messages, for Slack's reason ``code``: its feature's owner reads how to mend it."""

    template: ClassVar[str] = "notice/shut_out"
    channel: str
    code: str

    @classmethod
    def example(cls) -> ShutOut:
        """A channel the bot was never invited to."""
        return cls("C0AI", "not_in_channel")


@dataclass(frozen=True)
class HelpLine:
    """One verb as help lists it."""

    name: str
    usage: str
    summary: str


@dataclass(frozen=True)
class Help:
    """Every verb in one line."""

    template: ClassVar[str] = "notice/help"
    verbs: tuple[HelpLine, ...]

    @classmethod
    def example(cls) -> Help:
        """The whole table."""
        return help_all()


def help_all() -> Help:
    """Help without a verb."""
    return Help(tuple(HelpLine(verb.name, usage(verb), verb.summary) for verb in VERBS))


@dataclass(frozen=True)
class VerbHelp:
    """One verb: how it is typed, examples, and the role it needs."""

    template: ClassVar[str] = "notice/verb_help"
    name: str
    usage: str
    summary: str
    examples: tuple[str, ...]
    role: Role
    looks: bool
    loosened: tuple[tuple[str, Role], ...]
    tightened: tuple[tuple[str, Role], ...] = ()

    @classmethod
    def example(cls) -> VerbHelp:
        """The verb with the most to say."""
        return help_one(next(verb for verb in VERBS if verb.name == "rollout"))


def help_one(verb: Verb) -> VerbHelp:
    """Help of one verb."""
    return VerbHelp(
        verb.name, usage(verb), verb.summary, verb.examples, verb.role, verb.looks, verb.loosened, verb.tightened
    )


@dataclass(frozen=True)
class Menu:
    """What a person sees who types no words: what waits for their vote, and their features."""

    template: ClassVar[str] = "notice/menu"
    waiting: tuple[ApprovalView, ...]
    features: tuple[FeatureView, ...]
    more: int

    @classmethod
    def example(cls) -> Menu:
        """One request and one feature."""
        return menu((examples.approval(),), (examples.feature(),))


def menu(waiting: tuple[ApprovalView, ...], features: tuple[FeatureView, ...]) -> Menu:
    """The menu of one person."""
    return Menu(waiting[:MENU_FEATURES], features[:MENU_FEATURES], max(len(features) - MENU_FEATURES, 0))
