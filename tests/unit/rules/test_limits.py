"""Every default lies within the range it may be set in, and no range lets a rule break."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

from engine.rules.compare import Interval
from engine.rules.cost import simulate
from engine.rules.limits import limits, read_words
from engine.rules.plan import Plan
from engine.rules.power import EvalPolicy
from engine.rules.rollout import StageEvidence, StagePolicy, gate
from engine.rules.verdict import Evidence, VerdictPolicy, decide
from engine.store.policies import KINDS

SCALARS = [
    (kind, field.name, getattr(made(), field.name))
    for kind, made in KINDS.items()
    for field in fields(made)
    if isinstance(getattr(made(), field.name), int | float)
]


@pytest.mark.parametrize(("kind", "name", "usual"), SCALARS)
def test_a_default_is_allowed(kind: str, name: str, usual: float) -> None:
    least, most = limits(f"{kind}_{name}", usual)
    assert least <= usual <= most


def test_shares_end_at_one_and_amounts_do_not() -> None:
    assert limits("verdict_saving_floor", 0.3) == (0.0, 1.0)
    assert limits("cost_cpu_hour_usd", 0.1)[1] > 1_000
    assert limits("cost_default_minutes", 0.25)[1] > 1_000
    assert limits("readiness_label_rows", 1_000)[1] > 1_000


@pytest.mark.parametrize("end", [0, 1])
def test_no_verdict_or_gate_breaks_at_the_ends(end: int) -> None:
    for name in ("alpha", "power", "saving_floor", "payback_floor", "rows_cap"):
        usual = getattr(VerdictPolicy(), name)
        policy = replace(VerdictPolicy(), **{name: type(usual)(limits(f"verdict_{name}", usual)[end])})
        evidence = Evidence(Interval(0.0, -0.03, 0.03), 0.02, 900, 800, 0.1, 0.5, 0.9, 1.0)
        assert decide(evidence, policy).outcome == "INCONCLUSIVE"
    for name in ("alpha", "safe_odds", "mismatch_odds", "ticks", "holdback", "cost_ceiling"):
        policy_at = replace(StagePolicy(), **{name: limits(f"stage_{name}", getattr(StagePolicy(), name))[end]})
        assert gate("canary_1", StageEvidence(hours=1, units=1), policy_at).action in ("PAUSE", "HOLD")
    months = int(limits("cost_months", 12)[end])
    assert simulate(Plan(1e6, 0.0022, 0, 1084, 6448.8), months=months, draws=100).p_payback >= 0.0


def test_the_cheaper_model_is_one_and_slices_are_named_by_a_list() -> None:
    assert read_words("evaluation_cheaper_model", " small-1 ") == "small-1"
    assert read_words("evaluation_cheaper_model", "none") == ""
    with pytest.raises(ValueError, match="one model is asked"):
        read_words("evaluation_cheaper_model", "small-1,small-2")
    assert EvalPolicy(protected_slices=read_words("evaluation_protected_slices", "refunds, fraud,")).protected == (
        "refunds",
        "fraud",
    )
    with pytest.raises(ValueError, match="at most 500"):
        read_words("evaluation_protected_slices", "a" * 501)


def test_the_judges_address_is_one_that_may_be_called() -> None:
    assert read_words("evaluation_judge_url", "https://api.example.com/v1") == "https://api.example.com/v1"
    assert read_words("evaluation_judge_url", "none") == ""
    with pytest.raises(ValueError, match="it "):
        read_words("evaluation_judge_url", "http://169.254.169.254/v1")
