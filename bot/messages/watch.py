"""Live models as they age: the staleness clock, a snooze, the week's alerts, and what a retired model was worth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from bot.messages import months
from bot.messages.digest import Line, line_of
from engine.desk.retirements import MemoView
from engine.desk.watch import AlertsView, Clock, SnoozeView, StaleView

LISTED = 12


@dataclass(frozen=True)
class Tried:
    """A prompted option of the newest re-baseline; ``own``: asked with the team's own prompt for that model."""

    model: str
    own: bool
    quality: float | None
    month_usd: float | None
    qualified: bool
    simulated: bool


@dataclass(frozen=True)
class Beside:
    """How the live model and the options (model, own prompt, share) did on fresh rows, drawn fairly or not."""

    random: bool
    rows: int
    live: float
    options: tuple[tuple[str, bool, float], ...]


@dataclass(frozen=True)
class Hand:
    """One live model on the clock: its line, its advantage by month, and why no date can be given, if none can.

    ``tried`` are the options of the re-baseline of ``rebaselined``; ``unmigrated`` models have no prompt of their own,
    ``untried`` says why none was asked this month; ``overfitted``: at the verdict dev was by ``gap`` too kind to it.
    """

    line: Line
    trend: tuple[tuple[str, float], ...]
    no_date: str
    drifting: tuple[str, ...]
    looks: int | None
    looks_most: int | None
    so_far: bool
    rebaselined: str = ""
    tried: tuple[Tried, ...] = ()
    unmigrated: tuple[str, ...] = ()
    untried: str = ""
    beside: tuple[Beside, ...] = ()
    came: int = 0
    gone: int = 0
    version: int = 0
    moved: bool = False
    overfitted: bool = False
    gap: float | None = None


@dataclass(frozen=True)
class Stale:
    """The staleness clock: every live model, the stalest first; the picture shows the advantage left, in percent."""

    template: ClassVar[str] = "watch/stale"
    hands: tuple[Hand, ...]
    more: int
    slugs: tuple[str, ...]
    advantages: tuple[float, ...]

    @classmethod
    def example(cls) -> Stale:
        """One model that falls, one that is to be retrained and one that is young."""
        falling = months.look(
            slug="refund-reason", advice="WATCH", advantage=0.08, keep_month_usd=386.0, best_month_usd=420.0,
            reasons=["the advantage is small"], crossover={"months": 2.4, "low": 1.1, "high": 4.0, "reason": ""},
            drift=[{"name": "inputs", "psi": 0.2, "critical": 0.04, "alarm": True}],
            wear={
                "looks": 2, "looks_most": 3, "moved": True,
                "eval": {"version": 2, "came": 31, "gone": 31, "anchor": 150},
            }, rebaselined="2026-10", unmigrated=["gpt-5-mini"],
            fresh_options=[{
                "stratum": "random", "rows": 118, "live_quality": 0.93,
                "options": [{"model": "gpt-5-mini", "prompt": "current", "quality": 0.89}],
            }],
            options=[
                _option(name="baseline", model="gpt-4o-mini", month_usd=640.0, quality=0.9),
                _option(name="gpt-5-mini", model="gpt-5-mini", month_usd=510.0, quality=0.88, qualified=False),
                _option(name="gpt-5-nano own prompt", model="gpt-5-nano", month_usd=420.0, quality=0.92, prompt="own"),
            ],
        )  # fmt: skip
        trend = (("2026-08", 0.31), ("2026-09", 0.19), ("2026-10", 0.08))
        old = months.look(slug="tone-check", advice="RETRAIN", reasons=["95 days since it was trained, 91 planned"])
        clocks = (
            Clock(facts=falling, advantages=trend),
            Clock(facts=old, advantages=()),
            Clock(facts=months.look(), advantages=(), so_far=True),
        )
        return stale(StaleView(clocks=clocks))


def stale(view: StaleView) -> Stale:
    """The clock of all live models."""
    hands = [_hand(clock) for clock in view.clocks]
    known = [hand.line for hand in hands[:LISTED] if hand.line.advantage is not None and hand.line.best_usd is not None]
    return Stale(
        hands=tuple(hands[:LISTED]),
        more=max(len(hands) - LISTED, 0),
        slugs=tuple(line.slug for line in known),
        advantages=tuple(round(100 * (line.advantage or 0.0), 1) for line in known),
    )


def _option(**changes: Any) -> dict[str, Any]:  # noqa: ANN401 (JSON values)
    return {"simulated": False, "qualified": True, "prompt": "current", **changes}


