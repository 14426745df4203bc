"""The verdict: what the numbers say first, then the numbers, then what to do. Decides nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

from bot.messages import bench, contenders, examples
from bot.messages.seeds import Over, Seed, Seeds, seeds
from engine.desk.investigations import RunView
from engine.models.money import NANO
from engine.models.verdict import Outcome

PAIRS_MORE = 20  # of some pairs nobody can tell


@dataclass(frozen=True)
class Quality:
    """The paired comparison as it left the seal: fractions, multiples of ``step`` (0 for one of an early version).

    The interval is of candidate minus prompted.
    """

    metric: str
    n: int
    candidate: float
    prompted: float
    difference: float
    low: float
    high: float
    level: float
    margin: float
    step: float = 0.0


@dataclass(frozen=True)
class Live:
    """The live model on the same rows, as it left the seal: its level, and the new one's lead over it."""

    run_id: str
    rows: int
    quality: float
    difference: float
    low: float
    high: float


@dataclass(frozen=True)
class Side:
    """What answering costs on one side: US dollars a call and milliseconds; none is unknown."""

    call_usd: float | None
    latency_p50_ms: float | None
    latency_p95_ms: float | None
    valid_share: float | None


@dataclass(frozen=True)
class Audit:
    """What people said of answers on dev: how many of the ``needed`` ones, and how far they agree with the grades.

    ``is_by_chance``: kappa is too low, and its interval reaches high enough; that is no pass.
    """

    rows: int
    needed: int
    is_enough: bool
    agreed: float | None
    kappa: float | None
    low: float | None
    high: float | None
    ac1: float | None
    is_by_chance: bool = False


@dataclass(frozen=True)
class Voting:
    """The tuned model on dev where so many of its ``samples`` vote, at so many ``times`` the time of answering once."""

    samples: int
    times: float
    quality: float
    alone: float
    once: float


@dataclass(frozen=True)
class Saving:
    """The forecast in US dollars a month; ``payback_months`` is none when it never pays back."""

    month_usd: float
    fixed_month_usd: float
    payback_months: float | None


@dataclass(frozen=True)
class VerdictMessage:
    """The verdict of one run. ``interval`` (low, measured, high) and ``limit`` (the margin, thrice) are in points.

    ``labels_needed`` uploaded labels bring the further sealed ``rows_needed`` that would settle it.
    """

    template: ClassVar[str] = "verdict/verdict"
    slug: str
    run_id: str
    outcome: Outcome
    ships: bool
    rows_needed: int | None
    labels_needed: int | None
    reasons: tuple[str, ...]
    model: str
    simulated: bool
    tuned_words: str
    option: str
    quality: Quality
    options: tuple[contenders.Option, ...]
    rungs: tuple[contenders.Rung, ...]
    gates: tuple[contenders.GateLine, ...]
    weak: tuple[contenders.Weak, ...]
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
    judge: bench.Bench | None
    live: Live | None = None
    seeds: Seeds | None = None
    audit: Audit | None = None
    votes: Voting | None = None
    missed: tuple[str, ...] = ()

    @classmethod
    def example(cls) -> VerdictMessage:
        """A tuned model that is as good and cheaper."""
        found = verdict(examples.judged(), report_url="https://assay.example/runs/inv-7k3mq9ab")
        lines = tuple(
            Seed(number, quality, f1, None, said, "", "", 14.0)
            for number, quality, f1, said in ((0, 0.913, 0.88, "not_worse"), (1, 0.921, 0.89, "better"))
        )
        chance = Seeds(
            (*lines, Seed(2, None, None, None, "", "", "further seeds: the loss became nan at step 40", 0.0)),
            Over(0.917, 0.913, 0.921), Over(0.885, 0.88, 0.89), None, hangs=True,
        )  # fmt: skip
        return replace(found, live=Live("inv-2p8wz4kd", 900, 0.905, 0.015, 0.002, 0.028), seeds=chance)


