"""Requests for approval: the one message of each, before and after the decision, and the list of those that wait."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, cast

from bot.messages import examples
from bot.messages.verdict import Quality, quality_of
from engine.desk.approvals import ApprovalView
from engine.models.feature import is_simulated
from engine.models.rollout import ApprovalState

LISTED = 20


@dataclass(frozen=True)
class Request:
    """A request that waits. ``calls_a_day`` is how many calls the asked share takes, none when unknown."""

    template: ClassVar[str] = "approval/request"
    approval: ApprovalView
    value: str
    quality: Quality | None
    run_id: str
    outcome: str
    model: str
    simulated: bool
    calls_a_day: int | None
    missing: int
    expires_at: datetime
    days: int | None
    reasons: str = ""

    @classmethod
    def example(cls) -> Request:
        """A request for 25 % with one of two votes."""
        return request(examples.approval())


@dataclass(frozen=True)
class Decided:
    """A request that waits no more: no buttons; who, when and why."""

    template: ClassVar[str] = "approval/decided"
    approval: ApprovalView
    decided_at: datetime | None

    @classmethod
    def example(cls) -> Decided:
        """A rejected request."""
        return decided(
            examples.approval(
                state=ApprovalState.REJECTED, decided_by="U0CY", reason="Quality on refunds is not proven."
            )
        )


@dataclass(frozen=True)
class Recalled:
    """A request that waits half of its time already: whose vote is missing, and until when."""

    template: ClassVar[str] = "approval/recalled"
    approval: ApprovalView
    missing: int
    expires_at: datetime

    @classmethod
    def example(cls) -> Recalled:
        """A request for 25 % with one of two votes."""
        return recalled(examples.approval())


@dataclass(frozen=True)
class Waiting:
    """The requests that wait for a vote."""

    template: ClassVar[str] = "approval/list"
    approvals: tuple[ApprovalView, ...]
    more: int

    @classmethod
    def example(cls) -> Waiting:
        """One request."""
        return waiting([examples.approval()])


def card(approval: ApprovalView) -> Request | Decided:
    """The one message of a request, by its state."""
    return request(approval) if approval.state is ApprovalState.PENDING else decided(approval)


def request(approval: ApprovalView) -> Request:
    """A request with its evidence and buttons."""
    evidence = approval.evidence
    found, calls, model = evidence.get("quality"), evidence.get("calls_a_day"), str(evidence.get("model", ""))
    return Request(
        approval=approval,
        value=button_value(approval),
        quality=quality_of(cast("dict[str, object]", found)) if isinstance(found, dict) else None,
        run_id=str(evidence.get("run", "")),
        outcome=str(evidence.get("outcome", "")),
        model=model,
        simulated=is_simulated(model),
        calls_a_day=round(calls * approval.to_share) if isinstance(calls, int | float) else None,
        missing=max(approval.needed - len(approval.voters), 0),
        expires_at=datetime.fromisoformat(approval.expires_at),
        days=days if isinstance(days := evidence.get("days"), int) else None,
        reasons=_advice(evidence),
    )


def recalled(approval: ApprovalView) -> Recalled:
    """Recall a request that waits."""
    missing = max(approval.needed - len(approval.voters), 0)
    return Recalled(approval, missing, datetime.fromisoformat(approval.expires_at))


def _advice(evidence: dict[str, object]) -> str:
    """What a request to retire says of the advice it stands on."""
    advice, reasons = evidence.get("advice"), evidence.get("reasons")
    said = [str(reason) for reason in cast("list[object]", reasons)] if isinstance(reasons, list) else []
    return f"{advice}: {'; '.join(said)}" if advice and said else ""


def decided(approval: ApprovalView) -> Decided:
    """What became of a request."""
    at = approval.decided_at
    return Decided(approval, datetime.fromisoformat(at) if at else None)


def waiting(approvals: list[ApprovalView]) -> Waiting:
    """The list of requests that wait."""
    return Waiting(tuple(approvals[:LISTED]), max(len(approvals) - LISTED, 0))


def button_value(approval: ApprovalView) -> str:
    """What a button carries: the token and the version it was shown at, nothing that says what it is for."""
    return f"{approval.token}.{approval.version}"
