"""Ask for the next stage, pause, resume, roll back. Going down needs one person and no wait; going up needs votes."""

from __future__ import annotations

import secrets

from engine.desk import Desk
from engine.errors import Conflict, NotReady
from engine.flows.steps import drill, guardrails, release, requests, route, served
from engine.flows.steps import stage as stages
from engine.flows.steps.drill import DrillView
from engine.flows.steps.guardrails import ArmView, GuardrailView, StageView
from engine.flows.steps.horizon import Horizon, NeedView, ahead
from engine.flows.steps.served import ServedView
from engine.models.actor import Actor
from engine.models.base import Value
from engine.models.feature import Feature
from engine.models.mail import Once
from engine.models.rollout import Approval, Rollout, RolloutStatus, Stage
from engine.models.verdict import Verdict
from engine.rules.calendar import working_days
from engine.rules.rollout import SHARES, Action, Gate
from engine.store import deeds, features, mail, rollouts, usage, verdicts
from engine.store.database import Tx

__all__ = [
    "ArmView",
    "GuardrailView",
    "NeedView",
    "RolloutView",
    "ServedView",
    "StageView",
    "by_id",
    "lower",
    "next_stage",
    "show",
]

SECOND_APPROVER_SHARE = 0.25  # docs/slack.md: two people from 25 % on
EXPIRY_DAYS = 3  # working days (docs/slack.md)
DOWNWARDS = ("pause", "rollback")
WORDS = {"rollback": "roll back"}  # an event of the rules as a person says it


class RolloutView(Value):
    """A rollout as people ask about it: where it stands, what the gate says, what waits."""

    slug: str
    outcome: str
    run_id: str
    rollout_id: int = 0
    stage: Stage = Stage.DRAFT
    status: RolloutStatus = RolloutStatus.RUNNING
    share: float = 0.0
    next_stage: Stage | None = None
    gate: str = ""
    reasons: tuple[str, ...] = ()
    pending: str = ""
    simulated: bool = False
    reason: str = ""
    share_before: float = 0.0
    evidence: StageView = StageView()
    horizon: Horizon = Horizon()
    served: ServedView = ServedView()
    drill: DrillView | None = None
    mark: str = ""
    version: int = 1


def show(desk: Desk, slug: str) -> RolloutView:
    """Where the feature's rollout stands. Raises ``NotReady`` when no verdict ever said ship."""
    with desk.services.database.read() as tx:
        feature = features.by_slug(tx, slug)
        rollout = rollouts.newest_of(tx, feature.id or 0)
        verdict = tx.get_one(Verdict, rollout.verdict_id) if rollout else _ship(tx, feature)
        return view(desk, tx, feature, verdict, rollout=rollout)


def by_id(desk: Desk, rollout_id: int) -> RolloutView:
    """One rollout, open or ended."""
    with desk.services.database.read() as tx:
        rollout = rollouts.by_id(tx, rollout_id)
        feature = features.by_id(tx, rollout.feature_id)
        return view(desk, tx, feature, tx.get_one(Verdict, rollout.verdict_id), rollout=rollout)


def view(desk: Desk, tx: Tx, feature: Feature, verdict: Verdict, *, rollout: Rollout | None) -> RolloutView:
    """The same, inside a transaction."""
    simulated = bool(verdict.record.get("prompted", {}).get("simulated"))
    plain = RolloutView(slug=feature.slug, outcome=verdict.outcome, run_id=verdict.run_id, simulated=simulated)
    plain = plain.model_copy(update={"mark": _before(verdict)})
    if rollout is None:
        horizon = ahead(tx, desk.services, feature.id or 0, None)
        return plain.model_copy(update={"next_stage": Stage.SHADOW, "gate": Action.READY, "horizon": horizon})
    said = _gate(desk, tx, rollout)
    asked = (*rollouts.pending(tx, feature.id), *rollouts.approved(tx))
    open_requests = [one for one in asked if not one.is_over(desk.services.clock.now())]
    waiting = next((one for one in open_requests if one.rollout_id == rollout.id), None)
    return plain.model_copy(
        update={
            "rollout_id": rollout.id,
            "stage": rollout.stage,
            "status": rollout.status,
            "share": rollout.share,
            "next_stage": following(rollout.stage) if rollout.status is RolloutStatus.RUNNING else None,
            "gate": said.action,
            "reasons": said.reasons,
            "pending": waiting.token if waiting else "",
            "reason": rollout.reason,
            "share_before": SHARES[rollout.stage],
            "evidence": guardrails.view(tx, rollout),
            "horizon": ahead(tx, desk.services, feature.id or 0, rollout),
            "served": served.view(tx, rollout.feature_id, rollout.artifact),
            "drill": drill.newest(tx, rollout.feature_id),
            "mark": stages.mark(tx, rollout),
            "version": rollout.version,
        }
    )


