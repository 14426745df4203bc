"""What must follow from what in a decision record: each check is a value it says, and the value the others give.

Reads nothing but the record, and the comparison over groups where somebody holds the predictions it is made of.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any

from engine.flows.steps import gates as gathered
from engine.flows.steps import money
from engine.flows.steps.reread import Record, evaluation_of, known, pairs_of, plan_of, read_evidence, read_facts
from engine.flows.steps.scores import COUNTS
from engine.rules.compare import Interval, Pairs, mcnemar_midp, newcombe_paired, tango_interval
from engine.rules.cost import Spread, simulate
from engine.rules.documents import BOOTSTRAP
from engine.rules.gates import SliceFact, broken, gates, invalid
from engine.rules.leaderboard import Entry, leaderboard
from engine.rules.money import CostPolicy, Prompted, cheapest, hosting
from engine.rules.paired import NO_INTERVAL, TANGO, Paired, design_effect
from engine.rules.pairs import finding
from engine.rules.plan import gross_saving, monthly_saving, net_present_value, payback_months
from engine.rules.seal import look_alpha
from engine.rules.verdict import VerdictPolicy, decide
from engine.store.policies import canonical

Check = tuple[str, Any, Any, str]  # field, what the record says, what follows, and from what

RESAMPLED = ("cluster", BOOTSTRAP)  # methods that need the rows themselves, not only their counts
_CLUSTER, _OVER = "cluster-robust t over ", " groups"


def policy(body: Record, _held: Paired | None) -> Iterator[Check]:
    """The policy's hash."""
    sha = hashlib.sha256(canonical(body["policy"]).encode()).hexdigest()
    yield "policy_hash", body["policy_hash"], sha, "policy"


def counts(body: Record, _held: Paired | None) -> Iterator[Check]:
    """Scores and the difference, from the counted pairs."""
    quality, pairs, scores = body["quality"], pairs_of(body["quality"]["pairs"]), body["scores"]
    source = "quality.pairs"
    yield "quality.n", quality["n"], pairs.n, source
    yield "quality.difference", quality["difference"], *_difference(body, pairs)
    yield "quality.level", quality["level"], _level(body), "seal_look"
    for side, right in (("candidate", pairs.candidate_only), ("prompted", pairs.baseline_only)):
        yield f"quality.{side}", quality[side], scores[side]["quality"], f"scores.{side}.quality"
        if scores[side].get("counts"):
            yield f"scores.{side}.quality", scores[side]["quality"], _f1(scores[side]), f"scores.{side}.counts"
        elif scores[side]["rows"] == pairs.n:
            yield f"scores.{side}.quality", scores[side]["quality"], (pairs.both + right) / pairs.n, source
        else:
            yield f"scores.{side}.rows", scores[side]["rows"], pairs.n, source


def interval(body: Record, held: Paired | None) -> Iterator[Check]:
    """The interval, and what is reported beside it."""
    quality, pairs, level = body["quality"], pairs_of(body["quality"]["pairs"]), _level(body)
    source = "quality.pairs and seal_look"
    found, other = _of_method(quality["method"], pairs, level, held), newcombe_paired(pairs, level)
    if found is not None:
        yield "quality.low", quality["low"], found.low, source
        yield "quality.high", quality["high"], found.high, source
    yield "quality.newcombe.0", quality["newcombe"][0], other.low, source
    yield "quality.newcombe.1", quality["newcombe"][1], other.high, source
    midp = mcnemar_midp(pairs.candidate_only, pairs.baseline_only)
    yield "quality.mcnemar_midp", quality["mcnemar_midp"], midp, "quality.pairs"
    said = finding(quality["low"], quality["high"], quality["margin"])
    yield "quality.finding", quality["finding"], said, "quality.low, quality.high and quality.margin"


