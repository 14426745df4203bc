"""Signed statements about features: the newest of each is the one that counts. Knows nothing of what they mean."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from engine.models.statement import Statement, StatementKind


def add(tx: Session, statement: Statement) -> Statement:
    """Store a statement; its row has an id afterwards."""
    tx.add(statement)
    tx.flush()
    return statement


def every(tx: Session, feature_id: int) -> list[Statement]:
    """All statements about a feature, oldest first."""
    return list(tx.exec(select(Statement).where(Statement.feature_id == feature_id).order_by(col(Statement.id))))


def newest(tx: Session, feature_id: int, kind: StatementKind) -> dict[str, Statement]:
    """The newest statement of a kind about each condition, run out or not."""
    query = select(Statement).where(Statement.feature_id == feature_id, Statement.kind == kind)
    return {row.condition: row for row in tx.exec(query.order_by(col(Statement.id)))}


def in_force(tx: Session, feature_id: int, kind: StatementKind, now: datetime) -> dict[str, Statement]:
    """Those of the newest that have begun and not run out by ``now``."""
    found = newest(tx, feature_id, kind)
    return {name: row for name, row in found.items() if row.expires_at is not None and row.expires_at > now}


def begin(tx: Session, statement: Statement, *, at: datetime, approved_by: str = "") -> None:
    """Let a statement count from now on, for its days."""
    statement.approved_by = approved_by
    statement.expires_at = at + timedelta(days=statement.days)
    tx.add(statement)
    tx.flush()
