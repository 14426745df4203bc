"""Stored verdicts. One per run, never changed."""

from __future__ import annotations

from sqlmodel import Session, col, select

from engine.models.verdict import Verdict


def add(tx: Session, verdict: Verdict) -> Verdict:
    """Store the run's verdict, or give back the one it has."""
    known = of_run(tx, verdict.run_id)
    if known is not None:
        return known
    tx.add(verdict)
    tx.flush()
    return verdict


def of_run(tx: Session, run_id: str) -> Verdict | None:
    """The verdict of a run."""
    return tx.exec(select(Verdict).where(Verdict.run_id == run_id)).one_or_none()


def newest_of(tx: Session, feature_id: int) -> Verdict | None:
    """The newest verdict on a feature."""
    query = select(Verdict).where(Verdict.feature_id == feature_id).order_by(col(Verdict.id).desc())
    return tx.exec(query.limit(1)).first()


def of_feature(tx: Session, feature_id: int) -> list[Verdict]:
    """All verdicts on a feature, oldest first."""
    return list(tx.exec(select(Verdict).where(Verdict.feature_id == feature_id).order_by(col(Verdict.id))))