def slices(body: Record, _held: Paired | None) -> Iterator[Check]:
    """Each protected slice and the live model, from counted pairs where rows are not grouped."""
    level = _level(body)
    parts = [(f"slices.{place}", part) for place, part in enumerate(body["slices"])]
    parts += [("live", body["live"])] if body.get("live") else []
    for name, part in parts:
        source = f"{name}.pairs and seal_look"
        if part["pairs"] is None:
            continue
        pairs = pairs_of(part["pairs"])
        yield f"{name}.rows", part["rows"], pairs.n, source
        if not part["method"].startswith(BOOTSTRAP):
            yield f"{name}.difference", part["difference"], pairs.difference, source
        found = _of_method(part["method"], pairs, level, None)
        if found is not None:
            yield f"{name}.low", part["low"], found.low, source
            yield f"{name}.high", part["high"], found.high, source


def gate_facts(body: Record, _held: Paired | None) -> Iterator[Check]:
    """What the gates were asked, from where it was measured."""
    facts, scores, parity = body["gate_facts"], body["scores"], body["parity"]
    ours = scores["candidate"]
    age = gathered.age_days(body["prompted"]["oldest_at"], datetime.fromisoformat(body["decided_at"]))
    expected = {
        "leaks": (0, "the run, which a leak ends"),
        "teacher_rows": (0, "the run, which leaves such rows out"),
        "look": (body["seal_look"], "seal_look"),
        "prompted_age_days": (age, "prompted.oldest_at and decided_at"),
        "parity_agree": (parity["agree"], "parity"),
        "parity_rows": (parity["rows"], "parity"),
        "groups": (_groups(body["quality"]), "quality.method"),
        "valid_rows": (round(ours["valid_share"] * ours["rows"]), "scores.candidate"),
        "rows": (ours["rows"], "scores.candidate"),
        "prompted_valid_share": (scores["prompted"]["valid_share"], "scores.prompted"),
        "latency_p95_ms": (ours["latency_p95_ms"], "scores.candidate"),
        "judge_people": (0, "the approach, which asks no judge"),
        **_audit(body.get("audit") or {}),
        "slices": ([asdict(known(SliceFact, part)) for part in body["slices"]], "slices"),
        "live": (asdict(known(SliceFact, body["live"])) if body.get("live") else None, "live"),
    }
    for name, (found, source) in expected.items():
        yield f"gate_facts.{name}", facts.get(name, found), found, source
    if not body["candidate"]["cascade"]:  # a cascade waits for prompted answers too, whose times are in no record
        yield "scores.candidate.latency_p95_ms", ours["latency_p95_ms"], parity["latency_p95_ms"], "parity"


def _audit(audit: Record) -> dict[str, tuple[Any, str]]:
    told = {"has_answers": bool(audit), "audited": audit.get("rows", 0), "audit_kappa": audit.get("kappa")}
    return {name: (found, "audit") for name, found in told.items()}


def evidence(body: Record, held: Paired | None) -> Iterator[Check]:
    """What was judged: interval, rows, gates and money."""
    said, quality, pairs = body["evidence"], body["quality"], pairs_of(body["quality"]["pairs"])
    for mine, theirs in (("estimate", "difference"), ("low", "low"), ("high", "high")):
        yield f"evidence.difference.{mine}", said["difference"][mine], quality[theirs], f"quality.{theirs}"
    yield "evidence.margin", said["margin"], quality["margin"], "quality.margin"
    yield "evidence.rows", said["rows"], pairs.n, "quality.pairs"
    yield "evidence.planned_rows", said["planned_rows"], body["plan"]["rows"], "plan.rows"
    if not str(quality["method"]).startswith(BOOTSTRAP):
        variance = max((pairs.candidate_only + pairs.baseline_only) / pairs.n - pairs.difference**2, 0.0)
        yield "evidence.row_variance", said["row_variance"], variance, "quality.pairs"
        yield "evidence.design_effect", said.get("design_effect", 1.0), _effect(body, variance), "quality"
    elif held is not None:
        yield "evidence.row_variance", said["row_variance"], held.row_variance, "the stored predictions"
        yield "evidence.design_effect", said["design_effect"], held.design_effect, "the stored predictions"
    yield "evidence.quality_worth_usd", said.get("quality_worth_usd", 0.0), 0.0, "this version, which sets no other"
    found = gates(read_facts(body["gate_facts"]), gathered.limits(quality["margin"], evaluation_of(body)))
    source = "gate_facts and policy.evaluation"
    yield "gates", list(body["gates"]), [asdict(gate) for gate in found], source
    yield "evidence.broken", list(said["broken"]), list(broken(found)), source
    yield "evidence.invalid", list(said["invalid"]), list(invalid(found)), source
    cost = body.get("cost")
    drawn: Mapping[str, Any] = cost["simulation"] if cost else {}
    yield "evidence.saving_low", said["saving_low"], drawn.get("saving_low"), "cost.simulation"
    yield "evidence.payback_probability", said["payback_probability"], drawn.get("p_payback"), "cost.simulation"
    yield "evidence.npv_usd", said["npv_usd"], cost["npv_usd"] if cost else None, "cost.npv_usd"


