"""Move a rollout: gather the stage's evidence, ask the gate, shift the route.

People raise a share; the machine lowers it, and settles what everybody is served by already.
"""

from __future__ import annotations

import hashlib
import json
import logging
from datetime import datetime, timedelta

from engine.errors import NotReady
from engine.flows.steps import guardrails, route, served
from engine.models.actor import Actor, Role
from engine.models.base import Value
from engine.models.rollout import Approval, ApprovalState, Mode, Rollout, RolloutStatus, Stage
from engine.models.verdict import Verdict
from engine.rules.rollout import FINAL, Action, Event, Gate, RolloutState, StageEvidence, gate, transition
from engine.rules.sequential import StageCounts, log_e_harm
from engine.services import Services
from engine.store import deeds, features, mail, policies, rollouts, usage, verdicts
from engine.store.database import Tx

log = logging.getLogger(__name__)

MACHINE = Actor(id="")
SETTLING = (Stage.FULL_100, Stage.SOAKING)  # nobody decides of these: all calls are with the tuned model already
CHANGED = "the evidence changed after the vote"
ENDED = "the rollout ended meanwhile"
MODES = {
    Stage.DRAFT: Mode.OBSERVE,
    Stage.SHADOW: Mode.SHADOW,
    Stage.CANARY_1: Mode.CANARY,
    Stage.CANARY_5: Mode.CANARY,
    Stage.CANARY_25: Mode.CANARY,
    Stage.CANARY_50: Mode.CANARY,
    Stage.FULL_100: Mode.CANARY,
    Stage.SOAKING: Mode.CANARY,
    Stage.LIVE: Mode.TUNED,
}


class Advanced(Value):
    """What an approved request did: the stage and share afterwards, or why nothing moved."""

    approval_id: int
    stage: str
    share: float
    refused: str = ""


def advance(services: Services, approval_id: int) -> Advanced:
    """Execute an approved request once: evidence, gate and standing are checked again at this moment."""
    done = _advance(services, approval_id)
    route.refresh(services)
    return done


def _advance(services: Services, approval_id: int) -> Advanced:
    with services.database.write() as tx:
        now = services.clock.now()
        approval = rollouts.approval_by_id(tx, approval_id)
        features.alone(tx, approval.feature_id)
        tx.refresh(approval)
        rollout = rollouts.by_id(tx, approval.rollout_id)
        if approval.state is not ApprovalState.APPROVED:
            return _said(approval, rollout)
        if digest(tx, rollout, approval.to_stage) != approval.digest:
            return _supersede(tx, services, rollout, approval, reason=CHANGED)
        lacks = served.lacking(tx, rollout)
        if lacks:
            return _supersede(tx, services, rollout, approval, reason=lacks)
        judged = gate(rollout.stage, evidence(tx, services, rollout), policies.current(tx, rollout.feature_id).stage)
        last = rollouts.votes(tx, approval_id)[-1].person
        try:
            moved = transition(state(rollout), Event("approve", rollout.sequence + 1, last, judged.action))
        except ValueError as error:
            return _supersede(tx, services, rollout, approval, reason=str(error))
        rollouts.move(tx, approval, ApprovalState.EXECUTED, by=last, at=now)
        _shift(tx, services, rollout, moved, actor=Actor(id=last, role=Role.APPROVER))
        tell(tx, services, rollout, approval)
        return _said(approval, rollout)


def give_up(services: Services, approval_id: int, reason: str) -> None:
    """End an approved request whose execution broke: nothing moved, and it can be asked for again.

    One that was executed or ended meanwhile stays as it is.
    """
    with services.database.write() as tx:
        approval = rollouts.approval_by_id(tx, approval_id)
        features.alone(tx, approval.feature_id)
        tx.refresh(approval)
        if approval.state is ApprovalState.APPROVED:
            rollouts.move(tx, approval, ApprovalState.SUPERSEDED, at=services.clock.now(), reason=reason)
            tell(tx, services, rollouts.by_id(tx, approval.rollout_id), approval)


def lower(tx: Tx, services: Services, rollout: Rollout, event: str, *, actor: Actor, reason: str = "") -> Rollout:
    """Pause, resume, roll back or abort at once, in the caller's transaction. Raises ``NotReady`` with the reason."""
    try:
        moved = transition(state(rollout), Event(event, rollout.sequence + 1, actor.id))
    except ValueError as error:
        slug = features.by_id(tx, rollout.feature_id).slug
        raise NotReady(f"Nothing was changed: {error}.", hint=f"How it stands: /assay rollout {slug}") from None
    rollout.reason = reason
    _shift(tx, services, rollout, moved, actor=actor)
    for approval in rollouts.approvals(tx, rollout.id or 0):
        if approval.state is ApprovalState.PENDING and moved.status in FINAL:
            rollouts.move(tx, approval, ApprovalState.SUPERSEDED, at=services.clock.now(), reason=ENDED)
            mail.enqueue_projection(
                tx, services.clock, "approval", approval.token, kind="card", channel=approval.channel
            )
    tell(tx, services, rollout, None)
    return rollout