def next_stage(desk: Desk, actor: Actor, slug: str, *, seen: str = "", once: Once | None = None) -> Approval:
    """Ask for approval of the next stage, bound to the evidence of now; a request that waits already is given back.

    ``seen`` is the mark of what a button was drawn for, "" for words. Raises ``NotReady`` naming what the gate still
    lacks, ``Conflict`` where the rollout or its evidence is another than was seen.
    """
    with desk.services.database.write() as tx:
        mail.take(tx, desk.services.clock, once)
        feature = features.by_slug(tx, slug)
        features.alone(tx, feature.id or 0)
        rollout = rollouts.open_of(tx, feature.id or 0)
        _refuse_superseded(tx, feature, rollout, seen)
        rollout = rollout or _begin(desk, tx, actor, feature)
        to_stage = _askable(desk, tx, slug, rollout)
        digest = stages.digest(tx, rollout, to_stage)
        for waiting in rollouts.pending(tx, feature.id):
            if waiting.digest == digest and not waiting.is_over(desk.services.clock.now()):
                return waiting
            requests.close(tx, desk.services, waiting, "asked again on new evidence")
        return _ask(desk, tx, actor, rollout, to_stage=to_stage)


def lower(
    desk: Desk, actor: Actor, slug: str, event: str, *, reason: str = "", seen: str = "", once: Once | None = None
) -> RolloutView:
    """Pause, resume or roll back at once (``event`` is the rule's word). Raises ``NotReady``.

    ``seen`` as in ``next_stage``; going down asks for no more than that it is the rollout that was seen.
    """
    with desk.services.database.write() as tx:
        mail.take(tx, desk.services.clock, once)
        feature = features.by_slug(tx, slug)
        features.alone(tx, feature.id or 0)
        rollout = rollouts.open_of(tx, feature.id or 0)
        _refuse_superseded(tx, feature, rollout, seen, downwards=event in DOWNWARDS)
        if rollout is None:
            raise NotReady(
                f"{slug} has no open rollout, so there is nothing to {WORDS.get(event, event)}.",
                hint=f"How it stands: /assay show {slug}",
            )
        stages.lower(tx, desk.services, rollout, event, actor=actor, reason=reason)
        lowered = view(desk, tx, feature, tx.get_one(Verdict, rollout.verdict_id), rollout=rollout)
    route.refresh(desk.services)
    return lowered


def following(stage: Stage) -> Stage | None:
    """The stage after one; none after live."""
    order = list(Stage)
    place = order.index(stage) + 1
    return order[place] if place < len(order) else None


def _before(verdict: Verdict) -> str:
    """The mark of what is drawn before a rollout begins."""
    return f"0.{verdict.run_id}"


def _refuse_superseded(
    tx: Tx, feature: Feature, rollout: Rollout | None, seen: str, *, downwards: bool = False
) -> None:
    """Raises ``Conflict`` where a button was drawn for another state or other evidence than there is now."""
    newest = verdicts.newest_of(tx, feature.id or 0)
    begins = rollout is None or (rollout.stage is Stage.DRAFT and rollout.status is RolloutStatus.RUNNING)
    fits = {_before(newest)} if newest is not None and begins else set[str]()
    if rollout is not None:
        fits.add(stages.mark(tx, rollout))
        if downwards and seen.partition(".")[0] == str(rollout.id):
            return
    if not seen or seen in fits:
        return
    now = f"it is {rollout.status} at {rollout.share:.0%} of traffic" if rollout is not None else "none is open"
    raise Conflict(
        f"The rollout of {feature.slug} or its evidence is another than when this button was drawn: {now}. "
        "Nothing was changed.",
        hint=f"How it stands: /assay rollout {feature.slug}",
    )


