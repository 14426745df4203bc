"""The verdict: what the numbers say first, then the numbers, then what to do. Decides nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from bot.messages import examples
from engine.desk.investigations import RunView
from engine.models.money import NANO
from engine.models.verdict import Outcome

WEAK_SHOWN = 3  # classes; the report has them all


@dataclass(frozen=True)
class Quality:
    """The paired comparison on the sealed part: fractions; the interval is of candidate minus prompted."""

    metric: str
    n: int
    candidate: float
    prompted: float
    difference: float
    low: float
    high: float
    level: float
    margin: float


@dataclass(frozen=True)
class Option:
    """One prompted option on dev; ``why`` says why it was not tried ("" for one that was).

    ``quality`` is what the board shows of it, none where it was no new best; ``call_usd`` is none where unknown.
    """

    name: str
    model: str
    simulated: bool
    quality: float | None
    valid_share: float | None
    latency_p95_ms: float | None
    call_usd: float | None
    why: str
    went_on: bool


@dataclass(frozen=True)
class Weak:
    """A class on which the candidate is furthest behind prompting on dev: recall of both, and its interval."""

    name: str
    rows: int
    recall: float
    low: float
    high: float
    prompted: float


@dataclass(frozen=True)
class GateLine:
    """A blocker or gate that is worth a line: it failed, is unknown, or guards what the team named."""

    name: str
    status: str
    value: float | None
    limit: float | None


@dataclass(frozen=True)
class Rung:
    """One candidate on dev; ``was_run`` is false where it was not, ``skipped`` and ``alarm`` say why.

    ``quality`` is what the board shows of it, none where it was no new best. ``went_on`` marks the chosen one;
    ``is_unproven`` one that is the best shown, but not surely better than the chosen.
    """

    name: str
    was_run: bool
    quality: float | None
    valid_share: float | None
    latency_p95_ms: float | None
    seconds: float
    skipped: str
    alarm: str
    went_on: bool
    is_unproven: bool


@dataclass(frozen=True)
class Side:
    """What answering costs on one side: US dollars a call and milliseconds; none is unknown."""

    call_usd: float | None
    latency_p50_ms: float | None
    latency_p95_ms: float | None
    valid_share: float | None


@dataclass(frozen=True)
class Saving:
    """The forecast in US dollars a month; ``payback_months`` is none when it never pays back."""

    month_usd: float
    fixed_month_usd: float
    payback_months: float | None


@dataclass(frozen=True)
class VerdictMessage:
    """The verdict of one run. ``interval`` (low, measured, high) and ``limit`` (the margin, thrice) are in points."""

    template: ClassVar[str] = "verdict/verdict"
    slug: str
    run_id: str
    outcome: Outcome
    ships: bool
    rows_needed: int | None
    reasons: tuple[str, ...]
    model: str
    simulated: bool
    rung: str
    option: str
    quality: Quality
    options: tuple[Option, ...]
    rungs: tuple[Rung, ...]
    gates: tuple[GateLine, ...]
    weak: tuple[Weak, ...]
    threshold: float | None
    escalation: float | None
    temperature: float | None
    ece: float | None
    against: str
    left_out: int
    dev_worn: int
    tuned: Side
    prompted: Side
    saving: Saving | None
    bill_nano: int | None
    paid_calls: int
    labels_version: str
    policy: str
    seal_look: int
    interval: tuple[float, ...]
    limit: tuple[float, ...]
    report_url: str
    more_labels: str

    @classmethod
    def example(cls) -> VerdictMessage:
        """A tuned model that is as good and cheaper."""
        return verdict(examples.judged(), report_url="https://assay.example/runs/inv-7k3mq9ab")


def verdict(run: RunView, *, report_url: str = "") -> VerdictMessage:
    """The verdict of a run that has one."""
    record = run.record
    cascade: dict[str, float] = record["candidate"].get("cascade") or {}
    trust: dict[str, float] = record.get("dev", {}).get("calibration") or {}
    quality, board = quality_of(record["quality"]), record.get("leaderboard", {})
    return VerdictMessage(
        slug=run.slug,
        run_id=run.run_id,
        outcome=Outcome(run.outcome),
        ships=Outcome(run.outcome).ships,
        rows_needed=run.rows_needed,
        reasons=tuple(record.get("reasons", ())),
        model=record["prompted"]["model"],
        simulated=bool(record["prompted"].get("simulated")),
        rung=record["candidate"]["rung"],
        option=record["prompted"]["contender"],
        quality=quality,
        options=_options(record),
        rungs=_rungs(record),
        gates=_gates(record.get("gates", ())),
        weak=_weak(record.get("dev", {}).get("classes_recall", ())),
        threshold=cascade.get("threshold"),
        escalation=cascade.get("escalation"),
        temperature=trust.get("temperature"),
        ece=trust.get("ece"),
        against=_against(record),
        left_out=sum(record.get("left_out", {}).values()),
        dev_worn=board["lookups"] if board.get("worn") else 0,
        tuned=_side(record.get("scores", {}).get("candidate", {}), None),
        prompted=_side(record.get("scores", {}).get("prompted", {}), _call_usd(record)),
        saving=_saving(record.get("cost")),
        bill_nano=record.get("bill", {}).get("nano_usd"),
        paid_calls=record.get("bill", {}).get("paid_calls", 0),
        labels_version=record.get("labels_version", ""),
        policy=record.get("policy_hash", "")[:12],
        seal_look=record.get("seal_look", 0),
        interval=_points(quality.low, quality.difference, quality.high),
        limit=_points(-quality.margin, -quality.margin, -quality.margin),
        report_url=report_url,
        more_labels=f"labels {run.slug}" if run.rows_needed else "",
    )


def quality_of(found: dict[str, Any]) -> Quality:
    """The quality part of a decision record."""
    return Quality(
        metric=found.get("metric", "accuracy"),
        n=found["n"],
        candidate=found["candidate"],
        prompted=found["prompted"],
        difference=found["difference"],
        low=found["low"],
        high=found["high"],
        level=found["level"],
        margin=found["margin"],
    )


def _points(*shares: float) -> tuple[float, ...]:
    """Differences of fractions in points, as the chart shows them."""
    return tuple(round(share * 100, 1) for share in shares)


def _options(record: dict[str, Any]) -> tuple[Option, ...]:
    shown, chosen = _shown(record, "prompted"), record["prompted"]["contender"]
    return tuple(
        Option(
            name=one["contender"],
            model=one["model"],
            simulated=bool(one.get("simulated")),
            quality=shown.get(one["contender"]),
            valid_share=one.get("valid_share"),
            latency_p95_ms=one.get("latency_p95_ms"),
            call_usd=None if one.get("call_nano") is None else one["call_nano"] / NANO,
            why=one.get("why") or "",
            went_on=one["contender"] == chosen,
        )
        for one in record.get("contenders", ())
    )


def _rungs(record: dict[str, Any]) -> tuple[Rung, ...]:
    shown, chosen = _shown(record, "tuned"), record["candidate"]["contender"]
    return tuple(_rung(line, chosen, shown) for line in record.get("rungs", ()))


def _rung(line: dict[str, Any], chosen: str, shown: dict[str, float]) -> Rung:
    quality = shown.get(line["contender"])
    best = max(shown.values(), default=0.0)
    return Rung(
        name=line["contender"],
        was_run=line.get("dev_score") is not None,
        quality=quality,
        valid_share=line.get("valid_share"),
        latency_p95_ms=line.get("latency_p95_ms"),
        seconds=line.get("seconds") or 0.0,
        skipped=line.get("skipped") or "",
        alarm=line.get("alarm") or "",
        went_on=line["contender"] == chosen,
        is_unproven=quality is not None and quality == best and line["contender"] != chosen,
    )


def _shown(record: dict[str, Any], side: str) -> dict[str, float]:
    """What the board shows, by contender: the scores that were a new best when they came."""
    lines = record.get("leaderboard", {}).get(side, {}).get("lines", ())
    return {line["name"]: line["shown"] for line in lines if line["is_best"]}


def _gates(lines: Sequence[dict[str, Any]]) -> tuple[GateLine, ...]:
    told = (line for line in lines if line["status"] in ("fail", "unknown") or line["name"].startswith("slice "))
    return tuple(GateLine(line["name"], line["status"], line["value"], line["limit"]) for line in told)


def _weak(lines: Sequence[dict[str, Any]]) -> tuple[Weak, ...]:
    """The classes furthest behind, worst first; none where the candidate is behind on none."""
    known = [line for line in lines if line["candidate"] and line["prompted"]]
    behind = sorted(known, key=lambda line: line["candidate"]["estimate"] - line["prompted"]["estimate"])
    return tuple(
        Weak(
            name=line["name"],
            rows=line["rows"],
            recall=line["candidate"]["estimate"],
            low=line["candidate"]["low"],
            high=line["candidate"]["high"],
            prompted=line["prompted"]["estimate"],
        )
        for line in behind[:WEAK_SHOWN]
        if line["candidate"]["estimate"] < line["prompted"]["estimate"]
    )


def _against(record: dict[str, Any]) -> str:
    """The prompted option a saving is counted against where it is not the baseline, "" where it is."""
    found: dict[str, Any] = record.get("prompting") or {}
    return str(found["name"]) if record.get("cost") and found.get("ratio", 1.0) < 1.0 else ""


def _call_usd(record: dict[str, Any]) -> float | None:
    """What a prompted call costs: in production where that is known, else as this run paid; none is unknown."""
    cost, bill = record.get("cost"), record.get("bill", {})
    if cost:
        return cost["plan"]["baseline_call_usd"]
    paid, calls = bill.get("nano_usd"), bill.get("paid_calls")
    return paid / NANO / calls if paid and calls else None


def _side(score: dict[str, Any], call_usd: float | None) -> Side:
    nano = score.get("call_nano")
    return Side(
        call_usd=call_usd if nano is None else nano / NANO,
        latency_p50_ms=score.get("latency_p50_ms"),
        latency_p95_ms=score.get("latency_p95_ms"),
        valid_share=score.get("valid_share"),
    )


def _saving(cost: dict[str, Any] | None) -> Saving | None:
    if not cost:
        return None
    return Saving(cost["month_saving_usd"], cost["plan"]["fixed_month_usd"], cost.get("payback_months"))