def cost(body: Record, _held: Paired | None) -> Iterator[Check]:
    """The money, from its plan, the policy and the seed; and what the saving is counted against."""
    said, against = body.get("cost"), body["prompting"]
    found = cheapest(_options(body), _dev_score(body), body["quality"]["margin"])
    yield "prompting.name", against["name"], found.name, "contenders, rungs and quality.margin"
    yield "prompting.ratio", against["ratio"], found.ratio, "contenders, rungs and quality.margin"
    calls = {one["contender"]: one["call_nano"] for one in body["contenders"] if one["why"] is None}
    usual, asked = calls.get("baseline"), calls.get(body["prompted"]["contender"])
    ratio = asked / usual if usual and asked is not None else 1.0
    yield "prompting.escalated_ratio", against["escalated_ratio"], ratio, "contenders and prompted"
    if not said:
        return
    plan, policy = plan_of(said["plan"]), known(CostPolicy, body["policy"]["cost"])
    call = against["production_usd"] * against["ratio"]
    yield "cost.plan.baseline_call_usd", plan.baseline_call_usd, call, "prompting.production_usd and prompting.ratio"
    cascade = body["candidate"]["cascade"]
    escalation = cascade["escalation"] if cascade else 0.0
    yield "cost.plan.escalation", plan.escalation, escalation, "candidate.cascade"
    dearer = max(against["production_usd"] * against["escalated_ratio"] - call, 0.0) * escalation
    yield "cost.plan.tuned_call_usd", plan.tuned_call_usd, dearer, "prompting and candidate.cascade"
    house = hosting(body["candidate"]["rung"] in money.GPU_RUNGS, policy)
    fixed = house + policy.retraining_usd / policy.retrain_months + policy.operations_month_usd
    yield "cost.hosting_month_usd", said["hosting_month_usd"], house, "candidate.rung and policy.cost"
    yield "cost.plan.fixed_month_usd", plan.fixed_month_usd, fixed, "candidate.rung and policy.cost"
    yield "cost.gross_saving", said["gross_saving"], gross_saving(plan, house), "cost.plan"
    yield "cost.month_saving_usd", said["month_saving_usd"], monthly_saving(plan), "cost.plan"
    yield "cost.payback_months", said["payback_months"], _finite(payback_months(plan)), "cost.plan"
    yield "cost.npv_usd", said["npv_usd"], net_present_value(plan, policy.months), "cost.plan and policy.cost"
    drawn = simulate(plan, Spread(escalation=None), policy.months, seed=body["seed"])
    for field in fields(drawn):
        stored, again = said["simulation"][field.name], getattr(drawn, field.name)
        yield f"cost.simulation.{field.name}", stored, again, "cost.plan, policy.cost and seed"