def _ship(tx: Tx, feature: Feature) -> Verdict:
    verdict = verdicts.newest_of(tx, feature.id or 0)
    if verdict is None:
        raise NotReady(
            f"{feature.slug} has no verdict yet, so there is nothing to roll out.",
            hint=f"Find out first: /assay investigate {feature.slug}",
        )
    if not verdict.outcome.ships:
        raise NotReady(
            f"The newest verdict on {feature.slug} is {verdict.outcome} ({verdict.run_id}): stay with prompting.",
            hint=f"The evidence: /assay compare {feature.slug}",
        )
    return verdict


def _begin(desk: Desk, tx: Tx, actor: Actor, feature: Feature) -> Rollout:
    verdict = _ship(tx, feature)
    now = desk.services.clock.now()
    rollout = Rollout(
        feature_id=feature.id or 0,
        open_feature_id=feature.id,
        verdict_id=verdict.id or 0,
        artifact=verdict.record["candidate"]["artifact"],
        salt=f"{feature.slug}-{secrets.token_hex(4)}",  # a new rollout is a new salt (docs/decide.md)
        requested_by=actor.id,
        channel=feature.channel or actor.channel,
        created_at=now,
        stage_since=now,
    )
    return rollouts.add(tx, rollout)


def _askable(desk: Desk, tx: Tx, slug: str, rollout: Rollout) -> Stage:
    if rollout.status is not RolloutStatus.RUNNING:
        raise NotReady(f"The rollout of {slug} is {rollout.status}.", hint=f"Go on with: /assay rollout {slug} resume")
    to_stage = following(rollout.stage)
    if to_stage is None:
        raise NotReady(
            f"{slug} is live on the tuned model; there is no next stage.", hint="It is watched: /assay digest"
        )
    said = _gate(desk, tx, rollout)
    if said.action is not Action.READY:
        raise NotReady(
            f"{slug} cannot leave {rollout.stage} yet: {', '.join(said.reasons)}.",
            hint=f"How it stands: /assay rollout {slug}",
        )
    return to_stage


def _ask(desk: Desk, tx: Tx, actor: Actor, rollout: Rollout, *, to_stage: Stage) -> Approval:
    now = desk.services.clock.now()
    rollout.requested_by = actor.id
    approval = rollouts.add_approval(
        tx,
        Approval(
            token=secrets.token_urlsafe(16),
            feature_id=rollout.feature_id,
            rollout_id=rollout.id or 0,
            from_stage=rollout.stage,
            to_stage=to_stage,
            from_share=rollout.share,
            to_share=SHARES[to_stage],
            digest=stages.digest(tx, rollout, to_stage),
            evidence={**stages.bound(tx, rollout, to_stage), **_facts(desk, tx, rollout)},
            needed=2 if SHARES[to_stage] >= SECOND_APPROVER_SHARE else 1,
            requested_by=actor.id,
            channel=rollout.channel,
            created_at=now,
            expires_at=working_days(now, EXPIRY_DAYS),
        ),
    )
    deeds.record(
        tx,
        desk.services.clock,
        actor,
        "ask",
        entity="approval",
        entity_id=approval.token,
        feature_id=rollout.feature_id,
        after={"from": approval.from_stage, "to": to_stage, "digest": approval.digest},
    )
    stages.tell(tx, desk.services, rollout, approval)
    return approval


def _gate(desk: Desk, tx: Tx, rollout: Rollout) -> Gate:
    return stages.judged(tx, desk.services, rollout)


def _facts(desk: Desk, tx: Tx, rollout: Rollout) -> dict[str, object]:
    """What an approver wants to read beside the hashes: the verdict in figures, and the calls a day it is about."""
    verdict = tx.get_one(Verdict, rollout.verdict_id)
    month = usage.last_month(tx, rollout.feature_id, desk.services.clock.now())
    return {
        "run": verdict.run_id,
        "outcome": verdict.outcome,
        "quality": release.quality_of(verdict.record),
        "model": verdict.record["prompted"]["model"],
        "calls_a_day": round(month.calls / 30) if month else None,
        "days": ahead(tx, desk.services, rollout.feature_id, rollout).days,
    }