def tick(services: Services) -> list[str]:
    """Take back what its guardrails say is worse, pause what cannot be judged, settle what everybody is served by.

    The slugs of those that moved. The machine raises no share. A stage no gateway recorded a call of is people's alone.
    """
    with services.database.read() as tx:
        running = [one.id or 0 for one in rollouts.open_ones(tx) if one.status is RolloutStatus.RUNNING]
    return [slug for rollout_id in running if (slug := _tick(services, rollout_id))]


def _tick(services: Services, rollout_id: int) -> str:
    with services.database.write() as tx:
        rollout = rollouts.by_id(tx, rollout_id)
        features.alone(tx, rollout.feature_id)
        tx.refresh(rollout)
        full_week = _full_week(rollout.stage_since, services.clock.now())
        seen = guardrails.gathered(tx, services, rollout, full_week=full_week)
        if seen is None or rollout.status is not RolloutStatus.RUNNING:
            return ""
        if rollout.stage is not Stage.LIVE:
            tell(tx, services, rollout, None)  # its message shows what came in; the same again is not sent
        said = gate(rollout.stage, seen, policies.current(tx, rollout.feature_id).stage)
        why = "; ".join(said.reasons)
        event = {Action.ROLLBACK: "rollback", Action.PAUSE: "pause"}.get(said.action)
        if event is not None:
            lower(tx, services, rollout, event, actor=MACHINE, reason=why)
            log.warning("rollout.lowered", extra={"rollout": rollout_id, "event_kind": event, "why": why})
        elif not _settled(tx, services, rollout, said):
            return ""
        announce(tx, services, rollout)
        return features.by_id(tx, rollout.feature_id).slug


def _settled(tx: Tx, services: Services, rollout: Rollout, said: Gate) -> bool:
    """Whether a stage at 100 % went on by itself: its hours are over, nothing speaks against it, and it is served."""
    if said.action is not Action.READY or rollout.stage not in SETTLING or served.lacking(tx, rollout):
        return False
    moved = transition(state(rollout), Event("settle", rollout.sequence + 1, MACHINE.id, said.action))
    rollout.reason = ""
    _shift(tx, services, rollout, moved, actor=MACHINE)
    tell(tx, services, rollout, None)
    log.info("rollout.settled", extra={"rollout": rollout.id, "stage": rollout.stage})
    return True


def announce(tx: Tx, services: Services, rollout: Rollout) -> None:
    """Have a message of its own say what the machine did; the card only shows it in place."""
    kind = f"notice-{rollout.sequence}"
    mail.enqueue_projection(tx, services.clock, "machine", str(rollout.id), kind=kind, channel=rollout.channel)


def state(rollout: Rollout) -> RolloutState:
    """A rollout as the rules see it."""
    return RolloutState(rollout.stage, rollout.status, rollout.share, rollout.requested_by, rollout.sequence)


def judged(tx: Tx, services: Services, rollout: Rollout) -> Gate:
    """What the gate says of leaving the rollout's stage now."""
    return gate(rollout.stage, evidence(tx, services, rollout), policies.current(tx, rollout.feature_id).stage)


def evidence(tx: Tx, services: Services, rollout: Rollout) -> StageEvidence:
    """What was seen since the stage began: by the gateway, or where none records, in imported calls.

    While shadowing both sides see every call, so the sides count as halves.
    """
    now = services.clock.now()
    full_week = _full_week(rollout.stage_since, now)
    recorded = guardrails.gathered(tx, services, rollout, full_week=full_week)
    if recorded is not None:
        return recorded
    hours = max((now - rollout.stage_since).total_seconds() / 3600, 0.0)
    sides = usage.sides_since(tx, rollout.feature_id, rollout.stage_since)
    share = 0.5 if rollout.stage is Stage.SHADOW else rollout.share
    if sides is None or not 0.0 < share < 1.0 or not sides.baseline_n:
        return StageEvidence(hours, 0, ticks_old=None)
    counts = StageCounts(
        share,
        sides.baseline_errors / sides.baseline_n,
        sides.tuned_errors,
        sides.tuned_n - sides.tuned_errors,
        sides.baseline_errors,
        sides.baseline_n - sides.baseline_errors,
    )
    return StageEvidence(
        hours,
        sides.tuned_n,
        {"errors": log_e_harm([counts])},
        ticks_old=max((now - sides.seen_until) / guardrails.TICK, 0.0),
        full_week=full_week,
    )


