"""Policy in force: the newest stored version of each kind, or the defaults of the rules."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, fields
from typing import Any

from sqlmodel import Session, col, select

from engine.models.policy import PolicyVersion
from engine.rules.money import CostPolicy
from engine.rules.power import EvalPolicy
from engine.rules.rollout import StagePolicy
from engine.rules.verdict import VerdictPolicy


@dataclass(frozen=True)
class Policy:
    """Everything a team decides that an investigation and a rollout are judged by."""

    verdict: VerdictPolicy
    evaluation: EvalPolicy
    cost: CostPolicy
    stage: StagePolicy

    @property
    def sha(self) -> str:
        """The sha256 of the canonical JSON: what every judgement stores."""
        return hashlib.sha256(canonical(asdict(self)).encode()).hexdigest()


_KINDS = {"verdict": VerdictPolicy, "evaluation": EvalPolicy, "cost": CostPolicy, "stage": StagePolicy}


def canonical(body: dict[str, Any]) -> str:
    """The one JSON text of a policy: sorted keys, no spaces."""
    return json.dumps(body, sort_keys=True, separators=(",", ":"), default=str)


def current(tx: Session, feature_id: int | None = None) -> Policy:
    """The policy in force for a feature: its own newest version of each kind, else the team's, else the defaults."""
    return Policy(**{kind: _newest(tx, kind, feature_id) for kind in _KINDS})


def _newest(tx: Session, kind: str, feature_id: int | None) -> Any:  # noqa: ANN401 (one of the classes in _KINDS)
    query = (
        select(PolicyVersion)
        .where(PolicyVersion.kind == kind)
        .where(col(PolicyVersion.feature_id).is_(None) | (PolicyVersion.feature_id == feature_id))
        .order_by(col(PolicyVersion.feature_id).is_(None), col(PolicyVersion.number).desc())
    )
    stored = tx.exec(query.limit(1)).first()
    known = {field.name for field in fields(_KINDS[kind])}
    return _KINDS[kind](**{key: value for key, value in (stored.body if stored else {}).items() if key in known})
