"""Requests that wait for votes: ended when they ran out or what they rest on changed, recalled once half way.

Moves no share and counts no vote.
"""

from __future__ import annotations

import logging

from engine.flows.steps import retire, stage
from engine.models.mail import Once
from engine.models.rollout import Approval, ApprovalState
from engine.services import Services
from engine.store import features, mail, rollouts
from engine.store.database import Tx

log = logging.getLogger(__name__)

_WORDS = {
    "candidate_hash": "another candidate",
    "comparison": "a new comparison",
    "baseline_hash": "a new baseline",
    "policy_hash": "a new policy",
}
_MOVED = "the rollout moved"


def sweep(services: Services) -> int:
    """End what waits in vain and recall what waits half its time; how many requests were ended."""
    with services.database.read() as tx:
        waiting = [one.id or 0 for one in rollouts.pending(tx)]
    return sum(_looked_at(services, approval_id) for approval_id in waiting)


def changed(tx: Tx, approval: Approval) -> str:
    """What changed since a request was made, in words; "" while it rests on what it was made of."""
    rollout = rollouts.by_id(tx, approval.rollout_id)
    now = retire.bound(rollout) if approval.retires else stage.bound(tx, rollout, approval.to_stage)
    found = [_WORDS.get(name, _MOVED) for name, value in now.items() if approval.evidence.get(name) != value]
    return ", ".join(dict.fromkeys(found))


def close(tx: Tx, services: Services, approval: Approval, reason: str) -> bool:
    """End a request that waits, and have its message say so: it ran out, or else for a reason."""
    over = approval.is_over(services.clock.now())
    state = ApprovalState.EXPIRED if over else ApprovalState.SUPERSEDED
    ended = rollouts.move(tx, approval, state, reason="" if over else reason, at=services.clock.now())
    stage.tell(tx, services, rollouts.by_id(tx, approval.rollout_id), approval)
    return ended


def _looked_at(services: Services, approval_id: int) -> bool:
    with services.database.write() as tx:
        approval = rollouts.approval_by_id(tx, approval_id)
        features.alone(tx, approval.feature_id)
        tx.refresh(approval)
        if approval.state is not ApprovalState.PENDING:
            return False
        why = changed(tx, approval)
        if why or approval.is_over(services.clock.now()):
            log.info("approval.ended", extra={"approval": approval_id, "why": why or "ran out"})
            return close(tx, services, approval, why)
        _recall(tx, services, approval)
        return False


def _recall(tx: Tx, services: Services, approval: Approval) -> None:
    half = approval.created_at + (approval.expires_at - approval.created_at) / 2
    once = Once(team="", key=f"recall/{approval.token}", kind="notice")
    if services.clock.now() < half or mail.is_taken(tx, once):
        return
    mail.take(tx, services.clock, once)
    mail.enqueue_projection(tx, services.clock, "recall", approval.token, kind="notice", channel=approval.channel)
