"""Ask of a comparison whether it may give a verdict at all, and whether the candidate surely breaks what must hold.

A blocker that fails makes the comparison invalid (INCONCLUSIVE), a gate that fails forbids the candidate (NO_GO). Knows
nothing of how the facts were measured.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from engine.rules import checks
from engine.rules.paired import FEW_GROUPS, GROUPS_LEAST
from engine.rules.pairs import wilson

KAPPA_LEAST = 0.60  # docs/rules.md 3: a judge that agrees less with people is no primary score
HUMANS_LEAST = 100  # docs/rules.md 5: pairs or answers that people judged too
LOOKS = 3
NO_BETTER = "no better than the live model, which stays"
AUDITED, NOT_AUDITED = "audited", "labels not audited"
DISPUTED = "people agree too little with how answers were graded"
UNSURE = "it may be worse than the live model by more than the margin"


class GateStatus(StrEnum):
    """Unknown is never a pass of a blocker; off means that the team set no limit, or that nothing is to be asked."""

    PASS = "pass"  # noqa: S105 (a status)
    FAIL = "fail"
    UNKNOWN = "unknown"
    OFF = "off"


@dataclass(frozen=True)
class SliceFact:
    """A protected slice on the sealed part: its rows, and the interval of candidate minus prompted on them."""

    name: str
    rows: int
    difference: float = 0.0
    low: float = -1.0
    high: float = 1.0


@dataclass(frozen=True)
class GateFacts:
    """What was measured. Shares are fractions, ages days, latencies milliseconds; None is unknown.

    ``leaks`` counts copies of sealed rows outside the sealed part, ``teacher_rows`` compared rows that a model
    labelled, ``look`` is the look this is (1 to 3; 0: none was spent). ``groups`` is None where rows are not grouped;
    ``live`` is the candidate minus the live model on the same rows, None where none is live.
    ``judge_kappa`` and ``judge_people`` are asked for where a judge gives the primary score (``has_judge``). Where
    answers are worked out (``has_answers``), people ``audited`` so many and agree with the grades by ``audit_kappa``,
    None where it is undefined: all of them were alike.
    """

    leaks: int
    teacher_rows: int
    look: int
    prompted_age_days: float | None
    parity_agree: int
    parity_rows: int
    groups: int | None
    valid_rows: int
    rows: int
    prompted_valid_share: float
    latency_p95_ms: float | None
    slices: tuple[SliceFact, ...] = ()
    live: SliceFact | None = None
    has_judge: bool = False
    judge_kappa: float | None = None
    judge_people: int = 0
    has_answers: bool = False
    audited: int = 0
    audit_kappa: float | None = None


@dataclass(frozen=True)
class GateLimits:
    """What a team allows: a ceiling of 0 is none."""

    margin: float
    fresh_days: float = 7.0
    parity_floor: float = 0.99
    latency_ceiling_ms: float = 0.0


@dataclass(frozen=True)
class Gate:
    """One thing that must hold: how it stands, what was measured and the limit. ``blocks``: a blocker, not a gate.

    ``reason`` is what a verdict says when it does not hold.
    """

    name: str
    status: GateStatus
    value: float | None
    limit: float | None
    blocks: bool
    reason: str = ""


def gates(facts: GateFacts, limits: GateLimits) -> tuple[Gate, ...]:
    """Judge every blocker and gate, blockers first (docs/rules.md 3 and 4).

    Raises ValueError for counts, shares or limits out of range.
    """
    _check(facts, limits)
    return (*_blockers(facts, limits), *_gates(facts, limits))


def disputed(audited: int, kappa: float | None) -> bool:
    """Whether people who audited enough answers agree too little with how they were graded for any verdict."""
    return audited >= HUMANS_LEAST and kappa is not None and kappa < KAPPA_LEAST


def invalid(found: tuple[Gate, ...]) -> tuple[str, ...]:
    """Give the reasons why no verdict can be given: blockers that fail or are unknown."""
    bad = (GateStatus.FAIL, GateStatus.UNKNOWN)
    return tuple(gate.reason for gate in found if gate.blocks and gate.status in bad)


def broken(found: tuple[Gate, ...]) -> tuple[str, ...]:
    """Give the reasons why the candidate must not ship: gates that surely failed."""
    return tuple(gate.reason for gate in found if not gate.blocks and gate.status is GateStatus.FAIL)


def _blockers(facts: GateFacts, limits: GateLimits) -> Iterator[Gate]:
    yield _blocker("leak", facts.leaks, 0.0, "leak", at_most=True)
    yield _blocker("labels", facts.teacher_rows, 0.0, "sealed labels made by a model", at_most=True)
    old = f"the prompted answers are older than {limits.fresh_days:g} days"
    yield _blocker("freshness", facts.prompted_age_days, limits.fresh_days, old, at_most=True)
    agreement = facts.parity_agree / facts.parity_rows if facts.parity_rows else None
    yield _blocker("parity", agreement, limits.parity_floor, "served answers differ from evaluated ones", at_most=False)
    yield _blocker("exposure", facts.look, float(LOOKS), "the looks at the sealed rows are spent", at_most=True)
    if facts.groups is None:
        yield Gate("groups", GateStatus.OFF, None, float(GROUPS_LEAST), blocks=True)
    else:
        yield _blocker("groups", facts.groups, float(GROUPS_LEAST), FEW_GROUPS, at_most=False)
    if facts.has_judge:
        few = f"people judged {facts.judge_people:,} of the {HUMANS_LEAST} that are needed"
        yield _blocker("people", facts.judge_people, float(HUMANS_LEAST), few, at_most=False)
        weak = "the judge agrees too little with people"
        yield _blocker("judge", facts.judge_kappa, KAPPA_LEAST, weak, at_most=False)
    if facts.has_answers:
        yield from _audit(facts)
    if facts.live is not None and facts.live.difference > 0.0:
        unsure = facts.live.low <= -limits.margin
        status = GateStatus.FAIL if unsure else GateStatus.PASS
        yield Gate("live model, surely", status, None, None, blocks=True, reason=UNSURE if unsure else "")


def _audit(facts: GateFacts) -> Iterator[Gate]:
    """Whether people bear out the grades of answers. Fewer than 100 say nothing: that is told, and blocks nothing."""
    few = facts.audited < HUMANS_LEAST
    status, reason = (GateStatus.UNKNOWN, NOT_AUDITED) if few else (GateStatus.PASS, "")
    yield Gate(AUDITED, status, float(facts.audited), float(HUMANS_LEAST), blocks=False, reason=reason)
    if not few:
        holds = not disputed(facts.audited, facts.audit_kappa)
        status, reason = (GateStatus.PASS, "") if holds else (GateStatus.FAIL, DISPUTED)
        yield Gate("grades", status, facts.audit_kappa, KAPPA_LEAST, blocks=True, reason=reason)


def _blocker(name: str, value: float | None, limit: float, reason: str, *, at_most: bool) -> Gate:
    if value is None:
        return Gate(name, GateStatus.UNKNOWN, None, limit, blocks=True, reason=reason)
    holds = value <= limit if at_most else value >= limit
    status = GateStatus.PASS if holds else GateStatus.FAIL
    return Gate(name, status, float(value), limit, blocks=True, reason="" if holds else reason)


def _gates(facts: GateFacts, limits: GateLimits) -> Iterator[Gate]:
    best = wilson(facts.valid_rows, facts.rows).high
    floor = facts.prompted_valid_share - limits.margin
    yield _gate("validity", best, floor, "answers are valid less often", fails=best < floor)
    yield _latency(facts.latency_p95_ms, limits.latency_ceiling_ms)
    if facts.live is not None:
        yield _live(facts.live)
    for part in facts.slices:
        name, floor = f"slice {part.name}", -2.0 * limits.margin
        if part.rows:
            yield _gate(name, part.high, floor, f"surely worse on {part.name}", fails=part.high < floor)
        else:
            yield Gate(name, GateStatus.UNKNOWN, None, floor, blocks=False)


def _live(live: SliceFact) -> Gate:
    """A live model stays unless the new one is better on the sealed rows; how surely it is as good, a blocker asks."""
    fails = live.difference <= 0.0
    status = GateStatus.FAIL if fails else GateStatus.PASS
    return Gate("live model", status, None, None, blocks=False, reason=NO_BETTER if fails else "")


def _latency(value: float | None, ceiling: float) -> Gate:
    if not ceiling:
        return Gate("latency", GateStatus.OFF, value, None, blocks=False)
    if value is None:
        return Gate("latency", GateStatus.UNKNOWN, None, ceiling, blocks=False)
    return _gate("latency", value, ceiling, "slower than the latency ceiling", fails=value > ceiling)


def _gate(name: str, value: float, limit: float, reason: str, *, fails: bool) -> Gate:
    status = GateStatus.FAIL if fails else GateStatus.PASS
    return Gate(name, status, value, limit, blocks=False, reason=reason if fails else "")


def _check(facts: GateFacts, limits: GateLimits) -> None:
    for name in ("leaks", "teacher_rows", "parity_agree", "parity_rows", "valid_rows"):
        checks.count(name, getattr(facts, name))
    checks.count("rows", facts.rows, 1)
    checks.count("look", facts.look)
    checks.count("judge_people", facts.judge_people)
    checks.count("audited", facts.audited)
    checks.share("prompted_valid_share", facts.prompted_valid_share)
    for name in ("prompted_age_days", "latency_p95_ms", "groups"):
        if getattr(facts, name) is not None:
            checks.number(name, getattr(facts, name), 0.0)
    for name in ("judge_kappa", "audit_kappa"):
        if getattr(facts, name) is not None:
            checks.number(name, getattr(facts, name), -1.0, 1.0)
    checks.margin("margin", limits.margin)
    checks.number("fresh_days", limits.fresh_days, 0.0)
    checks.share("parity_floor", limits.parity_floor)
    checks.number("latency_ceiling_ms", limits.latency_ceiling_ms, 0.0)
