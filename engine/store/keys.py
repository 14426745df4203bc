"""Keys of the gateway, by their hash. Knows nothing of who may make them."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Session, col, select

from engine.models.gateway import GatewayKey


def add(tx: Session, feature_id: int, *, sha256: str, by: str, at: datetime) -> GatewayKey:
    """Store a key's hash; its row has a name afterwards."""
    key = GatewayKey(feature_id=feature_id, sha256=sha256, made_by=by, made_at=at)
    tx.add(key)
    tx.flush()
    return key


def of_feature(tx: Session, feature_id: int) -> list[GatewayKey]:
    """Every key of a feature, revoked ones too, oldest first."""
    return list(tx.exec(select(GatewayKey).where(GatewayKey.feature_id == feature_id).order_by(col(GatewayKey.id))))


def valid(tx: Session) -> list[GatewayKey]:
    """Every key that opens something, oldest first."""
    return list(tx.exec(select(GatewayKey).where(col(GatewayKey.revoked_at).is_(None)).order_by(col(GatewayKey.id))))