def verdict(run: RunView, *, report_url: str = "") -> VerdictMessage:
    """The verdict of a run that has one."""
    record = run.record
    cascade: dict[str, float] = record["candidate"].get("cascade") or {}
    trust: dict[str, float] = record.get("dev", {}).get("calibration") or {}
    quality, board, judge = quality_of(record["quality"]), record.get("leaderboard", {}), bench.bench(record)
    return VerdictMessage(
        slug=run.slug,
        run_id=run.run_id,
        outcome=Outcome(run.outcome),
        ships=Outcome(run.outcome).ships,
        rows_needed=run.rows_needed,
        labels_needed=run.labels_needed,
        reasons=tuple(record.get("reasons", ())),
        model=record["prompted"]["model"],
        simulated=bool(record["prompted"].get("simulated")),
        tuned_words=record["candidate"].get("words") or record["candidate"]["rung"],
        option=record["prompted"]["contender"],
        quality=quality,
        options=contenders.options(record),
        rungs=contenders.rungs(record),
        gates=contenders.gates(record.get("gates", ())),
        weak=contenders.weak(record.get("dev", {}).get("classes_recall", ())),
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
        more_labels=_more(run, judge),
        judge=judge,
        live=_live(record.get("live")),
        seeds=seeds(record),
        audit=_audit(record),
        votes=_votes(record),
        missed=contenders.missed(record),
    )


def quality_of(found: dict[str, Any]) -> Quality:
    """The quality part of a released record."""
    return Quality(
        metric=found.get("metric", "accuracy").replace("_f1", " F1").replace("_", " "),
        n=found["n"],
        candidate=found["candidate"],
        prompted=found["prompted"],
        difference=found["difference"],
        low=found["low"],
        high=found["high"],
        level=found["level"],
        margin=found["margin"],
        step=found.get("step", 0.0),
    )


def _live(found: dict[str, Any] | None) -> Live | None:
    return Live(**{name: found[name] for name in Live.__dataclass_fields__}) if found else None


def _audit(record: dict[str, Any]) -> Audit | None:
    found: dict[str, Any] | None = record.get("audit")
    if not found:
        return None
    limit = next((one["limit"] for one in record["gates"] if one["name"] == "grades" and one["status"] == "fail"), None)
    by_chance = limit is not None and found["high"] is not None and found["high"] >= limit
    return Audit(**found, is_enough=found["rows"] >= found["needed"], is_by_chance=by_chance)


def _votes(record: dict[str, Any]) -> Voting | None:
    candidate: dict[str, Any] = record["candidate"]
    found: dict[str, Any] | None = candidate.get("votes")
    if not found:
        return None
    alone = {one["contender"]: one["dev_score"] for one in record.get("rungs", ())}  # a cascade's score is of both
    return Voting(
        **{name: found[name] for name in ("samples", "times", "quality", "alone")},
        once=alone.get(candidate["contender"], candidate["dev_score"]),
    )


def _more(run: RunView, judge: bench.Bench | None) -> str:
    """The words that bring what is missing: pairs that people compare, or labels; "" where neither would help."""
    if judge and judge.missing:
        return f"labels {run.slug} pairs={judge.missing + PAIRS_MORE}"
    return f"labels {run.slug}" if run.labels_needed else ""


def _points(*shares: float) -> tuple[float, ...]:
    """Differences of fractions in points, as the chart shows them."""
    return tuple(round(share * 100, 1) for share in shares)


def _against(record: dict[str, Any]) -> str:
    """The prompted option a saving is counted against where it is not the baseline, "" where it is."""
    found: dict[str, Any] = record.get("prompting") or {}
    return str(found["name"]) if record.get("cost") and found.get("ratio", 1.0) < 1.0 else ""


def _call_usd(record: dict[str, Any]) -> float | None:
    """What a prompted call costs: in production where that is known, else as this run paid; none is unknown.

    Production does not vote: a call of votes is all its samples, at list prices.
    """
    cost, bill, chosen = record.get("cost"), record.get("bill", {}), record["prompted"]["contender"]
    votes = next((one for one in record.get("contenders", ()) if one["contender"] == chosen and "samples" in one), None)
    if votes:
        return None if votes["call_nano"] is None else votes["call_nano"] / NANO
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
