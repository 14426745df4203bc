"""Retire a live model: ask for each step down, and tell what it was worth."""

from __future__ import annotations

import secrets
from typing import Any

from engine.desk import Desk
from engine.errors import NotReady
from engine.flows.steps import requests, stage
from engine.flows.steps import retire as retiring
from engine.models.actor import Actor
from engine.models.base import Value
from engine.models.feature import Feature, is_simulated
from engine.models.mail import Once
from engine.models.rollout import Approval, Rollout
from engine.rules.calendar import working_days
from engine.store import checkups, deeds, features, mail, rollouts
from engine.store.database import Tx

EXPIRY_DAYS = 3  # working days (docs/slack.md)


class MemoView(Value):
    """What a retired model was worth: saved in so many months of so many live days, the last advice, what is kept."""

    slug: str
    run_id: str
    months: int
    saved_usd: float | None
    advice: str
    reasons: tuple[str, ...]
    artifact: str
    model: str
    simulated: bool
    spent_usd: float | None
    version: int = 1


def retire(desk: Desk, actor: Actor, slug: str, *, once: Once | None = None) -> Approval:
    """Ask that a model's share go down by one step, to half or to none; the same request that waits is given back.

    Raises ``NotReady`` where nothing is rolled out.
    """
    with desk.services.database.write() as tx:
        mail.take(tx, desk.services.clock, once)
        feature = features.by_slug(tx, slug)
        features.alone(tx, feature.id or 0)
        rollout = _open(tx, feature)
        if rollout.share <= 0.0:
            raise NotReady(
                f"{slug} answers no call with the tuned model yet, so there is nothing to retire.",
                hint=f"End its rollout with: /assay rollout {slug} rollback",
            )
        digest = retiring.digest(rollout)
        for waiting in rollouts.pending(tx, feature.id):
            if waiting.digest == digest and not waiting.is_over(desk.services.clock.now()):
                return waiting
            requests.close(tx, desk.services, waiting, "asked to retire instead")
        return _ask(desk, tx, actor, rollout, digest=digest)


def memo(desk: Desk, rollout_id: int) -> MemoView:
    """What a model that is retired, or on the way to it, was worth."""
    with desk.services.database.read() as tx:
        rollout = rollouts.by_id(tx, rollout_id)
        looks = [one for one in checkups.of_feature(tx, rollout.feature_id) if one.facts.get("rollout") == rollout.id]
        saved = [one.facts["saved_usd"] for one in looks if one.facts.get("saved_usd") is not None]
        last: dict[str, Any] = looks[-1].facts if looks else {}
        advised = next((one for one in reversed(looks) if one.advice is not None), None)
        baseline = features.baseline(tx, rollout.feature_id)
        return MemoView(
            slug=features.by_id(tx, rollout.feature_id).slug,
            run_id=str(last.get("run", "")),
            months=len(saved),
            saved_usd=sum(saved) if saved else None,
            advice=str(advised.advice) if advised else "",
            reasons=tuple(advised.facts.get("reasons", ())) if advised else (),
            artifact=rollout.artifact,
            model=baseline.model,
            simulated=is_simulated(baseline.model),
            spent_usd=last.get("spent_usd"),
            version=rollout.version,
        )


def _open(tx: Tx, feature: Feature) -> Rollout:
    rollout = rollouts.open_of(tx, feature.id or 0)
    if rollout is None:
        raise NotReady(
            f"{feature.slug} has no tuned model that answers calls.", hint=f"How it stands: /assay show {feature.slug}"
        )
    return rollout


def _ask(desk: Desk, tx: Tx, actor: Actor, rollout: Rollout, *, digest: str) -> Approval:
    now = desk.services.clock.now()
    to_stage, to_share = retiring.target(rollout)
    looks = checkups.of_feature(tx, rollout.feature_id)
    newest: dict[str, Any] = looks[-1].facts if looks else {}
    names = ("advice", "reasons", "advantage", "keep_month_usd", "best_month_usd", "model", "period")
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
            to_share=to_share,
            digest=digest,
            evidence={**retiring.bound(rollout), **{name: newest.get(name) for name in names}},
            needed=1,
            retires=True,
            requested_by=actor.id,
            channel=rollout.channel,
            created_at=now,
            expires_at=working_days(now, EXPIRY_DAYS),
        ),
    )
    deeds.record(
        tx, desk.services.clock, actor, "ask", entity="approval", entity_id=approval.token,
        feature_id=rollout.feature_id, after={"from": rollout.stage, "to_share": to_share, "digest": digest},
    )  # fmt: skip
    stage.tell(tx, desk.services, rollout, approval)
    return approval
