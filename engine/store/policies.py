"""Policy in force: the newest stored version of each kind, or the defaults of the rules."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, func, select

from engine.models.policy import PolicyVersion
from engine.rules.calendar import DigestPolicy
from engine.rules.facts import ReadinessPolicy
from engine.rules.money import CostPolicy
from engine.rules.power import EvalPolicy
from engine.rules.rollout import StagePolicy
from engine.rules.staleness import AdvicePolicy
from engine.rules.traffic import TrafficPolicy
from engine.rules.verdict import VerdictPolicy
from engine.rules.watch import AuditPolicy, DriftPolicy, RebaselinePolicy


@dataclass(frozen=True)
class Policy:
    """Everything a team decides: what investigations and rollouts are judged by, and how live models are watched."""

    verdict: VerdictPolicy
    evaluation: EvalPolicy
    cost: CostPolicy
    stage: StagePolicy
    readiness: ReadinessPolicy
    advice: AdvicePolicy = field(default_factory=AdvicePolicy)
    drift: DriftPolicy = field(default_factory=DriftPolicy)
    rebaseline: RebaselinePolicy = field(default_factory=RebaselinePolicy)
    audit: AuditPolicy = field(default_factory=AuditPolicy)
    digest: DigestPolicy = field(default_factory=DigestPolicy)

    @property
    def judged(self) -> dict[str, Any]:
        """What investigations and rollouts are judged by: the hour of a digest changes nothing in them."""
        whole = asdict(self)
        return {kind: whole[kind] for kind in JUDGED}

    @property
    def sha(self) -> str:
        """The sha256 of the canonical JSON of ``judged``: what every judgement stores."""
        return hashlib.sha256(canonical(self.judged).encode()).hexdigest()

    @property
    def watch_sha(self) -> str:
        """The same of what checkups are judged by."""
        whole = asdict(self)
        return hashlib.sha256(canonical({kind: whole[kind] for kind in WATCHED}).encode()).hexdigest()


TRAFFIC = "traffic"
PROMPTS = "prompts"
KINDS = {
    "verdict": VerdictPolicy,
    "evaluation": EvalPolicy,
    "cost": CostPolicy,
    "stage": StagePolicy,
    "readiness": ReadinessPolicy,
    "advice": AdvicePolicy,
    "drift": DriftPolicy,
    "rebaseline": RebaselinePolicy,
    "audit": AuditPolicy,
    "digest": DigestPolicy,
}
JUDGED = ("verdict", "evaluation", "cost", "stage", "readiness")
WATCHED = ("cost", "stage", "advice", "drift", "rebaseline", "audit")


def canonical(body: dict[str, Any]) -> str:
    """The one JSON text of a policy: sorted keys, no spaces."""
    return json.dumps(body, sort_keys=True, separators=(",", ":"), default=str)


def current(tx: Session, feature_id: int | None = None) -> Policy:
    """The policy in force for a feature: its own newest version of each kind, else the team's, else the defaults."""
    newest = select(func.max(PolicyVersion.id)).group_by(PolicyVersion.kind, col(PolicyVersion.feature_id))
    query = (
        select(PolicyVersion)
        .where(col(PolicyVersion.id).in_(newest))
        .where(col(PolicyVersion.feature_id).is_(None) | (PolicyVersion.feature_id == feature_id))
        .order_by(col(PolicyVersion.feature_id).is_not(None))
    )
    bodies = {row.kind: row.body for row in tx.exec(query)}  # a feature's own comes after the team's, and stays
    return Policy(**{kind: _read(kind, bodies.get(kind, {})) for kind in KINDS})


def traffic(tx: Session, feature_id: int | None = None) -> TrafficPolicy:
    """How the feature's traffic is treated. It is no part of ``Policy``: no verdict is judged by it."""
    found = stored(tx, TRAFFIC, feature_id)
    body = found.body if found else {}
    return TrafficPolicy(**{one.name: _listed(body[one.name]) for one in fields(TrafficPolicy) if one.name in body})


def prompts(tx: Session, feature_id: int) -> dict[str, str]:
    """The feature's prompts rewritten for other models, by model. No verdict is judged by them."""
    found = stored(tx, PROMPTS, feature_id)
    return dict(found.body) if found else {}


def stored(tx: Session, kind: str, feature_id: int | None = None) -> PolicyVersion | None:
    """The version of a kind in force for a feature, its own or the team's; none while the defaults are in force."""
    query = (
        select(PolicyVersion)
        .where(PolicyVersion.kind == kind)
        .where(col(PolicyVersion.feature_id).is_(None) | (PolicyVersion.feature_id == feature_id))
        .order_by(
            col(PolicyVersion.feature_id).is_(None), col(PolicyVersion.number).desc(), col(PolicyVersion.id).desc()
        )
    )
    return tx.exec(query.limit(1)).first()


def add(
    tx: Session, kind: str, body: dict[str, Any], *, feature_id: int | None, by: str, why: str, at: datetime
) -> PolicyVersion:
    """Store the next version of a kind, with all its values, for one feature or for the team."""
    mine = select(PolicyVersion).where(PolicyVersion.kind == kind, PolicyVersion.feature_id == feature_id)
    before = tx.exec(mine.order_by(col(PolicyVersion.number).desc()).limit(1)).first()
    version = PolicyVersion(
        kind=kind,
        feature_id=feature_id,
        number=before.number + 1 if before else 1,
        body=body,
        sha=hashlib.sha256(canonical(body).encode()).hexdigest(),
        by=by,
        why=why,
        at=at,
    )
    tx.add(version)
    tx.flush()
    return version


def _read(kind: str, body: dict[str, Any]) -> Any:  # noqa: ANN401 (one of the classes in KINDS)
    known = {field.name for field in fields(KINDS[kind])}
    return KINDS[kind](**{key: value for key, value in body.items() if key in known})


def _listed(value: Any) -> Any:  # noqa: ANN401 (JSON: a list stands for a tuple)
    return tuple(value) if isinstance(value, list) else value  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType] # JSON
