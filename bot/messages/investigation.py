"""Investigations: what one would cost, the one message that follows it, and how the newest stand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from bot.messages import examples
from bot.messages.notice import Receipt
from bot.messages.standing import Standing, standing
from bot.messages.verdict import VerdictMessage, verdict
from engine.desk.investigations import Quote, RunView
from engine.models.investigation import OPEN_STATES, RunTask, TaskState

LISTED = 20
SKIPPED_STATUS = TaskState.COMPLETE  # Slack's plan knows no skipped task; the note says so


@dataclass(frozen=True)
class QuoteMessage:
    """What an investigation would do and cost at most."""

    template: ClassVar[str] = "investigation/quote"
    quote: Quote
    words: str

    @classmethod
    def example(cls) -> QuoteMessage:
        """A quote of the default effort."""
        return quoted(examples.quote())


def quoted(quote: Quote) -> QuoteMessage:
    """A quote, with the words that start it."""
    return QuoteMessage(quote, start_words(quote))


def start_words(quote: Quote) -> str:
    """The words that start what was quoted."""
    same = " recipe=last" if quote.last else ""
    votes = " votes=yes" if quote.votes else ""
    return f"investigate {quote.slug} budget={quote.budget_usd:g} effort={quote.effort}{same}{votes}"


@dataclass(frozen=True)
class Started:
    """A run was started by words alone: the receipt, and what the run can prove."""

    template: ClassVar[str] = "investigation/started"
    receipt: Receipt
    quote: Quote

    @classmethod
    def example(cls) -> Started:
        """A run with too few sealed rows for its margin."""
        return Started(Receipt("started", "ticket-router", "C0AI", "inv-7k3mq9ab"), examples.quote())


@dataclass(frozen=True)
class TaskLine:
    """One line of progress: Slack's word for how it stands, and whether it was left out on purpose."""

    name: str
    status: str
    note: str
    skipped: bool


@dataclass(frozen=True)
class Progress:
    """A run under way, or ended without a verdict; ``done`` of ``total`` lines are finished."""

    template: ClassVar[str] = "investigation/progress"
    run: RunView
    standing: Standing
    tasks: tuple[TaskLine, ...]
    done: int
    total: int
    can_cancel: bool

    @classmethod
    def example(cls) -> Progress:
        """A run in the middle."""
        return progress(examples.run())


def card(run: RunView, *, report_url: str = "") -> Progress | VerdictMessage:
    """The one message of a run: its progress, or the verdict once there is one."""
    return verdict(run, report_url=report_url) if run.outcome else progress(run)


def progress(run: RunView) -> Progress:
    """How a run stands. Without a heartbeat it is lost, never running."""
    is_open = run.state in OPEN_STATES
    return Progress(
        run=run,
        standing=standing(run.state, run.lost_since),
        tasks=tuple(_line(task) for task in run.tasks),
        done=sum(task.state in (TaskState.COMPLETE, TaskState.SKIPPED) for task in run.tasks),
        total=len(run.tasks),
        can_cancel=is_open,
    )


@dataclass(frozen=True)
class Runs:
    """The newest runs; ``slug`` when they are of one feature."""

    template: ClassVar[str] = "investigation/list"
    runs: tuple[RunView, ...]
    slug: str

    @classmethod
    def example(cls) -> Runs:
        """A run under way and one with a verdict."""
        return runs([examples.run(), examples.judged()])


def runs(found: list[RunView], slug: str = "") -> Runs:
    """How the newest runs stand."""
    return Runs(tuple(found[:LISTED]), slug)


def _line(task: RunTask) -> TaskLine:
    skipped = task.state is TaskState.SKIPPED
    return TaskLine(task.name, SKIPPED_STATUS if skipped else task.state, task.note, skipped)
