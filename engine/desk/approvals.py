"""Votes on requests. The requester never counts, one person counts once, and server state decides (docs/slack.md)."""

from __future__ import annotations

from engine.desk import Desk
from engine.errors import Conflict, Invalid, NotAllowed
from engine.flows.durable import Queue
from engine.flows.steps import requests, stage
from engine.models.actor import Actor, Role, mentions
from engine.models.base import Value
from engine.models.mail import Once
from engine.models.rollout import Approval, ApprovalState
from engine.store import deeds, features, mail, roles, rollouts
from engine.store.database import Tx

REASON_LEAST, REASON_MOST = 10, 500


class ApprovalView(Value):
    """A request as people see it: what it asks, who asked, who said yes, how many more are needed."""

    token: str
    version: int
    slug: str
    state: ApprovalState
    from_stage: str
    to_stage: str
    from_share: float
    to_share: float
    needed: int
    retires: bool = False
    requested_by: str
    voters: tuple[str, ...]
    approvers: tuple[str, ...]
    decided_by: str = ""
    decided_at: str = ""
    reason: str = ""
    evidence: dict[str, object]
    created_at: str
    expires_at: str


class Waiting(Value):
    """Requests that wait for one person: the first of ``total``."""

    requests: tuple[ApprovalView, ...]
    total: int


def pending(desk: Desk) -> list[ApprovalView]:
    """What waits for a vote, oldest first."""
    with desk.services.database.read() as tx:
        found = [view(desk, tx, approval) for approval in rollouts.pending(tx)]
    return [one for one in found if one.state is ApprovalState.PENDING]


def for_voter(desk: Desk, person: str, most: int) -> Waiting:
    """What waits for one person's vote, oldest first: the first ``most``, and how many there are in all."""
    now = desk.services.clock.now()
    with desk.services.database.read() as tx:
        ids = roles.granted_to(tx, person, Role.APPROVER)
        found = [
            one
            for one in rollouts.pending(tx)
            if (one.feature_id in ids or None in ids) and one.requested_by != person and not one.is_over(now)
        ]
        return Waiting(requests=tuple(view(desk, tx, one) for one in found[:most]), total=len(found))


def show(desk: Desk, token: str) -> ApprovalView:
    """One request. Raises ``NotFound``."""
    with desk.services.database.read() as tx:
        return view(desk, tx, rollouts.approval_by_token(tx, token))


def voters(desk: Desk, token: str) -> tuple[str, ...]:
    """Who said yes to a request; nobody where there is none of that name."""
    with desk.services.database.read() as tx:
        found = rollouts.find_approval(tx, token)
        return tuple(vote.person for vote in rollouts.votes(tx, found.id or 0)) if found else ()


def approve(
    desk: Desk, actor: Actor, token: str, *, version: int | None = None, once: Once | None = None
) -> ApprovalView:
    """Say yes; with the last needed vote the move is enqueued in the same transaction.

    ``version`` is what a button showed. Raises ``NotAllowed`` for the requester or somebody without the role,
    ``Conflict`` for a second vote, a decided request, or one whose evidence changed: that one is ended by the press.
    """
    with desk.services.database.write() as tx:
        mail.take(tx, desk.services.clock, once)
        approval = _alone(tx, token)
        _refuse_decided(desk, tx, approval)
        _refuse_person(tx, approval, actor)
        why = requests.changed(tx, approval)
        if not why:
            return _voted(desk, tx, approval, actor, version=version)
        requests.close(tx, desk.services, approval, why)  # kept, and told to everybody, though this vote is refused
        hint = _again(tx, approval)
    raise Conflict(f"The evidence changed ({why}). Nothing was approved.", hint=hint)


def _voted(desk: Desk, tx: Tx, approval: Approval, actor: Actor, *, version: int | None) -> ApprovalView:
    if rollouts.add_vote(tx, approval.id or 0, actor.id, desk.services.clock.now()) is None:
        first = next(vote for vote in rollouts.votes(tx, approval.id or 0) if vote.person == actor.id)
        raise Conflict(f"You approved this at {first.at:%H:%M} UTC.", hint="One more person is needed.")
    _enough(desk, tx, approval, actor, version=version)
    deeds.record(
        tx,
        desk.services.clock,
        actor,
        "approve",
        entity="approval",
        entity_id=approval.token,
        feature_id=approval.feature_id,
        after={"to": approval.to_stage, "digest": approval.digest},
    )
    mail.enqueue_projection(tx, desk.services.clock, "approval", approval.token, kind="card", channel=approval.channel)
    return view(desk, tx, approval)


def reject(desk: Desk, actor: Actor, token: str, reason: str, *, once: Once | None = None) -> ApprovalView:
    """Say no, with a reason of 10 to 500 characters; one no ends the request. The requester may withdraw this way."""
    said = " ".join(reason.split())
    if not REASON_LEAST <= len(said) <= REASON_MOST:
        raise Invalid(
            f"The reason has {len(said)} characters; {REASON_LEAST} to {REASON_MOST} are needed.",
            hint=f'Say why: /assay reject {token} reason="…"',
        )
    with desk.services.database.write() as tx:
        mail.take(tx, desk.services.clock, once)
        approval = _alone(tx, token)
        _refuse_decided(desk, tx, approval)
        if actor.id != approval.requested_by:
            _refuse_person(tx, approval, actor)
        _move(desk, tx, approval, ApprovalState.REJECTED, actor=actor, reason=said)
        deeds.record(
            tx,
            desk.services.clock,
            actor,
            "reject",
            entity="approval",
            entity_id=token,
            feature_id=approval.feature_id,
            reason=said,
        )
        stage.tell(tx, desk.services, rollouts.by_id(tx, approval.rollout_id), approval)
        return view(desk, tx, approval)


