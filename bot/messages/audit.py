"""The audit trail: who did what to a feature, and whether the chain of deeds holds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import ClassVar

from engine.desk.audit import AuditView, ChainView, DeedView


@dataclass(frozen=True)
class Trail:
    """A feature's newest deeds, newest first; ``more`` older ones are not shown."""

    template: ClassVar[str] = "audit/trail"
    audit: AuditView
    more: int

    @classmethod
    def example(cls) -> Trail:
        """Two deeds of three."""
        return trail(AuditView(slug="ticket-router", deeds=(_SHIFT, _ASK), total=3))


@dataclass(frozen=True)
class Chain:
    """Whether every deed follows from the one before."""

    template: ClassVar[str] = "audit/chain"
    chain: ChainView

    @classmethod
    def example(cls) -> Chain:
        """A chain somebody meddled with."""
        return cls(
            ChainView(length=41, head="9b1c" * 16, broken=_SHIFT, why="it does not follow from the deed before it")
        )


def trail(audit: AuditView) -> Trail:
    """The newest deeds about a feature."""
    return Trail(audit, max(audit.total - len(audit.deeds), 0))


_AT = datetime(2026, 11, 3, 14, 2, tzinfo=UTC)
_SHIFT = DeedView(
    id=42, at=_AT, actor="U0BO", role="approver", verb="shift", entity="rollout", entity_id="1",
    changes=("stage: canary_1 to canary_5", "share: 0.01 to 0.05"), reason="",
)  # fmt: skip
_ASK = DeedView(
    id=40, at=_AT, actor="U0ANN", role="member", verb="reject", entity="approval", entity_id="9f2KqTzv0aXh4Wc1",
    changes=(), reason="Quality on refunds is not proven.",
)  # fmt: skip
