"""Forms: each asks what its verb would take as words, under the same names."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from bot.blockkit import limits
from bot.messages import examples, labelled
from bot.messages.approval import button_value
from bot.messages.investigation import start_words
from bot.messages.labelling import capped
from bot.messages.queue import SHOWN
from bot.messages.settings import Policies
from engine.desk.approvals import REASON_LEAST, REASON_MOST, ApprovalView
from engine.desk.investigations import Quote
from engine.desk.labellings import TeacherQuote
from engine.desk.policies import BAR, MARGIN, PolicyView
from engine.desk.queues import TurnView, Way
from engine.desk.watch import REASON_LEAST as WHY_LEAST
from engine.desk.watch import REASON_MOST as WHY_MOST
from engine.desk.watch import SNOOZE_DAYS_MOST


@dataclass(frozen=True)
class RegisterFeature:
    """A new feature; ``channel`` is where it was asked for, ``owner`` who asked."""

    template: ClassVar[str] = "forms/register_feature"
    channel: str
    owner: str
    slug: str = ""

    @classmethod
    def example(cls) -> RegisterFeature:
        """An empty form."""
        return cls("C0AI", "U0ANN")


@dataclass(frozen=True)
class UploadLabels:
    """A file of labels for a feature."""

    template: ClassVar[str] = "forms/upload_labels"
    slug: str
    classes: tuple[str, ...] = ()

    @classmethod
    def example(cls) -> UploadLabels:
        """Labels of a classifier."""
        return cls("ticket-router", ("billing", "bug", "howto"))


@dataclass(frozen=True)
class UseFile:
    """A file that is in Slack already, to be used as labels of one of ``slugs``; ``file_id`` is carried."""

    template: ClassVar[str] = "forms/use_file"
    file_id: str
    name: str
    slugs: tuple[str, ...]

    @classmethod
    def example(cls) -> UseFile:
        """A file of a thread."""
        return cls("F0123ABC", "tickets.csv", ("ticket-router", "refund-reason"))


@dataclass(frozen=True)
class MapColumns:
    """Which of a file's ``columns`` holds what; ``carried`` names feature and file."""

    template: ClassVar[str] = "forms/map_columns"
    carried: str
    slug: str
    columns: tuple[str, ...]

    @classmethod
    def example(cls) -> MapColumns:
        """An export of a help desk."""
        return cls("ticket-router F0123ABC", "ticket-router", ("ticket-id", "ticket text", "team"))


@dataclass(frozen=True)
class ConfirmInvestigation:
    """A quote that waits for Confirm; ``words`` start what was quoted."""

    template: ClassVar[str] = "forms/confirm_investigation"
    quote: Quote
    words: str

    @classmethod
    def example(cls) -> ConfirmInvestigation:
        """A quote of the default effort."""
        return confirm_investigation(examples.quote())


@dataclass(frozen=True)
class ConfirmLabelling:
    """What a teacher's labels would cost, waiting for Confirm; ``words`` ask for what was quoted."""

    template: ClassVar[str] = "forms/confirm_labelling"
    quote: TeacherQuote
    words: str
    capped_rows: int | None = None

    @classmethod
    def example(cls) -> ConfirmLabelling:
        """Five hundred texts."""
        return confirm_labelling(labelled.teacher_quote(), "labels ticket-router sample=500")


@dataclass(frozen=True)
class ConfirmDrill:
    """A rollback drill that waits for Confirm; ``share`` is the tuned share that it leaves alone."""

    template: ClassVar[str] = "forms/confirm_drill"
    slug: str
    share: float

    @classmethod
    def example(cls) -> ConfirmDrill:
        """A canary of 5 %."""
        return cls("ticket-router", 0.05)


@dataclass(frozen=True)
class RejectApproval:
    """The reason for a no, of ``least`` to ``most`` characters."""

    template: ClassVar[str] = "forms/reject_approval"
    approval: ApprovalView
    value: str
    least: int = REASON_LEAST
    most: int = REASON_MOST

    @classmethod
    def example(cls) -> RejectApproval:
        """A no to 25 %."""
        return reject_approval(examples.approval())