def digest(tx: Tx, rollout: Rollout, to_stage: Stage) -> str:
    """The hash of everything an approval is bound to (docs/slack.md); any change of it supersedes the request."""
    return hashlib.sha256(json.dumps(bound(tx, rollout, to_stage), sort_keys=True).encode()).hexdigest()


def bound(tx: Tx, rollout: Rollout, to_stage: Stage) -> dict[str, object]:
    """What an approval is bound to."""
    verdict = tx.get_one(Verdict, rollout.verdict_id)
    newest = verdicts.newest_of(tx, rollout.feature_id)
    return {
        "feature": rollout.feature_id,
        "candidate_hash": rollout.artifact,
        "comparison": newest.run_id if newest else "",
        "baseline_hash": features.baseline(tx, rollout.feature_id).sha,
        "from_stage": rollout.stage,
        "to_stage": to_stage,
        "from_share": rollout.share,
        "policy_hash": policies.current(tx, rollout.feature_id).sha,
        "price_snapshot": verdict.record.get("price_snapshot", ""),
    }


def mark(tx: Tx, rollout: Rollout) -> str:
    """What a button is drawn for: this rollout, standing so, on this evidence. It says nothing to who reads it."""
    return f"{rollout.id}.{rollout.sequence}.{digest(tx, rollout, rollout.stage)[:12]}"


def _shift(tx: Tx, services: Services, rollout: Rollout, moved: RolloutState, *, actor: Actor) -> None:
    now = services.clock.now()
    before = {"stage": rollout.stage, "status": rollout.status, "share": rollout.share}
    if moved.stage != rollout.stage:
        rollout.stage_since = now
    rollout.stage, rollout.status = Stage(moved.stage), RolloutStatus(moved.status)
    rollout.share, rollout.sequence = moved.share, moved.sequence
    if rollout.status in FINAL:
        rollout.open_feature_id = None
    rollouts.save(tx, rollout)
    share = rollout.share * (1 - policies.current(tx, rollout.feature_id).stage.holdback)
    known = rollouts.route(tx, rollout.feature_id)
    if known is not None and (not actor.id or rollout.status is RolloutStatus.PAUSED):
        share = min(share, known.share)  # a holdback that was edited raises nothing by a tick, nor by a pause
    way = rollouts.set_route(tx, rollout, mode=_mode(rollout), share=share, at=now)
    per_call = policies.traffic(tx, rollout.feature_id).unit == "request"
    guardrails.begin(tx, rollout, way, per_call=per_call, at=now)
    deeds.record(
        tx,
        services.clock,
        actor,
        "shift",
        entity="rollout",
        entity_id=str(rollout.id),
        feature_id=rollout.feature_id,
        before=before,
        after={"stage": rollout.stage, "status": rollout.status, "share": rollout.share},
        reason=rollout.reason,
    )


def _supersede(tx: Tx, services: Services, rollout: Rollout, approval: Approval, *, reason: str) -> Advanced:
    rollouts.move(tx, approval, ApprovalState.SUPERSEDED, at=services.clock.now(), reason=reason)
    tell(tx, services, rollout, approval)
    return _said(approval, rollout, reason)


def _mode(rollout: Rollout) -> Mode:
    if rollout.status is RolloutStatus.RETIRED:
        return Mode.RETIRED
    return Mode.OBSERVE if rollout.status in FINAL else MODES[rollout.stage]


def tell(tx: Tx, services: Services, rollout: Rollout, approval: Approval | None) -> None:
    """Have the rollout's card show how it stands, buttons included, and a request's card too. A draft has none yet."""
    if rollout.stage is not Stage.DRAFT or rollout.status is not RolloutStatus.RUNNING:
        mail.enqueue_projection(tx, services.clock, "rollout", str(rollout.id), kind="card", channel=rollout.channel)
    if approval is not None:
        mail.enqueue_projection(tx, services.clock, "approval", approval.token, kind="card", channel=approval.channel)


def _said(approval: Approval, rollout: Rollout, refused: str = "") -> Advanced:
    return Advanced(approval_id=approval.id or 0, stage=rollout.stage, share=rollout.share, refused=refused)


def _full_week(since: datetime, now: datetime) -> bool:
    days = {(since + timedelta(days=day)).weekday() for day in range((now - since).days + 1)}
    return bool(days & {5, 6}) and bool(days - {5, 6})
