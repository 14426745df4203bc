"""Take a live model's share away in steps (100, 50, 0) under approval, and leave a memo of what it was worth."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from engine.errors import NotReady
from engine.flows.steps import stage
from engine.models.actor import Actor, Role
from engine.models.rollout import Approval, ApprovalState, Rollout, RolloutStatus, Stage
from engine.rules.rollout import SHARES
from engine.services import Services
from engine.store import features, mail, rollouts
from engine.store.database import Tx

REASON = "retirement"  # of a rollout that is being taken back


def target(rollout: Rollout) -> tuple[Stage, float]:
    """Where the next step down ends: at half of traffic, or with none."""
    if rollout.share > SHARES[Stage.CANARY_50]:
        return Stage.CANARY_50, SHARES[Stage.CANARY_50]
    return Stage.DRAFT, 0.0


def bound(rollout: Rollout) -> dict[str, Any]:
    """What a request to retire is bound to: this rollout, standing where it stands."""
    to_stage, to_share = target(rollout)
    return {
        "feature": rollout.feature_id,
        "rollout": rollout.id,
        "candidate_hash": rollout.artifact,
        "from_stage": rollout.stage,
        "from_share": rollout.share,
        "to_stage": to_stage,
        "to_share": to_share,
        "retires": True,
    }


def digest(rollout: Rollout) -> str:
    """The hash of ``bound``; any change of it supersedes the request."""
    return hashlib.sha256(json.dumps(bound(rollout), sort_keys=True).encode()).hexdigest()


def execute(services: Services, approval_id: int) -> stage.Advanced:
    """Lower the rollout by the approved step, once; where it moved meanwhile, end the request and do nothing."""
    with services.database.write() as tx:
        now = services.clock.now()
        approval = rollouts.approval_by_id(tx, approval_id)
        features.alone(tx, approval.feature_id)
        tx.refresh(approval)
        rollout = rollouts.by_id(tx, approval.rollout_id)
        if approval.state is not ApprovalState.APPROVED:
            return _said(approval, rollout)
        if digest(rollout) != approval.digest:
            rollouts.move(tx, approval, ApprovalState.SUPERSEDED, at=now, reason="the rollout moved")
            _tell(tx, services, approval)
            return _said(approval, rollout, "the rollout moved after the vote")
        last = rollouts.votes(tx, approval_id)[-1].person
        try:
            stage.lower(tx, services, rollout, "lower", actor=Actor(id=last, role=Role.APPROVER), reason=REASON)
        except NotReady as error:
            rollouts.move(tx, approval, ApprovalState.SUPERSEDED, at=now, reason=error.message)
            _tell(tx, services, approval)
            return _said(approval, rollout, error.message)
        rollouts.move(tx, approval, ApprovalState.EXECUTED, by=last, at=now)
        _tell(tx, services, approval)
        if rollout.status is RolloutStatus.RETIRED:
            mail.enqueue_projection(tx, services.clock, "memo", str(rollout.id), kind="card", channel=rollout.channel)
        return _said(approval, rollout)


def _tell(tx: Tx, services: Services, approval: Approval) -> None:
    mail.enqueue_projection(tx, services.clock, "approval", approval.token, kind="card", channel=approval.channel)


def _said(approval: Approval, rollout: Rollout, refused: str = "") -> stage.Advanced:
    return stage.Advanced(approval_id=approval.id or 0, stage=rollout.stage, share=rollout.share, refused=refused)
