"""The Home tab of one person: what waits for them, their features, what runs, the month's money, and settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from bot.messages import approval, bill, examples, months
from bot.messages.approval import Request
from bot.messages.bill import Bill
from bot.messages.digest import Line, line_of
from bot.messages.feature import words_of
from engine.desk.approvals import Waiting
from engine.desk.bills import BillView
from engine.desk.features import FeatureView, Owned
from engine.desk.investigations import RunView

WAITING, FEATURES, RUNNING = 5, 10, 5


@dataclass(frozen=True)
class Mine:
    """One feature: ``line`` is its month where a tuned model answers, ``words`` ask for its next step."""

    feature: FeatureView
    line: Line | None
    words: str


@dataclass(frozen=True)
class Home:
    """Home of one person; ``more_`` counts what is left out. ``is_mine``: these are their features, not the team's.

    Features ``first`` to ``last`` of ``total`` are shown; ``before`` and ``after`` are where the pages beside begin.
    """

    template: ClassVar[str] = "home/tab"
    waiting: tuple[Request, ...]
    more_waiting: int
    features: tuple[Mine, ...]
    first: int
    last: int
    total: int
    before: int | None
    after: int | None
    is_mine: bool
    running: tuple[RunView, ...]
    more_running: int
    bill: Bill

    @classmethod
    def example(cls) -> Home:
        """The Home of an owner who is an approver too."""
        owned = Owned(
            features=(
                examples.feature(verdict="SHIP_CHEAPER", stage="live", next_step="/assay rollout ticket-router"),
                examples.feature(slug="refund-reason", verdict="SHIP_CHEAPER", stage="live"),
                examples.feature(slug="tone-check", next_step="/assay labels tone-check"),
            ),
            total=14,
            is_mine=True,
            start=3,
        )
        falling = months.look(
            slug="refund-reason", advice="RETIRE", saved_usd=-84.0, keep_month_usd=504.0, best_month_usd=420.0,
            advantage=-0.2, reasons=["2 bad months in a row"],
        )  # fmt: skip
        looks = {"ticket-router": months.look(), "refund-reason": falling}
        cost = bill.example().model_copy(update={"slug": "", "is_running": True})
        return home(
            Waiting(requests=(examples.approval(),), total=1), owned, looks, running=[examples.run()], cost=cost, most=3
        )


@dataclass(frozen=True)
class Welcome:
    """The Home of somebody in a team without a feature: what Assay answers, and the first thing to do."""

    template: ClassVar[str] = "home/welcome"
    command: str

    @classmethod
    def example(cls) -> Welcome:
        """A new workspace."""
        return cls("/assay")


def home(
    waiting: Waiting,
    owned: Owned,
    looks: Mapping[str, dict[str, Any]],
    *,
    running: list[RunView],
    cost: BillView,
    most: int = FEATURES,
) -> Home:
    """One person's Home, ``most`` features a page. ``looks`` are the months of live features by slug."""
    end = owned.start + len(owned.features)
    return Home(
        waiting=tuple(approval.request(one) for one in waiting.requests),
        more_waiting=waiting.total - len(waiting.requests),
        features=tuple(_mine(one, looks.get(one.slug)) for one in owned.features),
        first=owned.start + 1,
        last=end,
        total=owned.total,
        before=max(owned.start - most, 0) if owned.start else None,
        after=end if end < owned.total else None,
        is_mine=owned.is_mine,
        running=tuple(running[:RUNNING]),
        more_running=max(len(running) - RUNNING, 0),
        bill=bill.month(cost),
    )


def _mine(feature: FeatureView, look: dict[str, Any] | None) -> Mine:
    line = line_of(look) if look else None
    return Mine(feature, line, line.words if line and line.words else words_of(feature.next_step))
