"""Feedback that waits for its call: it may come before the call is stored, or from another host. One row each."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Session, col, delete, select

from engine.models.spool import PendingFeedback

_MOST = 5_000  # in one transaction


def add(tx: Session, row: PendingFeedback) -> None:
    """Store feedback that was read of the spool."""
    tx.add(row)


def waiting(tx: Session, since: datetime | None = None) -> list[PendingFeedback]:
    """What waits, oldest first; of those that came after a moment, or of all."""
    query = select(PendingFeedback).order_by(col(PendingFeedback.id)).limit(_MOST)
    return list(tx.exec(query if since is None else query.where(PendingFeedback.at >= since)))


def take(tx: Session, row_id: int) -> bool:
    """Take one off; false when somebody else did."""
    return tx.exec(delete(PendingFeedback).where(col(PendingFeedback.id) == row_id)).rowcount == 1


def forget_calls(tx: Session, calls: list[str]) -> None:
    """Drop what waits for calls that are forgotten."""
    for start in range(0, len(calls), 500):
        tx.exec(delete(PendingFeedback).where(col(PendingFeedback.call).in_(calls[start : start + 500])))