def _tried(option: dict[str, Any]) -> Tried:
    return Tried(
        model=option["model"],
        own=option.get("prompt") == "own",
        quality=option["quality"],
        month_usd=option["month_usd"],
        qualified=option["qualified"],
        simulated=option["simulated"],
    )


def _beside(found: dict[str, Any]) -> Beside:
    options = tuple((one["model"], one["prompt"] == "own", one["quality"]) for one in found["options"])
    return Beside(found["stratum"] == "random", found["rows"], found["live_quality"], options)


def _hand(clock: Clock) -> Hand:
    facts = clock.facts
    crossover: dict[str, Any] = facts.get("crossover") or {}
    wear: dict[str, Any] = facts.get("wear") or {}
    renewed: dict[str, Any] = wear.get("eval") or {}
    drift: list[dict[str, Any]] = facts.get("drift") or []
    return Hand(
        line=line_of(facts),
        trend=tuple(point for point in clock.advantages if point[1] < 1.0),  # 1: no option was good enough
        no_date=crossover.get("reason", "") if facts.get("scheduled_months") is None else "",
        drifting=tuple(one["name"] for one in drift if one["alarm"]),
        looks=wear.get("looks"),
        looks_most=wear.get("looks_most"),
        so_far=clock.so_far,
        rebaselined=facts.get("rebaselined") or "",
        tried=tuple(_tried(one) for one in facts.get("options") or () if one["quality"] is not None),
        unmigrated=tuple(facts.get("unmigrated") or ()),
        untried=facts.get("untried") or "",
        came=renewed.get("came", 0),
        gone=renewed.get("gone", 0),
        version=renewed.get("version") or 0,
        moved=bool(wear.get("moved")),
        overfitted=bool(wear.get("overfitted")),
        gap=wear.get("gap"),
        beside=tuple(_beside(one) for one in facts.get("fresh_options") or ()),
    )


@dataclass(frozen=True)
class Snoozed:
    """Advice on a model is hidden until a day; it is not changed."""

    template: ClassVar[str] = "watch/snoozed"
    snooze: SnoozeView

    @classmethod
    def example(cls) -> Snoozed:
        """A model about to be replaced."""
        reason = "the contract ends in November"
        return cls(SnoozeView(slug="reply-draft", by="U0ANN", until="2026-11-30", reason=reason, advice="WATCH"))


@dataclass(frozen=True)
class Memo:
    """A model is retired: what it was worth, why it went, and how to bring it back."""

    template: ClassVar[str] = "watch/memo"
    memo: MemoView

    @classmethod
    def example(cls) -> Memo:
        """A year's work."""
        found = MemoView(
            slug="refund-reason", run_id="inv-7k3mq9ab", months=11, saved_usd=6120.0, advice="RETIRE",
            reasons=("3 bad months in a row",), artifact="d3b0" * 16, model="gpt-4o-mini", simulated=False,
            spent_usd=6448.8,
        )  # fmt: skip
        return cls(found)


@dataclass(frozen=True)
class AlertLine:
    """One thing that is new; ``what`` is shutdown, crossed, announced, drift or audit, and names its figures."""

    slug: str
    what: str
    name: str = ""
    side: str = ""
    on: str = ""
    days: int | None = None
    months: int | None = None
    keep_usd: float | None = None
    best_usd: float | None = None
    rows: int | None = None
    quality: float | None = None
    bar: float | None = None


@dataclass(frozen=True)
class Alerts:
    """What changed for the worse in a week; a week without news has no message."""

    template: ClassVar[str] = "watch/alerts"
    week: str
    lines: tuple[AlertLine, ...]
    more: int

    @classmethod
    def example(cls) -> Alerts:
        """One of each kind."""
        shut = {"what": "shutdown", "name": "gpt-4o-mini", "side": "prompted", "on": "2027-01-20", "days": 80}
        found = (
            {"slug": "refund-reason", "what": "crossed", "keep_usd": 504.0, "best_usd": 420.0},
            {"slug": "refund-reason", **shut},
            {"slug": "reply-draft", "what": "announced", "months": 2},
            {"slug": "reply-draft", "what": "drift", "name": "inputs"},
            {"slug": "tone-check", "what": "audit", "rows": 140, "quality": 0.81, "bar": 0.9},
        )
        return alerts(AlertsView(week="2026-W48", alerts=found))


def alerts(view: AlertsView) -> Alerts:
    """The week's message."""
    lines = tuple(AlertLine(**facts) for facts in view.alerts[:LISTED])
    return Alerts(view.week, lines, max(len(view.alerts) - LISTED, 0))
