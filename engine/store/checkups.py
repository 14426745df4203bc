"""Checkups and digests: one per feature and month, one per month."""

from __future__ import annotations

from sqlmodel import Session, col, select

from engine.models.checkup import Checkup, Digest


def add(tx: Session, checkup: Checkup) -> None:
    """Store a month's look at a feature."""
    tx.add(checkup)


def of(tx: Session, feature_id: int, period: str) -> Checkup | None:
    """A feature's checkup of a month."""
    query = select(Checkup).where(Checkup.feature_id == feature_id, Checkup.period == period)
    return tx.exec(query).one_or_none()


def of_period(tx: Session, period: str) -> list[Checkup]:
    """All checkups of a month, by feature."""
    return list(tx.exec(select(Checkup).where(Checkup.period == period).order_by(col(Checkup.feature_id))))


def of_feature(tx: Session, feature_id: int) -> list[Checkup]:
    """A feature's checkups, oldest first."""
    return list(tx.exec(select(Checkup).where(Checkup.feature_id == feature_id).order_by(col(Checkup.period))))


def since(tx: Session, period: str) -> list[Checkup]:
    """All checkups of a month and of those after it, oldest first."""
    query = select(Checkup).where(Checkup.period >= period)
    return list(tx.exec(query.order_by(col(Checkup.period), col(Checkup.feature_id))))


def add_digest(tx: Session, digest: Digest) -> None:
    """Store the digest of a month; a second one of the same month is refused by the database."""
    tx.add(digest)


def digest(tx: Session, period: str) -> Digest | None:
    """The digest of a month."""
    return tx.exec(select(Digest).where(Digest.period == period)).one_or_none()


def newest_digest(tx: Session) -> Digest | None:
    """The newest digest."""
    return tx.exec(select(Digest).order_by(col(Digest.period).desc()).limit(1)).first()
