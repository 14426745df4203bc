"""Rollback drills, one open at a time for each feature."""

from __future__ import annotations

from sqlmodel import Session, col, select

from engine.models.drill import Drill, DrillState


def add(tx: Session, drill: Drill) -> Drill:
    """Store a drill; its row has an id afterwards."""
    tx.add(drill)
    tx.flush()
    return drill


def by_id(tx: Session, drill_id: int) -> Drill:
    """The drill of that id."""
    return tx.exec(select(Drill).where(Drill.id == drill_id)).one()


def open_of(tx: Session, feature_id: int) -> Drill | None:
    """The feature's drill that has not ended; there is at most one."""
    return tx.exec(select(Drill).where(Drill.open_feature_id == feature_id)).one_or_none()


def open_ones(tx: Session) -> list[Drill]:
    """Every drill that has not ended."""
    return list(tx.exec(select(Drill).where(col(Drill.open_feature_id).is_not(None)).order_by(col(Drill.id))))


def changed_features(tx: Session) -> frozenset[int]:
    """The features whose changed route is out."""
    return frozenset(tx.exec(select(Drill.feature_id).where(Drill.state == DrillState.CHANGED)))


def newest_of(tx: Session, feature_id: int) -> Drill | None:
    """The feature's newest drill."""
    return tx.exec(select(Drill).where(Drill.feature_id == feature_id).order_by(col(Drill.id).desc()).limit(1)).first()


def newest_judged(tx: Session, feature_id: int) -> Drill | None:
    """The feature's newest drill that passed or failed."""
    judged = col(Drill.state).in_((DrillState.PASSED, DrillState.FAILED))
    query = select(Drill).where(Drill.feature_id == feature_id, judged).order_by(col(Drill.id).desc())
    return tx.exec(query.limit(1)).first()


def save(tx: Session, drill: Drill) -> None:
    """Keep a changed drill; raises its version so that its message is rendered again."""
    drill.version += 1
    tx.add(drill)
    tx.flush()
