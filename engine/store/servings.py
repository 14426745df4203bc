"""Where candidates are served. Knows nothing of how, nor of what routes make of it."""

from __future__ import annotations

from collections.abc import Sequence

from sqlmodel import Session, col, select

from engine.models.serving import Serving, ServingState


def of_candidate(tx: Session, feature_id: int, artifact: str) -> Serving | None:
    """Where a feature's candidate is or was served; none when the engine never served it."""
    query = select(Serving).where(Serving.feature_id == feature_id, Serving.artifact == artifact)
    return tx.exec(query).one_or_none()


def by_id(tx: Session, serving_id: int) -> Serving:
    """The row of that id."""
    return tx.get_one(Serving, serving_id)


def every(tx: Session) -> Sequence[Serving]:
    """All that the engine ever served, oldest first."""
    return tx.exec(select(Serving).order_by(col(Serving.id))).all()


def running(tx: Session) -> Sequence[Serving]:
    """Those that are not stopped, oldest first."""
    return tx.exec(select(Serving).where(Serving.state != ServingState.STOPPED).order_by(col(Serving.id))).all()


def save(tx: Session, serving: Serving) -> None:
    """Keep what changed; the version rises by one."""
    serving.version += 1
    tx.add(serving)
