"""Snoozes of advice, and what the channel was told between digests."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Session, col, select

from engine.models.checkup import Alert, Snooze


def add(tx: Session, snooze: Snooze) -> Snooze:
    """Store a snooze; the newest of a feature counts."""
    tx.add(snooze)
    tx.flush()
    return snooze


def of(tx: Session, feature_id: int, now: datetime) -> Snooze | None:
    """The feature's snooze in force, none when it ended or there is none."""
    query = select(Snooze).where(Snooze.feature_id == feature_id).order_by(col(Snooze.id).desc()).limit(1)
    newest = tx.exec(query).first()
    return newest if newest is not None and newest.at <= now < newest.until else None


def tell(tx: Session, alert: Alert) -> bool:
    """Note that the channel is told something; false when it was told that already."""
    if tx.exec(select(Alert.id).where(Alert.feature_id == alert.feature_id, Alert.key == alert.key)).first():
        return False
    tx.add(alert)
    tx.flush()
    return True


def alerts(tx: Session, week: str) -> list[Alert]:
    """What the channel was told in a week, by feature."""
    return list(tx.exec(select(Alert).where(Alert.week == week).order_by(col(Alert.feature_id), col(Alert.id))))


def told(tx: Session, feature_id: int) -> list[Alert]:
    """Everything the channel was told of a feature, oldest first."""
    return list(tx.exec(select(Alert).where(Alert.feature_id == feature_id).order_by(col(Alert.id))))
