"""Gather what blockers and gates ask about a comparison. Judges nothing: ``engine.rules.gates`` does."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from engine.flows.steps import scores
from engine.flows.steps.compare import Comparison
from engine.flows.steps.values import Measured
from engine.models.labels import Source
from engine.rules.agreement import cohen_kappa
from engine.rules.annotators import Agreement
from engine.rules.gates import GateFacts, GateLimits
from engine.rules.power import EvalPolicy

_DAY_SECONDS = 86_400.0


def facts(
    compared: Comparison, measured: Measured, rows: scores.Rows, now: datetime, *, audit: Agreement | None
) -> GateFacts:
    """What was measured. ``rows`` are the compared rows, of dev where nothing was opened; a copy of a sealed
    one elsewhere has ended the run before.

    ``audit`` is what people said of answers, none where none is to be asked.
    """
    return GateFacts(
        leaks=0,
        teacher_rows=sum(label.source is Source.TEACHER for label, _ in rows) if measured.opened.look else 0,
        look=measured.opened.look,
        prompted_age_days=age_days(measured.asked.oldest_at, now),
        parity_agree=measured.parity.agree,
        parity_rows=measured.parity.rows,
        groups=compared.paired.grouped,
        valid_rows=round(compared.candidate.valid_share * compared.candidate.rows),
        rows=compared.candidate.rows,
        prompted_valid_share=compared.prompted.valid_share,
        latency_p95_ms=compared.candidate.latency_p95_ms,
        slices=tuple(part.fact for part in compared.slices),
        live=compared.live and compared.live.fact,
        has_answers=audit is not None,
        audited=audit.rows if audit else 0,
        audit_kappa=audit.kappa if audit else None,
        **_judge(measured),
    )


def _judge(measured: Measured) -> dict[str, Any]:
    """What is asked of a judge, where one gives the primary score."""
    judged = measured.judged
    if judged is None:
        return {}
    return {
        "has_judge": True,
        "judge_kappa": cohen_kappa(judged.dev.table) if judged.dev.people else None,
        "judge_people": judged.dev.people,
    }


def limits(margin: float, policy: EvalPolicy) -> GateLimits:
    """What the team allows."""
    return GateLimits(margin, policy.fresh_days, policy.parity_floor, policy.latency_ceiling_ms)


def age_days(oldest_at: str, now: datetime) -> float | None:
    """How old the oldest reply is, in days; none where no reply says so."""
    return max((now - datetime.fromisoformat(oldest_at)).total_seconds(), 0.0) / _DAY_SECONDS if oldest_at else None
