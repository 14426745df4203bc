"""Decide a verdict again from its record alone, and name every value that does not follow from the others.

Reads nothing but the record: whoever holds the file can do this offline, years later.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

from engine.flows.steps import compare, money, record
from engine.flows.steps.decide import broken
from engine.rules.compare import Interval, Pairs, mcnemar_midp, newcombe_paired, tango_interval
from engine.rules.cost import Spread, simulate
from engine.rules.money import CostPolicy, hosting
from engine.rules.plan import Plan, gross_saving, monthly_saving, net_present_value, payback_months
from engine.rules.seal import look_alpha
from engine.rules.verdict import Evidence, VerdictPolicy, decide
from engine.store.policies import canonical

Record = Mapping[str, Any]
Check = tuple[str, Any, Any, str]  # field, what the record says, what follows, and from what

NEEDED = (
    "decision",
    "policy_hash",
    "seal_look",
    "seed",
    "candidate.rung",
    "quality.n",
    "quality.pairs",
    "quality.level",
    "quality.method",
    "quality.margin",
    "quality.low",
    "quality.high",
    "scores.candidate",
    "scores.prompted",
    "plan.rows",
    "evidence.difference",
    "policy.verdict",
    "policy.cost",
)
GROUPS = "the difference of each group of rows, which never leaves the database"
_SAME = 1e-9  # relative: the sums are the same ones, only their order of adding may differ


@dataclass(frozen=True)
class Difference:
    """A value of the record (by its path) that does not follow from ``source``: what it says and what follows."""

    field: str
    stored: Any
    found: Any
    source: str


@dataclass(frozen=True)
class Recomputed:
    """The stored decision and the one that follows ("" where inputs are missing), every difference, what is missing.

    ``checked`` values were recomputed; ``unknown`` names inputs that are in no record, so that some could not be.
    """

    decision: str
    found: str
    checked: int = 0
    differences: tuple[Difference, ...] = ()
    missing: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()

    @property
    def is_same(self) -> bool:
        """Whether the record gives the decision it names, and nothing in it contradicts."""
        return not self.differences and not self.missing and self.decision == self.found


def recompute(body: Record, clustered: Interval | None = None) -> Recomputed:
    """Decide again. ``clustered`` is the interval over groups where the caller can make it from stored predictions."""
    decision = str(body.get("decision", ""))
    missing = tuple(path for path in NEEDED if _at(body, path) is None)
    if missing:
        return Recomputed(decision, "", missing=missing)
    is_grouped = str(body["quality"]["method"]).startswith("cluster")
    differences: list[Difference] = []
    checked = 0
    for name, section in _SECTIONS.items():
        try:
            checks = list(section(body, clustered))
        except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
            differences.append(Difference(name, "unreadable", str(error), "the record"))
            continue
        checked += len(checks)
        differences += [Difference(*check) for check in checks if not _is_same(check[1], check[2])]
    return Recomputed(
        decision,
        _decision(body),
        checked,
        tuple(differences),
        unknown=(GROUPS,) if is_grouped and clustered is None else (),
    )


def _policy(body: Record, _clustered: Interval | None) -> Iterator[Check]:
    sha = hashlib.sha256(canonical(body["policy"]).encode()).hexdigest()
    yield "policy_hash", body["policy_hash"], sha, "policy"


def _counts(body: Record, _clustered: Interval | None) -> Iterator[Check]:
    quality, pairs, scores = body["quality"], _pairs(body), body["scores"]
    source = "quality.pairs"
    yield "quality.n", quality["n"], pairs.n, source
    yield "quality.difference", quality["difference"], pairs.difference, source
    yield "quality.level", quality["level"], 1 - 2 * look_alpha(body["seal_look"]), "seal_look"
    for side, right in (("candidate", pairs.candidate_only), ("prompted", pairs.baseline_only)):
        yield f"quality.{side}", quality[side], scores[side]["quality"], f"scores.{side}.quality"
        if scores[side]["rows"] == pairs.n:
            yield f"scores.{side}.quality", scores[side]["quality"], (pairs.both + right) / pairs.n, source
        else:
            yield f"scores.{side}.rows", scores[side]["rows"], pairs.n, source


def _interval(body: Record, clustered: Interval | None) -> Iterator[Check]:
    quality, pairs = body["quality"], _pairs(body)
    level = 1 - 2 * look_alpha(body["seal_look"])
    source = "quality.pairs and seal_look"
    found, other = _of_method(quality["method"], pairs, level, clustered), newcombe_paired(pairs, level)
    if found is not None:
        yield "quality.low", quality["low"], found.low, source
        yield "quality.high", quality["high"], found.high, source
    yield "quality.newcombe.0", quality["newcombe"][0], other.low, source
    yield "quality.newcombe.1", quality["newcombe"][1], other.high, source
    midp = mcnemar_midp(pairs.candidate_only, pairs.baseline_only)
    yield "quality.mcnemar_midp", quality["mcnemar_midp"], midp, "quality.pairs"
    said = record.finding(quality["low"], quality["high"], quality["margin"])
    yield "quality.finding", quality["finding"], said, "quality.low, quality.high and quality.margin"


def _of_method(method: str, pairs: Pairs, level: float, clustered: Interval | None) -> Interval | None:
    if method.startswith("cluster"):
        return clustered
    if method == compare.NO_INTERVAL:
        return Interval(pairs.difference, -1.0, 1.0)
    if method != compare.TANGO:
        raise ValueError(f"quality.method is {method!r}; this version knows none of that name")
    return tango_interval(pairs, level)


def _evidence(body: Record, _clustered: Interval | None) -> Iterator[Check]:
    evidence, quality, pairs = body["evidence"], body["quality"], _pairs(body)
    for mine, theirs in (("estimate", "difference"), ("low", "low"), ("high", "high")):
        yield f"evidence.difference.{mine}", evidence["difference"][mine], quality[theirs], f"quality.{theirs}"
    yield "evidence.margin", evidence["margin"], quality["margin"], "quality.margin"
    yield "evidence.rows", evidence["rows"], pairs.n, "quality.pairs"
    yield "evidence.planned_rows", evidence["planned_rows"], body["plan"]["rows"], "plan.rows"
    variance = max((pairs.candidate_only + pairs.baseline_only) / pairs.n - pairs.difference**2, 0.0)
    yield "evidence.row_variance", evidence["row_variance"], variance, "quality.pairs"
    scores = body["scores"]
    valid = scores["candidate"]["valid_share"], scores["candidate"]["rows"], scores["prompted"]["valid_share"]
    gates = list(broken(*valid, margin=quality["margin"]))
    yield "evidence.broken", list(evidence["broken"]), gates, "scores.candidate and scores.prompted"
    blocked = [compare.FEW_GROUPS] if quality["method"] == compare.NO_INTERVAL else []
    yield "evidence.invalid", list(evidence["invalid"]), blocked, "quality.method"
    cost = body.get("cost")
    simulation: dict[str, Any] = cost["simulation"] if cost else {}
    yield "evidence.saving_low", evidence["saving_low"], simulation.get("saving_low"), "cost.simulation"
    yield (
        "evidence.payback_probability",
        evidence["payback_probability"],
        simulation.get("p_payback"),
        "cost.simulation",
    )
    yield "evidence.npv_usd", evidence["npv_usd"], cost["npv_usd"] if cost else None, "cost.npv_usd"
    for name, usual in (("quality_worth_usd", 0.0), ("design_effect", 1.0)):
        yield f"evidence.{name}", evidence.get(name, usual), usual, "this version, which sets no other"


def _money(body: Record, _clustered: Interval | None) -> Iterator[Check]:
    cost = body.get("cost")
    if not cost:
        return
    plan, policy = _plan(cost["plan"]), _known(CostPolicy, body["policy"]["cost"])
    house = hosting(body["candidate"]["rung"] in money.GPU_RUNGS, policy)
    fixed = house + policy.retraining_usd / policy.retrain_months + policy.operations_month_usd
    yield "cost.hosting_month_usd", cost["hosting_month_usd"], house, "candidate.rung and policy.cost"
    yield "cost.plan.fixed_month_usd", plan.fixed_month_usd, fixed, "candidate.rung and policy.cost"
    yield "cost.gross_saving", cost["gross_saving"], gross_saving(plan, house), "cost.plan"
    yield "cost.month_saving_usd", cost["month_saving_usd"], monthly_saving(plan), "cost.plan"
    yield "cost.payback_months", cost["payback_months"], _finite(payback_months(plan)), "cost.plan"
    npv = net_present_value(plan, policy.months)
    yield "cost.npv_usd", cost["npv_usd"], npv, "cost.plan and policy.cost"
    drawn = simulate(plan, Spread(escalation=None), policy.months, seed=body["seed"])
    for field in fields(drawn):
        stored, found = cost["simulation"][field.name], getattr(drawn, field.name)
        yield f"cost.simulation.{field.name}", stored, found, "cost.plan, policy.cost and seed"


def _ruling(body: Record, _clustered: Interval | None) -> Iterator[Check]:
    ruling = decide(_read_evidence(body["evidence"]), _known(VerdictPolicy, body["policy"]["verdict"]))
    source = "evidence and policy.verdict"
    reasons = [*ruling.reasons, *([] if body.get("cost") else ["cost_unknown"])]
    yield "decision", body["decision"], ruling.outcome.value, source
    yield "rows_needed", body.get("rows_needed"), ruling.rows_needed, source
    yield "reasons", list(body.get("reasons", ())), reasons, source


_SECTIONS: Mapping[str, Callable[[Record, Interval | None], Iterator[Check]]] = {
    "policy": _policy,
    "quality": _counts,
    "quality.pairs": _interval,
    "cost": _money,
    "evidence": _evidence,
    "decision": _ruling,
}


def _decision(body: Record) -> str:
    try:
        evidence, policy = _read_evidence(body["evidence"]), _known(VerdictPolicy, body["policy"]["verdict"])
        return decide(evidence, policy).outcome.value
    except (KeyError, TypeError, ValueError):
        return ""


def _read_evidence(said: Record) -> Evidence:
    interval = Interval(*(said["difference"][name] for name in ("estimate", "low", "high")))
    lists = {name: tuple(said[name]) for name in ("invalid", "broken")}
    return _known(Evidence, {**said, **lists, "difference": interval})


def _pairs(body: Record) -> Pairs:
    counts = body["quality"]["pairs"]
    return Pairs(counts["both"], counts["candidate_only"], counts["baseline_only"], counts["neither"])


def _plan(said: Record) -> Plan:
    halving = said["halving_months"]
    steps = tuple((step[0], step[1]) for step in said["price_steps"])
    return _known(Plan, {**said, "halving_months": math.inf if halving is None else halving, "price_steps": steps})


def _known(kind: Callable[..., Any], said: Record) -> Any:  # noqa: ANN401 (a value of that kind)
    names = {field.name for field in fields(kind)}  # pyright: ignore[reportArgumentType] # each kind given here is a dataclass
    return kind(**{name: value for name, value in said.items() if name in names})


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None


def _at(body: Any, path: str) -> Any:  # noqa: ANN401 (any JSON value)
    for name in path.split("."):
        body = body.get(name) if isinstance(body, Mapping) else None  # pyright: ignore[reportUnknownVariableType,reportUnknownMemberType] # JSON
    return body  # pyright: ignore[reportUnknownVariableType] # JSON


def _is_same(stored: Any, found: Any) -> bool:  # noqa: ANN401 (any JSON value)
    numbers = isinstance(stored, int | float) and isinstance(found, int | float)
    return math.isclose(stored, found, rel_tol=_SAME, abs_tol=1e-12) if numbers else stored == found