def view(desk: Desk, tx: Tx, approval: Approval) -> ApprovalView:
    """A request with its feature and votes, inside a transaction; one that ran out is told as expired."""
    return ApprovalView(
        token=approval.token,
        version=approval.version,
        slug=features.by_id(tx, approval.feature_id).slug,
        state=ApprovalState.EXPIRED if approval.is_over(desk.services.clock.now()) else approval.state,
        from_stage=approval.from_stage,
        to_stage=approval.to_stage,
        from_share=approval.from_share,
        to_share=approval.to_share,
        needed=approval.needed,
        retires=approval.retires,
        requested_by=approval.requested_by,
        voters=tuple(vote.person for vote in rollouts.votes(tx, approval.id or 0)),
        approvers=tuple(_eligible(tx, approval)),
        decided_by=approval.decided_by,
        decided_at=approval.decided_at.isoformat() if approval.decided_at else "",
        reason=approval.reason,
        evidence=approval.evidence,
        created_at=approval.created_at.isoformat(),
        expires_at=approval.expires_at.isoformat(),
    )


def _alone(tx: Tx, token: str) -> Approval:
    """The request as it stands once every other vote on its feature is in."""
    approval = rollouts.approval_by_token(tx, token)
    features.alone(tx, approval.feature_id)
    tx.refresh(approval)
    return approval


def _enough(desk: Desk, tx: Tx, approval: Approval, actor: Actor, *, version: int | None) -> None:
    if version is not None and version != approval.version:
        raise Conflict(
            "This button is from an earlier state of the request. Nothing was changed.", hint="/assay approvals"
        )
    if len(rollouts.votes(tx, approval.id or 0)) < approval.needed:
        return
    approval_id = approval.id or 0
    _move(desk, tx, approval, ApprovalState.APPROVED, actor=actor, reason="")
    flow, name = ("retire_stage", "retire") if approval.retires else ("advance_stage", "advance")
    desk.durable.enqueue(tx, flow, f"{name}-{approval_id}", {"approval_id": approval_id}, queue=Queue.LIGHT)


def _move(desk: Desk, tx: Tx, approval: Approval, state: ApprovalState, *, actor: Actor, reason: str) -> None:
    if not rollouts.move(tx, approval, state, by=actor.id, reason=reason, at=desk.services.clock.now()):
        raise Conflict("Somebody else was first. Nothing was changed.", hint="/assay approvals")


def _refuse_decided(desk: Desk, tx: Tx, approval: Approval) -> None:
    if approval.state is ApprovalState.PENDING and not approval.is_over(desk.services.clock.now()):
        return
    when = approval.decided_at or approval.expires_at
    match approval.state:
        case ApprovalState.APPROVED | ApprovalState.EXECUTED | ApprovalState.REJECTED:
            word = "rejected" if approval.state is ApprovalState.REJECTED else "approved"
            raise Conflict(
                f"Already {word} by <@{approval.decided_by}> at {when:%H:%M} UTC. Nothing was changed.",
                people=(approval.decided_by,),
            )
        case ApprovalState.SUPERSEDED:
            raise Conflict(f"The evidence changed at {when:%H:%M} UTC ({approval.reason}).", hint=_again(tx, approval))
        case ApprovalState.PENDING | ApprovalState.EXPIRED:
            raise Conflict(f"This request ran out on {approval.expires_at:%d %b}.", hint=_again(tx, approval))


def _again(tx: Tx, approval: Approval) -> str:
    slug = features.by_id(tx, approval.feature_id).slug
    return f"Ask again: /assay {f'retire {slug}' if approval.retires else f'rollout {slug} next'}"


def _refuse_person(tx: Tx, approval: Approval, actor: Actor) -> None:
    eligible = _eligible(tx, approval)
    named = mentions(eligible)
    if actor.role is Role.GUEST:
        raise NotAllowed(
            "Guests, bots and people of other workspaces do not vote, whatever role they were given.",
            hint=f"Who may: {named}.",
            people=tuple(eligible),
        )
    if actor.id == approval.requested_by:
        raise NotAllowed(
            "You asked for this, so somebody else must approve it.", hint=f"Who may: {named}.", people=tuple(eligible)
        )
    if actor.role is Role.OPERATOR or actor.id in eligible:
        return
    slug = features.by_id(tx, approval.feature_id).slug
    if not eligible:
        raise NotAllowed(
            "No approvers are named for this feature.", hint=f"An admin adds them with: /assay roles {slug} approver=@…"
        )
    raise NotAllowed(
        f"Approving needs the role approver for {slug}.", hint=f"Who has it: {named}.", people=tuple(eligible)
    )


def _eligible(tx: Tx, approval: Approval) -> list[str]:
    granted = roles.people(tx, Role.APPROVER, approval.feature_id)
    return [person for person in granted if person != approval.requested_by]
