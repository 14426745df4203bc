"""Rollouts, the approvals they wait for, votes and routes. Knows nothing of who may vote or when a stage ends."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Session, col, select, update

from engine.errors import NotFound
from engine.models.rollout import Approval, ApprovalState, Mode, Rollout, Route, Vote


def add(tx: Session, rollout: Rollout) -> Rollout:
    """Store a rollout; its row has an id afterwards."""
    tx.add(rollout)
    tx.flush()
    return rollout


def by_id(tx: Session, rollout_id: int) -> Rollout:
    """The rollout of that id."""
    return tx.exec(select(Rollout).where(Rollout.id == rollout_id)).one()


def open_of(tx: Session, feature_id: int) -> Rollout | None:
    """The feature's open rollout; there is at most one."""
    return tx.exec(select(Rollout).where(Rollout.open_feature_id == feature_id)).one_or_none()


def open_ones(tx: Session) -> list[Rollout]:
    """Every open rollout, oldest first."""
    return list(tx.exec(select(Rollout).where(col(Rollout.open_feature_id).is_not(None)).order_by(col(Rollout.id))))


def newest_of(tx: Session, feature_id: int) -> Rollout | None:
    """The feature's newest rollout, open or ended."""
    query = select(Rollout).where(Rollout.feature_id == feature_id).order_by(col(Rollout.id).desc())
    return tx.exec(query.limit(1)).first()


def of_feature(tx: Session, feature_id: int) -> list[Rollout]:
    """All rollouts of a feature, oldest first."""
    return list(tx.exec(select(Rollout).where(Rollout.feature_id == feature_id).order_by(col(Rollout.id))))


def add_approval(tx: Session, approval: Approval) -> Approval:
    """Store a request for approval."""
    tx.add(approval)
    tx.flush()
    return approval


def approval_by_token(tx: Session, token: str) -> Approval:
    """The request a button or ``approve ID`` names. Raises ``NotFound``."""
    found = find_approval(tx, token)
    if found is None:
        raise NotFound(f"There is no approval {token[:32]!r}.", hint="What waits for you: /assay approvals")
    return found


def find_approval(tx: Session, token: str) -> Approval | None:
    """The request of that name, if there is one."""
    return tx.exec(select(Approval).where(Approval.token == token)).one_or_none()


def approval_by_id(tx: Session, approval_id: int) -> Approval:
    """The request of that id."""
    return tx.exec(select(Approval).where(Approval.id == approval_id)).one()


def pending(tx: Session, feature_id: int | None = None) -> list[Approval]:
    """Requests that wait, oldest first; of one feature or of all."""
    query = select(Approval).where(Approval.state == ApprovalState.PENDING).order_by(col(Approval.id))
    return list(tx.exec(query if feature_id is None else query.where(Approval.feature_id == feature_id)))


def waits(tx: Session, feature_id: int, now: datetime) -> bool:
    """Whether a request of the feature waits for votes."""
    return any(not one.is_over(now) for one in pending(tx, feature_id))


def approved(tx: Session) -> list[Approval]:
    """Requests with all their votes that are not executed yet."""
    return list(tx.exec(select(Approval).where(Approval.state == ApprovalState.APPROVED).order_by(col(Approval.id))))


def approvals(tx: Session, rollout_id: int) -> list[Approval]:
    """All requests of a rollout, oldest first."""
    return list(tx.exec(select(Approval).where(Approval.rollout_id == rollout_id).order_by(col(Approval.id))))


def votes(tx: Session, approval_id: int) -> list[Vote]:
    """Who said yes, in order."""
    return list(tx.exec(select(Vote).where(Vote.approval_id == approval_id).order_by(col(Vote.id))))


def add_vote(tx: Session, approval_id: int, person: str, at: datetime) -> Vote | None:
    """Store one yes; none when this person has voted already."""
    known = select(Vote).where(Vote.approval_id == approval_id, Vote.person == person)
    if tx.exec(known).first() is not None:
        return None
    vote = Vote(approval_id=approval_id, person=person, at=at)
    tx.add(vote)
    tx.flush()
    return vote


def void_votes(tx: Session, person: str, feature_id: int) -> list[Approval]:
    """Drop a person's votes on requests that wait; the requests they were for."""
    voided: list[Approval] = []
    for approval in pending(tx, feature_id):
        for vote in votes(tx, approval.id or 0):
            if vote.person == person:
                tx.delete(vote)
                voided.append(approval)
    return voided


def move(
    tx: Session, approval: Approval, state: ApprovalState, *, by: str = "", reason: str = "", at: datetime
) -> bool:
    """Set a request's state if nobody changed it meanwhile; false and no change when somebody did."""
    moved = tx.exec(
        update(Approval)
        .where(col(Approval.id) == approval.id, col(Approval.version) == approval.version)
        .where(col(Approval.state) == approval.state)
        .values(state=state, version=approval.version + 1, decided_by=by, reason=reason, decided_at=at)
        .execution_options(synchronize_session=False)
    )
    tx.expire(approval)
    return moved.rowcount == 1


def save(tx: Session, rollout: Rollout) -> None:
    """Keep a changed rollout; raises its version so that its message is rendered again."""
    rollout.version += 1
    tx.add(rollout)


def route(tx: Session, feature_id: int) -> Route | None:
    """What the feature's traffic does now; none before its first rollout."""
    return tx.exec(select(Route).where(Route.feature_id == feature_id)).one_or_none()


def set_route(tx: Session, rollout: Rollout, *, mode: Mode, share: float, at: datetime) -> Route:
    """Make traffic take the rollout's way; the version rises by one at each change."""
    known = route(tx, rollout.feature_id)
    row = known or Route(feature_id=rollout.feature_id, salt=rollout.salt, changed_at=at, version=0)
    row.mode, row.share, row.salt = mode, share, rollout.salt
    row.stage = f"rollout-{rollout.id}/{rollout.sequence}"
    row.artifact = rollout.artifact if mode is not Mode.OBSERVE else ""
    row.changed_at = at
    row.version += 1
    tx.add(row)
    return row