def board(body: Record, _held: Paired | None) -> Iterator[Check]:
    """What was shown of dev, from the scores of all contenders."""
    said = body["leaderboard"]
    rows = body["parts"]["dev"]
    for side, listed in (("prompted", "contenders"), ("tuned", "rungs")):
        scored = [one for one in body[listed] if one["dev_score"] is not None]
        entries = [Entry(one["contender"], one["dev_score"], rows) for one in scored]
        found = leaderboard(entries, said[side]["before"])
        source = f"{listed}, parts.dev and leaderboard.{side}.before"
        yield f"leaderboard.{side}.lines", list(said[side]["lines"]), [asdict(line) for line in found.lines], source
        yield f"leaderboard.{side}.best", said[side]["best"], found.best, source
    worn = said["lookups"] >= evaluation_of(body).dev_lookups_most
    yield "leaderboard.worn", said["worn"], worn, "leaderboard.lookups and policy.evaluation"


def ruling(body: Record, _held: Paired | None) -> Iterator[Check]:
    """The decision."""
    found = decide(read_evidence(body["evidence"]), known(VerdictPolicy, body["policy"]["verdict"]))
    source = "evidence and policy.verdict"
    reasons = [*found.reasons, *([] if body.get("cost") else ["cost_unknown"])]
    yield "decision", body["decision"], found.outcome.value, source
    yield "rows_needed", body.get("rows_needed"), found.rows_needed, source
    yield "reasons", list(body.get("reasons", ())), reasons, source


def decision(body: Record) -> str:
    """The decision that follows, "" where what it is made of cannot be read."""
    try:
        return decide(read_evidence(body["evidence"]), known(VerdictPolicy, body["policy"]["verdict"])).outcome.value
    except (KeyError, TypeError, ValueError):
        return ""


def _level(body: Record) -> float:
    return 1 - 2 * look_alpha(body["seal_look"] or 1)  # 0: a judge's run that opened nothing


def _of_method(method: str, pairs: Pairs, level: float, held: Paired | None) -> Interval | None:
    if method.startswith(RESAMPLED):
        return held and held.interval
    if method == NO_INTERVAL:
        return Interval(0.0, -1.0, 1.0)
    if method != TANGO:
        raise ValueError(f"quality.method is {method!r}; this version knows none of that name")
    return tango_interval(pairs, level)


def _difference(body: Record, pairs: Pairs) -> tuple[float, str]:
    """What the difference follows from: the counted pairs, or each side's counts of parts."""
    scores = body["scores"]
    if not scores["candidate"].get("counts"):
        return pairs.difference, "quality.pairs"
    return scores["candidate"]["quality"] - scores["prompted"]["quality"], "scores"


def _f1(score: Record) -> float:
    right, *wrong = (score["counts"][name] for name in COUNTS)
    return 2 * right / (2 * right + sum(wrong)) if right or any(wrong) else 1.0


def _groups(quality: Record) -> int | None:
    """How many groups the method says; where there were too few, the record's own number."""
    method = str(quality["method"])
    if method.startswith(_CLUSTER):
        return int(method.removeprefix(_CLUSTER).removesuffix(_OVER))
    return quality["groups"] if method == NO_INTERVAL else None


def _effect(body: Record, variance: float) -> float:
    quality = body["quality"]
    if not str(quality["method"]).startswith(_CLUSTER):
        return 1.0
    found = Interval(quality["difference"], quality["low"], quality["high"])
    groups = _groups(quality) or 0
    return design_effect(found, quality["level"], rows=quality["n"], groups=groups, row_variance=variance)


def _options(body: Record) -> list[Prompted]:
    tried = [one for one in body["contenders"] if one["why"] is None]
    return [Prompted(one["contender"], one["dev_score"], one["call_nano"]) for one in tried]


def _dev_score(body: Record) -> float:
    if body["candidate"]["cascade"]:
        return body["candidate"]["dev_score"]
    name = body["candidate"]["contender"]
    return next(line["dev_score"] for line in body["rungs"] if line["contender"] == name)


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None
