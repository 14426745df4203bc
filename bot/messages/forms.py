"""Forms: each asks what its verb would take as words, under the same names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from bot.blockkit import limits
from bot.messages import examples, labelled
from bot.messages.approval import button_value
from bot.messages.investigation import start_words
from bot.messages.settings import Policies
from engine.desk.approvals import REASON_LEAST, REASON_MOST, ApprovalView
from engine.desk.investigations import Quote
from engine.desk.labellings import TeacherQuote
from engine.desk.policies import BAR, MARGIN, PolicyView
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
    over = quote.usd > quote.budget_usd
    return ConfirmLabelling(quote, words, int(quote.rows * quote.budget_usd / quote.usd) if over else None)


def reject_approval(approval: ApprovalView) -> RejectApproval:
    """The form that asks why not."""
    return RejectApproval(approval, button_value(approval))
