"""The monthly message: a total, then one line a feature, worst first, and a picture of the cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from bot.messages import examples
from engine.desk.digests import DigestView
from engine.models.money import NANO
from engine.models.verdict import Outcome

LINES = 12
ORDER = ("RETIRE", "RETRAIN", "WATCH", "ship", "investigate", "stay", "KEEP")


Advised = Literal["RETIRE", "RETRAIN", "WATCH", "KEEP", "ship", "investigate", "stay"]


@dataclass(frozen=True)
class Line:
    """One feature's month: figures are none where unknown; ``saving_usd`` is a forecast a month while tuned answers.

    ``advice`` is the checkup's for a live candidate, else the next thing to do.
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


@dataclass(frozen=True)
class Month:
    """The digest of a month; ``more`` lines are left out, ``quiet`` says that nothing is to be decided.

    The picture shows US dollars ``spent`` and ``saved`` (a forecast) of the features ``priced``.
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
    saving_usd: float | None
    unpriced: int
    quiet: bool
    priced: tuple[str, ...]
    spent: tuple[float, ...]
    saved: tuple[float, ...]

    @classmethod
    def example(cls) -> Month:
        """A month of three features."""
        return month(examples.digest())


def month(digest: DigestView) -> Month:
    """The monthly message of a digest."""
    lines = sorted((_line(facts) for facts in digest.lines), key=_worst_first)
    told = lines[:LINES]
    priced = [line for line in told if line.spend_usd is not None]
    return Month(
        period=digest.period,
        posted=digest.posted,
        lines=tuple(told),
        more=len(lines) - len(told),
        features=len(lines),
        live=sum(line.stage in ("soaking", "live") for line in lines),
        calls=_sum([line.calls for line in lines]),
        spend_usd=_sum([line.spend_usd for line in lines]),
        saving_usd=_sum([line.saving_usd for line in lines]),
        unpriced=sum(line.unpriced for line in lines),
        quiet=all(line.advice in ("KEEP", "stay") for line in lines),
        priced=tuple(line.slug for line in priced),
        spent=tuple(round(line.spend_usd or 0.0, 2) for line in priced),
        saved=tuple(round(line.saving_usd or 0.0, 2) for line in priced),
    )


def _line(facts: dict[str, Any]) -> Line:
    quality: dict[str, Any] = facts.get("quality") or {}
    spend, stage = facts.get("spend_nano"), facts.get("stage", "")
    return Line(
        slug=facts["slug"],
        advice=_advised(facts),
        model=facts.get("model", ""),
        simulated=bool(facts.get("simulated")),
        calls=facts.get("calls"),
        spend_usd=None if spend is None else spend / NANO,
        unpriced=facts.get("unpriced", 0),
        saving_usd=facts.get("month_saving_usd") if stage in ("soaking", "live") else None,
        candidate=quality.get("candidate"),
        prompted=quality.get("prompted"),
        difference=quality.get("difference"),
        margin=quality.get("margin"),
        verdict_days=facts.get("verdict_days"),
        stage=stage,
        share=facts.get("share", 0.0),
    )


def _advised(facts: dict[str, Any]) -> Advised:
    advice = facts.get("advice")
    if advice in ("RETIRE", "RETRAIN", "WATCH", "KEEP"):
        return advice
    outcome = facts.get("outcome") or ""
    if not outcome:
        return "investigate"
    return "ship" if Outcome(outcome).ships else "stay"


def _worst_first(line: Line) -> tuple[int, float, str]:
    return ORDER.index(line.advice), -(line.spend_usd or 0.0), line.slug


def _sum(figures: list[Any]) -> Any:  # noqa: ANN401 (int of calls, float of dollars)
    known = [figure for figure in figures if figure is not None]
    return sum(known) if known else None