@dataclass(frozen=True)
class EditSetting:
    """One value of a policy to change; ``slug`` is "" for the team's. ``settings`` are names with their values."""

    template: ClassVar[str] = "forms/edit_setting"
    slug: str
    sha: str
    settings: tuple[tuple[str, str], ...]

    @classmethod
    def example(cls) -> EditSetting:
        """A feature's policy."""
        return edit_setting(Policies.example().policy)


@dataclass(frozen=True)
class SnoozeFeature:
    """How long, and why, the advice on a feature is hidden: at most ``days_most``, in ``least`` to ``most`` letters."""

    template: ClassVar[str] = "forms/snooze_feature"
    slug: str
    days_most: int = SNOOZE_DAYS_MOST
    least: int = WHY_LEAST
    most: int = WHY_MOST

    @classmethod
    def example(cls) -> SnoozeFeature:
        """A model that the digest would retire."""
        return cls("refund-reason")


@dataclass(frozen=True)
class LabelField:
    """One field of an answer by its place; ``kind`` is what it takes, ``options`` its closed list.

    ``is_truth``: it takes true or false.
    """

    place: int
    name: str
    kind: str
    is_truth: bool
    needed: bool
    options: tuple[tuple[str, str], ...]

    @property
    def key(self) -> str:
        """The key of its input: a name may hold anything."""
        return f"field{self.place}"


@dataclass(frozen=True)
class WriteLabel:
    """An answer to write to a text: field by field, or whole under ``key``, as a text or a JSON object."""

    template: ClassVar[str] = "forms/write_label"
    key: ClassVar[str] = "answer"
    turn_id: int
    slug: str
    text: str
    is_json: bool
    fields: tuple[LabelField, ...]

    @classmethod
    def example(cls) -> WriteLabel:
        """An address."""
        return write_label(labelled.writing())

    def said(self, values: Mapping[str, str]) -> str:
        """What was written, as the desk takes it: a text, or an object as JSON. An empty field is absent."""
        if not self.fields:
            return values.get(self.key, "")
        told = {one: values.get(one.key, "").strip() for one in self.fields}
        return json.dumps({one.name: said == "true" if one.is_truth else said for one, said in told.items() if said})

    def key_of(self, reason: str) -> str:
        """The key of the field that a refusal names; the first one where it names none."""
        named = (one.key for one in self.fields if reason.startswith((f"{one.name}:", f"{one.name} ")))
        return next(named, self.fields[0].key if self.fields else self.key)


def write_label(seen: TurnView) -> WriteLabel:
    """The form in which a person writes the answer to the text before them."""
    fields = [
        LabelField(
            place=place,
            name=one.name,
            kind=one.kind,
            is_truth=one.is_truth,
            needed=one.needed,
            options=tuple((word, word) for word in one.choices),
        )
        for place, one in enumerate(seen.fields)
    ]
    return WriteLabel(seen.turn_id, seen.slug, seen.text[:SHOWN], seen.way is Way.JSON, tuple(fields))


def edit_setting(policy: PolicyView) -> EditSetting:
    """The form that changes one value: what may be set, each with the value in force."""
    own = ((MARGIN, policy.margin), (BAR, policy.quality_bar)) if policy.slug else ()
    told = [(name, "" if value is None else f"{value:g}") for name, value in own]
    told += [(one.name, one.value) for kind in policy.kinds for one in kind.settings]
    return EditSetting(policy.slug, policy.sha[:12], tuple(told[: limits.OPTIONS]))


def confirm_investigation(quote: Quote) -> ConfirmInvestigation:
    """The form that starts what was quoted."""
    return ConfirmInvestigation(quote, start_words(quote))


def confirm_labelling(quote: TeacherQuote, words: str) -> ConfirmLabelling:
    """The form that starts a labelling. Where the forecast passes the cap it says how many rows the cap pays for."""
    return ConfirmLabelling(quote, words, capped(quote.rows, quote.usd, quote.budget_usd))


def reject_approval(approval: ApprovalView) -> RejectApproval:
    """The form that asks why not."""
    return RejectApproval(approval, button_value(approval))
