"""Blockers and gates: each one alone, what is unknown, and what a team did not ask for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from engine.rules.gates import Gate, GateFacts, GateLimits, GateStatus, SliceFact, broken, gates, invalid

FACTS = GateFacts(
    leaks=0, teacher_rows=0, look=1, prompted_age_days=0.2, parity_agree=199, parity_rows=200,
    groups=None, valid_rows=300, rows=300, prompted_valid_share=1.0, latency_p95_ms=9.0,
)  # fmt: skip
LIMITS = GateLimits(margin=0.02)


def judged(limits: GateLimits = LIMITS, **changes: Any) -> tuple[Gate, ...]:
    return gates(replace(FACTS, **changes), limits)


def status(name: str, found: tuple[Gate, ...]) -> GateStatus:
    return next(gate.status for gate in found if gate.name == name)


def test_what_holds_gives_no_reason() -> None:
    found = judged()
    assert invalid(found) == broken(found) == ()
    assert [gate.name for gate in found] == [
        "leak", "labels", "freshness", "parity", "exposure", "groups", "validity", "latency",
    ]  # fmt: skip
    assert {gate.status for gate in found} == {GateStatus.PASS, GateStatus.OFF}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"leaks": 1}, "leak"),
        ({"teacher_rows": 1}, "sealed labels made by a model"),
        ({"prompted_age_days": 7.01}, "the prompted answers are older than 7 days"),
        ({"prompted_age_days": None}, "the prompted answers are older than 7 days"),
        ({"parity_agree": 197}, "served answers differ from evaluated ones"),
        ({"parity_agree": 0, "parity_rows": 0}, "served answers differ from evaluated ones"),
        ({"look": 4}, "the looks at the sealed rows are spent"),
        ({"groups": 19}, "fewer than 20 groups"),
        ({"has_judge": True, "judge_kappa": 0.59, "judge_people": 100}, "the judge agrees too little with people"),
        ({"has_judge": True, "judge_people": 100}, "the judge agrees too little with people"),
        ({"has_judge": True, "judge_kappa": 0.6, "judge_people": 99}, "people judged 99 of the 100 that are needed"),
        (
            {"has_answers": True, "audited": 100, "audit_kappa": 0.59},
            "people agree too little with how answers were graded",
        ),
    ],
)
def test_a_blocker_that_fails_or_is_unknown_makes_the_comparison_invalid(changes: dict[str, Any], reason: str) -> None:
    found = judged(**changes)
    assert invalid(found) == (reason,)
    assert broken(found) == ()


@pytest.mark.parametrize(
    "changes",
    [
        {"prompted_age_days": 7.0},
        {"parity_agree": 198},
        {"look": 3},
        {"groups": 20},
        {"has_judge": True, "judge_kappa": 0.6, "judge_people": 100},
        {"has_answers": True, "audited": 100, "audit_kappa": 0.6},
        {"has_answers": True, "audited": 100, "audit_kappa": None},  # all alike, and people agree on every one
    ],
)
def test_a_blocker_holds_at_its_limit(changes: dict[str, Any]) -> None:
    assert invalid(judged(**changes)) == ()


def test_answers_that_nobody_audited_are_unknown_and_neither_block_nor_pass() -> None:
    found = judged(has_answers=True, audited=99, audit_kappa=0.1)
    (gate,) = (one for one in found if one.name == "audited")
    assert (gate.status, gate.blocks, gate.value, gate.limit) == (GateStatus.UNKNOWN, False, 99.0, 100.0)
    assert gate.reason == "labels not audited"
    assert "grades" not in {one.name for one in found}
    assert (invalid(found), broken(found)) == ((), ())
    assert "audited" not in {one.name for one in judged()}, "other approaches are not asked for it"


def test_validity_fails_only_when_surely_worse_than_the_margin() -> None:
    # Wilson's upper bound for 285 of 300 is .9694 (statsmodels proportion_confint, method wilson)
    assert broken(judged(valid_rows=285, prompted_valid_share=0.989)) == ()
    assert broken(judged(valid_rows=285, prompted_valid_share=0.99)) == ("answers are valid less often",)


def test_latency_is_asked_only_where_a_ceiling_is_set() -> None:
    ceiling = GateLimits(margin=0.02, latency_ceiling_ms=9.0)
    assert status("latency", judged()) is GateStatus.OFF
    assert status("latency", judged(ceiling)) is GateStatus.PASS
    assert broken(judged(ceiling, latency_p95_ms=9.1)) == ("slower than the latency ceiling",)
    assert status("latency", judged(ceiling, latency_p95_ms=None)) is GateStatus.UNKNOWN
    assert broken(judged(ceiling, latency_p95_ms=None)) == ()


def test_a_protected_slice_fails_when_its_upper_bound_lies_below_twice_the_margin() -> None:
    refunds = SliceFact("refunds", 80, -0.12, -0.2, -0.041)
    assert broken(judged(slices=(refunds,))) == ("surely worse on refunds",)
    assert broken(judged(slices=(replace(refunds, high=-0.04),))) == ()
    empty = judged(slices=(SliceFact("fraud", 0),))
    assert status("slice fraud", empty) is GateStatus.UNKNOWN
    assert broken(empty) == ()


@pytest.mark.parametrize(
    ("changes", "limits"),
    [
        ({"leaks": -1}, LIMITS),
        ({"rows": 0}, LIMITS),
        ({"valid_rows": 301}, LIMITS),
        ({"prompted_valid_share": 1.1}, LIMITS),
        ({"prompted_age_days": -1.0}, LIMITS),
        ({"judge_kappa": 2.0}, LIMITS),
        ({"audit_kappa": -1.1}, LIMITS),
        ({"audited": -1}, LIMITS),
        ({}, GateLimits(margin=1.0)),
        ({}, GateLimits(margin=0.02, latency_ceiling_ms=-1.0)),
    ],
)
def test_broken_facts_are_refused(changes: dict[str, Any], limits: GateLimits) -> None:
    with pytest.raises(ValueError, match=r"must|cannot"):
        judged(limits, **changes)
