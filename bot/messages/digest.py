"""The monthly message: what was saved, one row a feature, worst first, a picture, one recommendation each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from bot.messages import months
from bot.messages.people import People, people
from engine.desk.digests import DigestView
from engine.models.money import NANO
from engine.models.verdict import Outcome

LINES = 12
LIVE = ("full_100", "soaking", "live")
ENDED = ("rolled_back", "aborted", "retired")
TO_DECIDE = ("RETIRE", "RETRAIN", "ship")
ORDER = ("RETIRE", "RETRAIN", "WATCH", "unknown", "ship", "investigate", "stay", "KEEP")


Advised = Literal["RETIRE", "RETRAIN", "WATCH", "KEEP", "unknown", "ship", "investigate", "stay"]


@dataclass(frozen=True)
class Fresh:
    """What people's labels of fresh calls say of a live model: shares, none where nobody can say; ``bar`` it must keep.

    ``missing`` labels were asked for and did not come; ``queue`` is where people label, "" for none. ``why`` says that
    nothing can be measured so.
    """

    rows: int
    quality: float | None
    low: float | None
    high: float | None
    bar: float | None
    broken: bool | None
    missing: int
    queue: str
    why: str


@dataclass(frozen=True)
class Line:
    """One feature's month: figures are none where unknown; sums are US dollars of the month.

    ``advice`` is the checkup's for a live candidate, else the next thing to do; ``saving_usd`` the verdict's forecast,
    ``months_left`` until the maths stops working; ``tuned`` says in words what the verdict is about;
    ``untried`` says why no newer prompted model was tried in the month, ``tried_in`` when some were, "" for never;
    ``words`` is what its button says for the reader.
    """

    slug: str
    advice: Advised
    model: str
    simulated: bool
    calls: int | None
    spend_usd: float | None
    unpriced: int
    saving_usd: float | None
    candidate: float | None
    prompted: float | None
    difference: float | None
    margin: float | None
    verdict_days: int | None
    stage: str
    share: float
    live_days: int | None = None
    saved_usd: float | None = None
    paid_usd: float | None = None
    counterfactual_usd: float | None = None
    keep_usd: float | None = None
    best_usd: float | None = None
    advantage: float | None = None
    months_left: float | None = None
    reasons: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    spent_usd: float | None = None
    shutdown: str = ""
    shutdown_on: str = ""
    shutdown_days: int | None = None
    shutdown_side: str = ""
    snoozed_by: str = ""
    snoozed_until: str = ""
    snoozed_reason: str = ""
    words: str = ""
    press: str = ""
    fresh: Fresh | None = None
    tuned: str = ""
    people: People | None = None
    untried: str = ""
    tried_in: str = ""

    @property
    def is_measured(self) -> bool:
        """Whether labels of fresh calls say how good it still is."""
        return self.fresh is not None and self.fresh.broken is not None

    @property
    def is_live(self) -> bool:
        """Whether the tuned model answers."""
        return self.stage in LIVE


@dataclass(frozen=True)
class Month:
    """The digest of a month; ``more`` lines are left out, ``quiet`` says that nothing is to be decided.

    The picture shows US dollars paid and what prompting alone would have cost, by month; without a live model the
    ``spent`` of the features ``priced``. Live models are ``worth`` keeping while they cost less than the best prompted
    option; ``decide`` names what waits for somebody's decision, worst first; ``unmeasured`` live models are those of
    which nobody knows whether they still are as good.
    """

    template: ClassVar[str] = "digest/month"
    period: str
    posted: bool
    lines: tuple[Line, ...]
    more: int
    features: int
    live: int
    calls: int | None
    spend_usd: float | None
    saved_usd: float | None
    paid_usd: float | None
    counterfactual_usd: float | None
    unpriced: int
    quiet: bool
    priced: tuple[str, ...]
    spent: tuple[float, ...]
    months: tuple[str, ...] = ()
    paid: tuple[float, ...] = ()
    prompted: tuple[float, ...] = ()
    late_days: int = 0
    simulated: bool = False
    page_url: str = ""
    worth: tuple[str, ...] = ()
    unworthy: tuple[str, ...] = ()
    decide: tuple[tuple[str, Advised], ...] = ()
    unmeasured: tuple[str, ...] = ()

    @classmethod
    def example(cls) -> Month:
        """A month of three features, a day late."""
        return month(months.digest(late_days=2), page_url="https://assay.example/digests/2026-10")


def month(digest: DigestView, *, page_url: str = "") -> Month:
    """The monthly message of a digest."""
    lines = sorted((line_of(facts) for facts in digest.lines), key=_worst_first)
    told = lines[:LINES]
    live = [line for line in lines if line.is_live]
    priced = [line for line in told if line.spend_usd is not None]
    return Month(
        period=digest.period,
        posted=digest.posted,
        lines=tuple(told),
        more=len(lines) - len(told),
        features=len(lines),
        live=len(live),
        calls=_sum([line.calls for line in lines]),
        spend_usd=_sum([line.spend_usd for line in lines]),
        saved_usd=_whole([line.saved_usd for line in live]),
        paid_usd=_whole([line.paid_usd for line in live]),
        counterfactual_usd=_whole([line.counterfactual_usd for line in live]),
        unpriced=sum(line.unpriced for line in lines),
        quiet=digest.posted and bool(lines) and all(_is_quiet(line) for line in lines),
        priced=tuple(line.slug for line in priced),
        spent=tuple(round(line.spend_usd or 0.0, 2) for line in priced),
        months=tuple(point["period"] for point in digest.months),
        paid=tuple(round(point["paid_usd"], 2) for point in digest.months),
        prompted=tuple(round(point["prompted_usd"], 2) for point in digest.months),
        late_days=digest.late_days,
        simulated=any(line.simulated for line in lines),
        page_url=page_url,
        worth=tuple(line.slug for line in live if line.advantage is not None and line.advantage > 0),
        unworthy=tuple(line.slug for line in live if line.advantage is not None and line.advantage <= 0),
        decide=tuple((line.slug, line.advice) for line in lines if line.advice in TO_DECIDE and not line.snoozed_until),
        unmeasured=tuple(line.slug for line in live if not line.is_measured),
    )


def line_of(facts: dict[str, Any]) -> Line:
    """One feature's line of a checkup's facts."""
    quality: dict[str, Any] = facts.get("quality") or {}
    spend, stage = facts.get("spend_nano"), facts.get("stage", "")
    bill: dict[str, Any] = facts.get("bill") or {}
    snooze: dict[str, Any] = facts.get("snooze") or {}
    dates: list[dict[str, Any]] = facts.get("shutdowns") or []
    advice = _advised(facts)
    words, press = _button(advice, facts)
    return Line(
        slug=facts["slug"],
        advice=advice,
        model=facts.get("model", ""),
        simulated=bool(facts.get("simulated")),
        calls=facts.get("calls"),
        spend_usd=None if spend is None else spend / NANO,
        unpriced=facts.get("unpriced", 0),
        saving_usd=facts.get("month_saving_usd") if stage in LIVE else None,
        candidate=quality.get("candidate"),
        prompted=quality.get("prompted"),
        difference=quality.get("difference"),
        margin=quality.get("margin"),
        verdict_days=facts.get("verdict_days"),
        stage=stage,
        share=facts.get("share", 0.0),
        live_days=facts.get("live_days"),
        saved_usd=facts.get("saved_usd"),
        paid_usd=bill.get("total_usd"),
        counterfactual_usd=facts.get("counterfactual_usd"),
        keep_usd=facts.get("keep_month_usd"),
        best_usd=facts.get("best_month_usd"),
        advantage=facts.get("advantage"),
        months_left=_months_left(facts),
        reasons=tuple(facts.get("reasons") or ()),
        unknown=tuple(name.removesuffix("_usd") for name in bill.get("unknown", ())),
        spent_usd=facts.get("spent_usd"),
        shutdown=dates[0]["name"] if dates else "",
        shutdown_on=dates[0]["on"] if dates else "",
        shutdown_days=dates[0]["days"] if dates else None,
        shutdown_side=dates[0]["side"] if dates else "",
        snoozed_by=snooze.get("by", ""),
        snoozed_until=snooze.get("until", ""),
        snoozed_reason=snooze.get("reason", ""),
        fresh=_fresh(facts.get("audit")),
        tuned=facts.get("tuned", ""),
        people=people(facts.get("people")),
        untried=facts.get("untried") or "",
        tried_in=facts.get("rebaselined") or "",
        words="" if snooze else words,
        press="" if snooze else press,
    )


def _fresh(found: dict[str, Any] | None) -> Fresh | None:
    if not found:
        return None
    return Fresh(**{name: found[name] for name in Fresh.__dataclass_fields__})


def _months_left(facts: dict[str, Any]) -> float | None:
    crossover: dict[str, Any] = facts.get("crossover") or {}
    known = [months for months in (crossover.get("months"), facts.get("scheduled_months")) if months is not None]
    return min(known, default=None)


def _button(advice: Advised, facts: dict[str, Any]) -> tuple[str, str]:
    """The words a recommendation's button carries, and what it says."""
    slug = facts["slug"]
    return {
        "RETIRE": (f"retire {slug}", f"Ask to retire {slug}"),
        "RETRAIN": (f"investigate {slug} recipe=last", f"Retrain {slug}"),
        "WATCH": ("stale", f"Look at {slug}'s clock"),
        "ship": (f"rollout {slug}", f"Roll out {slug}"),
        "investigate": (f"ready {slug}", f"See whether {slug} is worth it"),
    }.get(advice, ("", ""))


def _advised(facts: dict[str, Any]) -> Advised:
    advice = facts.get("advice")
    if advice in ("RETIRE", "RETRAIN", "WATCH", "KEEP"):
        return advice
    outcome = facts.get("outcome") or ""
    if not outcome:
        return "investigate"
    if facts.get("status") in ENDED or not Outcome(outcome).ships:
        return "stay"
    return "unknown" if facts.get("stage") in LIVE else "ship"


def _is_quiet(line: Line) -> bool:
    is_alarm = line.people is not None and line.people.is_alarm
    return line.advice in ("KEEP", "stay") and not line.snoozed_until and not line.shutdown and not is_alarm


def _worst_first(line: Line) -> tuple[int, float, str]:
    return ORDER.index(line.advice), -(line.spend_usd or 0.0), line.slug


def _whole(figures: list[float | None]) -> float | None:
    """The sum of figures that are all known."""
    known = [figure for figure in figures if figure is not None]
    return sum(known) if known and len(known) == len(figures) else None


def _sum(figures: list[Any]) -> Any:  # noqa: ANN401 (int of calls, float of dollars)
    known = [figure for figure in figures if figure is not None]
    return sum(known) if known else None
