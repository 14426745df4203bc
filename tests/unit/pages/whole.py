"""A whole decision record and reading, and what pages tell beside them: fixed, so that a page is the same each time."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, date, datetime
from typing import Any

from bot.messages import examples
from bot.messages.reading import example
from engine.desk.readiness import ReadingView
from engine.desk.reports import FeatureReport, ReadingLine, SaidLine, VerdictLine
from engine.flows.steps import release
from engine.flows.steps.forecast import forecast
from engine.flows.steps.report import Apart, Asked, Example, LookLine, Moment, MomentName, RunReport
from engine.rules.facts import ReadinessPolicy
from engine.rules.gates import GateFacts, GateLimits, SliceFact, gates
from engine.rules.money import CostPolicy, Spending, judged
from engine.rules.power import EvalPolicy
from engine.rules.rollout import StagePolicy
from engine.rules.verdict import VerdictPolicy
from engine.store.policies import Policy

TODAY = date(2026, 11, 20)
AT = datetime(2026, 11, 2, 14, 2, tzinfo=UTC)
CLASSES = ["billing", "bug", "howto"]
OURS = [[90, 6, 4, 0], [5, 92, 3, 0], [7, 1, 92, 0]]
THEIRS = [[93, 4, 2, 1], [8, 88, 4, 0], [6, 4, 90, 0]]
SEED = 7
FACTS = GateFacts(
    leaks=0,
    teacher_rows=0,
    look=1,
    prompted_age_days=0.02,
    parity_agree=200,
    parity_rows=200,
    groups=None,
    valid_rows=300,
    rows=300,
    prompted_valid_share=0.997,
    latency_p95_ms=9.7,
    slices=(SliceFact("refunds", 61, 0.016, -0.05, 0.09),),
)
_POLICY = Policy(VerdictPolicy(), EvalPolicy(), CostPolicy(), StagePolicy(), ReadinessPolicy())
_SPENDING = Spending(900_000, 0.0011, label_minutes=400.0, label_rows=2_000, bill_usd=1.35)


def record(**changes: Any) -> dict[str, Any]:
    """What leaves of a decision record with all that this version stores."""
    money = judged(_SPENDING, CostPolicy(), SEED)
    assert money is not None
    cost = asdict(money)
    cost["plan"]["halving_months"] = None
    plain = examples.record()
    quality = {
        **plain["quality"],
        "method": "Tango (1998) paired score interval",
        "pairs": {"both": 266, "candidate_only": 13, "baseline_only": 6, "neither": 15},
        "newcombe": [-0.0071, 0.0541],
        "mcnemar_midp": 0.1153,
        "difference": 7 / 300,
        "low": -0.0064,
        "high": 0.0538,
        "candidate": 279 / 300,
        "prompted": 272 / 300,
    }
    evidence = {
        "difference": {"estimate": quality["difference"], "low": quality["low"], "high": quality["high"]},
        "margin": quality["margin"],
        "rows": 300,
        "planned_rows": 280,
        "saving_low": money.simulation.saving_low,
        "payback_probability": money.simulation.p_payback,
        "npv_usd": money.npv_usd,
        "row_variance": 19 / 300 - (7 / 300) ** 2,
        "invalid": [],
        "broken": [],
    }
    stored = {
        **plain,
        "version": 1,
        "price_snapshot": "genai-prices-0.2.3+2026-11-02+e3b0c44298fc",
        "code_version": "0.1.0",
        "seed": SEED,
        "decided_at": "2026-11-02T14:31:00Z",
        "reading": {
            "id": 3,
            "at": "2026-11-02T14:03:00Z",
            "outcome": "STAY",
            "names": ["volume", "low_volume"],
            "policy_hash": "a91c" * 16,
            "price_snapshot": "genai-prices-0.2.3+2026-11-02+e3b0c44298fc",
        },
        "quality": quality,
        "cost": cost,
        "promotion": ["tfidf-1 over majority: +0.503 [+0.452, +0.551] on dev"],
        "parity": {"agree": 200, "rows": 200, "latency_p50_ms": 4.1, "latency_p95_ms": 9.7},
        "parts": {"train": 1_400, "dev": 300, "sealed": 300},
        "plan": {"rows": 280, "disagreement": 0.08},
        "dev": {"classes": CLASSES, "candidate_confusion": OURS, "prompted_confusion": THEIRS},
        "evidence": evidence,
        "gates": [asdict(gate) for gate in gates(FACTS, GateLimits(margin=0.02, latency_ceiling_ms=50.0))],
        "slices": [{**asdict(FACTS.slices[0]), "pairs": None, "method": "", "row_variance": 7 / 61 - 0.016**2}],
        "prompting": {"name": "few_shot", "ratio": 0.4, "production_usd": 0.00275},
        "left_out": {"shown": 2, "teacher": 0},
        "policy": asdict(_POLICY),
        **changes,
    }
    return release.of_record(stored)


def run_report(**changes: Any) -> RunReport:
    """What a page tells of the run of that record."""
    whole = {
        "asked": Asked(
            by="U0ANN",
            at=AT,
            effort="normal",
            budget_nano=50_000_000_000,
            approach="classify",
            classes=tuple(CLASSES),
            quality_bar=0.9,
            live_since=date(2026, 3, 2),
            model="gpt-4o-mini",
            base_url="https://api.openai.com/v1",
            parameters={"temperature": 0},
            baseline_number=2,
            baseline_sha="5e0c" * 16,
            label_sources={"person": 2_000},
        ),
        "apart": Apart(won_rows=21, lost_rows=18, won=(_example(1, "bug"),), lost=(_example(2, "howto"),)),
        "seal_number": 1,
        "looks": (
            LookLine(
                number=1,
                run_id="inv-7k3mq9ab",
                contender="tfidf-1",
                purpose="confirm",
                alpha=0.02,
                margin=0.02,
                by="U0ANN",
                at=AT.replace(hour=14, minute=30),
                is_this=True,
                bits=26.3,
            ),
        ),
        "looks_left": (0.004, 0.001),
        "moments": (
            Moment(name=MomentName.ASKED, at=AT),
            Moment(name=MomentName.STARTED, at=AT.replace(minute=3)),
            Moment(name=MomentName.PROMPTED, at=AT.replace(minute=4), ended_at=AT.replace(minute=11)),
            Moment(name=MomentName.UNSEALED, at=AT.replace(minute=30)),
            Moment(name=MomentName.DECIDED, at=AT.replace(minute=31)),
        ),
    }
    return RunReport.model_validate({**whole, **changes})


def _example(number: int, expected: str) -> Example:
    return Example(
        row_id=f"r{number}",
        text=f"My invoice {number} is <b>late</b> & wrong",
        expected=expected,
        candidate="bug",
        prompted="howto",
        candidate_valid=True,
        prompted_valid=number == 1,
    )


def reading(**changes: object) -> ReadingView:
    """A reading with its money."""
    return example(**changes)


def feature_report(**changes: Any) -> FeatureReport:
    """What a page tells beside it."""
    money = judged(_SPENDING, CostPolicy())
    assert money is not None
    said = SaidLine(
        condition="tenure",
        is_override=True,
        answer="",
        reason="launch is fixed",
        by="U0ANN",
        at=AT,
        until=AT.replace(month=12),
        approved_by="U0BO",
        is_over=False,
    )
    told: dict[str, Any] = {
        "read_at": AT,
        "forecast": forecast(money.plan, 12, 0),
        "saving_low": 0.71,
        "saving_median": 0.78,
        "calls_per_month": 900_000.0,
        "call_usd": 0.0011,
        "said": (said,),
        "readings": (
            ReadingLine(AT, "U0ANN", "STAY", "", "a91c" * 16, "genai-prices-0.2.3+2026-10-02+e3b0c44298fc"),
            ReadingLine(AT, "U0ANN", "NEED_EVIDENCE", "inv-7k3mq9ab", "a91c" * 16, "genai-prices-0.2.3+2026-11-02"),
        ),
        "verdicts": (VerdictLine("inv-7k3mq9ab", "SHIP_CHEAPER", AT),),
    }
    return FeatureReport(**{**told, **changes})
