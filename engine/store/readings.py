"""Readings as they were given, append only."""

from __future__ import annotations

from sqlmodel import Session, col, select

from engine.models.reading import StoredReading


def add(tx: Session, reading: StoredReading) -> StoredReading:
    """Store a reading; its row has an id afterwards."""
    tx.add(reading)
    tx.flush()
    return reading


def newest(tx: Session, feature_id: int) -> StoredReading | None:
    """The newest reading of a feature, none before the first."""
    query = select(StoredReading).where(StoredReading.feature_id == feature_id)
    return tx.exec(query.order_by(col(StoredReading.id).desc())).first()


def every(tx: Session, feature_id: int) -> list[StoredReading]:
    """All readings of a feature, oldest first."""
    query = select(StoredReading).where(StoredReading.feature_id == feature_id)
    return list(tx.exec(query.order_by(col(StoredReading.id))))


def of_run(tx: Session, run_id: str) -> StoredReading | None:
    """The reading an investigation began with; none for one of an earlier version."""
    return tx.exec(select(StoredReading).where(StoredReading.run_id == run_id)).first()
