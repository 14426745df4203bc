"""Features and their baselines. Knows nothing of who may register them."""

from __future__ import annotations

import difflib
import hashlib
import json
from datetime import datetime
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from engine.errors import Conflict, NotFound
from engine.models.feature import Baseline, Feature
from engine.models.investigation import Investigation
from engine.models.labelling import Labelling
from engine.models.rollout import Approval


def add(tx: Session, feature: Feature) -> Feature:
    """Store a feature; its row has an id afterwards. Raises ``Conflict`` when its slug was taken this very moment."""
    tx.add(feature)
    try:
        tx.flush()
    except IntegrityError as error:
        taken = f"{feature.slug} was registered by somebody else this moment. Nothing was changed."
        raise Conflict(taken, hint=f"How it stands: /assay show {feature.slug}") from error
    return feature


def alone(tx: Session, feature_id: int) -> None:
    """Have what changes a feature's votes, labels, policy or rollout come one after another until the transaction ends.

    SQLite has one writer anyway; PostgreSQL locks the feature's row. Rows read before may be old: refresh them.
    """
    tx.exec(select(Feature.id).where(Feature.id == feature_id).with_for_update()).one()


def all_alone(tx: Session) -> None:
    """The same of every feature, for who holds none yet: in their order, so that two never wait for each other."""
    tx.exec(select(Feature.id).order_by(col(Feature.id)).with_for_update()).all()


def find(tx: Session, slug: str) -> Feature | None:
    """The feature of that slug, or none."""
    return tx.exec(select(Feature).where(Feature.slug == slug)).one_or_none()


def by_slug(tx: Session, slug: str) -> Feature:
    """The feature of that slug. Raises ``NotFound`` naming the nearest."""
    found = find(tx, slug)
    if found is None:
        near = difflib.get_close_matches(slug, [feature.slug for feature in every(tx)], n=1)
        hint = f"Did you mean {near[0]}? All: /assay features" if near else "List them with: /assay features"
        raise NotFound(f"There is no feature {slug[:40]!r}.", hint=hint)
    return found


def by_id(tx: Session, feature_id: int) -> Feature:
    """The feature of that id."""
    return tx.exec(select(Feature).where(Feature.id == feature_id)).one()


def every(tx: Session) -> list[Feature]:
    """All features, in order of registration."""
    return list(tx.exec(select(Feature).order_by(col(Feature.id))))


def add_baseline(tx: Session, feature_id: int, *, body: dict[str, Any], at: datetime) -> Baseline:
    """Store what a feature runs on from now: ``body`` is model, prompt, base_url, parameters."""
    newest = tx.exec(select(Baseline).where(Baseline.feature_id == feature_id).order_by(col(Baseline.number).desc()))
    known = newest.first()
    sha = hashlib.sha256(json.dumps(body, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
    number = known.number + 1 if known else 1
    baseline = Baseline(feature_id=feature_id, number=number, sha=sha, created_at=at, **body)
    tx.add(baseline)
    tx.flush()
    return baseline


def baseline(tx: Session, feature_id: int) -> Baseline:
    """What a feature runs on now."""
    query = select(Baseline).where(Baseline.feature_id == feature_id).order_by(col(Baseline.number).desc())
    return tx.exec(query.limit(1)).one()


def baselines(tx: Session, feature_id: int) -> list[Baseline]:
    """Everything a feature has run on since it is registered, oldest first."""
    return list(tx.exec(select(Baseline).where(Baseline.feature_id == feature_id).order_by(col(Baseline.number))))


def baseline_by_id(tx: Session, baseline_id: int) -> Baseline:
    """The baseline of that id."""
    return tx.exec(select(Baseline).where(Baseline.id == baseline_id)).one()


def slug_of_run(tx: Session, run_id: str) -> str:
    """The feature an investigation or a teacher's labelling is about, "" when there is no such run."""
    for kind in (Investigation, Labelling):
        query = select(Feature.slug).join(kind, col(kind.feature_id) == Feature.id)
        found = tx.exec(query.where(kind.run_id == run_id)).first()
        if found:
            return found
    return ""


def slug_of_request(tx: Session, token: str) -> str:
    """The feature a request for approval is about, "" when there is none."""
    query = select(Feature.slug).join(Approval, col(Approval.feature_id) == Feature.id)
    return tx.exec(query.where(Approval.token == token)).first() or ""
