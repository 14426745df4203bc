"""A reading: what is known of a feature before anything is trained, and the one line that says it. Decides nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from engine.desk.readiness import BeforeView, ChangeView, ConditionView, MoneyView, ReadingView, Signature

DECIDING = {"STAY": "fail", "NEED_EVIDENCE": "unknown"}  # which conditions speak for each answer


@dataclass(frozen=True)
class SignedBy:
    """What one person signed on one day."""

    by: str
    on: str
    subjects: tuple[str, ...]


@dataclass(frozen=True)
class ReadingMessage:
    """The reading of one feature. ``names`` decided it; ``cheapest`` is to be measured next; ``starts`` are words."""

    template: ClassVar[str] = "reading/reading"
    reading: ReadingView
    names: tuple[str, ...]
    cheapest: ConditionView | None
    starts: str
    signable: tuple[str, ...]
    signed: tuple[SignedBy, ...]
    overrides: tuple[Signature, ...]
    policy: str
    page_url: str

    @classmethod
    def example(cls) -> ReadingMessage:
        """A feature of which not everything is known."""
        return reading(example(), page_url="https://assay.example/readings/ticket-router/k3mq9abk3mq9abk3")


def reading(found: ReadingView, *, page_url: str = "") -> ReadingMessage:
    """A reading as it is told."""
    deciding = DECIDING.get(found.outcome)
    signable = (name for one in found.conditions for name in one.missing)
    return ReadingMessage(
        reading=found,
        names=tuple(one.name for one in found.conditions if one.status == deciding),
        cheapest=next((one for one in found.conditions if one.name == found.next_measurement), None),
        starts=f"investigate {found.slug}" if found.outcome == "INVESTIGATE" else "",
        signable=tuple(dict.fromkeys(signable)),
        signed=_by_person(found),
        overrides=tuple(one.override for one in found.conditions if one.override),
        policy=found.policy[:12],
        page_url=page_url,
    )


def _by_person(found: ReadingView) -> tuple[SignedBy, ...]:
    """Each signature once, those of one person and day together."""
    by_subject = {one.subject: one for condition in found.conditions for one in condition.signed}
    groups: dict[tuple[str, str], list[str]] = {}
    for one in by_subject.values():
        groups.setdefault((one.by, one.on), []).append(one.subject)
    return tuple(SignedBy(by, on, tuple(subjects)) for (by, on), subjects in groups.items())


def example(**changes: object) -> ReadingView:
    """A reading with a pass, a fact nobody knows, a signature and an override."""
    signed = Signature(subject="on_call", answer="yes", by="U0ANN", on="2026-11-02", reason="the team has a rota")
    waived = Signature(
        subject="tenure", by="U0ANN", on="2026-11-02", until="2027-01-01", approved_by="U0BO", reason="launch is fixed"
    )
    conditions = (
        ConditionView(
            name="volume",
            status="pass",
            value="calls a month 910,000, break even 29,000, traffic days 90",
            threshold="at least the break-even volume, and 100,000 calls a month or a net present value >= 0",
            how_to_fix="",
            sources=("traffic to 2026-11-02", "forecast from traffic, prices and cost policy"),
        ),
        ConditionView(
            name="data",
            status="unknown",
            value="labels 2,000, smallest class 210, audited not known, kappa not known",
            threshold="at least labels 1,000, audited 100, kappa 0.6",
            how_to_fix="Have a person check 100 labels.",
            sources=("labels 5c1f09ab77de: 2,000 by person",),
            missing=("audited_rows", "audit_kappa"),
        ),
        ConditionView(
            name="operations",
            status="unknown",
            value="passed 1 of 5 probes",
            threshold="all 5 probes",
            how_to_fix="Run the probes: evals_green, rollback_drilled. "
            "Drill a rollback: /assay rollout ticket-router drill.",
            signed=(signed,),
            missing=("evals_green", "rollback_drilled"),
        ),
        ConditionView(
            name="tenure",
            status="overridden",
            value="days live 60, traffic days of 90 60",
            threshold="at least 90 days live, 75 of the last 90 with traffic",
            how_to_fix="Wait; it is too young.",
            sources=("live since 2026-09-03",),
            override=waived,
        ),
    )
    money = MoneyView(
        month_saving_usd=1_628.0,
        npv_usd=11_000.0,
        npv_low_usd=-1_200.0,
        npv_median_usd=3_400.0,
        npv_high_usd=8_800.0,
        payback_months=4.1,
        months=12,
    )
    return ReadingView.model_validate(
        {
            "slug": "ticket-router",
            "outcome": "NEED_EVIDENCE",
            "conditions": conditions,
            "next_measurement": "operations",
            "model": "gpt-4o-mini",
            "simulated": False,
            "month_spend_usd": 2_001.4,
            "money": money,
            "price_snapshot": "genai-prices-0.2.3+2026-11-02+e3b0c44298fc",
            "policy": "a91c" * 16,
            "before": BeforeView(
                on="2026-10-02",
                by="U0ANN",
                outcome="STAY",
                policy_changed=True,
                changes=(ChangeView(name="volume", was="fail", now="pass"),),
            ),
            **changes,
        }
    )
