"""Pairs of texts of rollouts' stages that a judge is asked about, and its word on each. Knows nothing of judges."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from sqlmodel import Session, col, delete, func, select

from engine.models.evidence import StagePair, StageStart
from engine.models.spool import Example, Stratum

UNREAD = "unread"
SAME = "same"  # both texts are the same: in shadow none of these is captured, so they count at no stage


def of_stage(tx: Session, root: str) -> list[StagePair]:
    """The pairs of one stage, in the order in which they were taken."""
    return list(tx.exec(select(StagePair).where(StagePair.root == root).order_by(col(StagePair.id))))


def counts(tx: Session, rollout_id: int) -> dict[str, int]:
    """How many pairs of a rollout's stages the judge said what of; those that are asked are told as ""."""
    roots = select(StageStart.root).where(StageStart.rollout_id == rollout_id)
    query = select(StagePair.said, func.count()).where(col(StagePair.root).in_(roots))
    return {said: int(count) for said, count in tx.exec(query.group_by(col(StagePair.said)))}


def captured(tx: Session, feature_id: int, since: datetime, *, strata: Sequence[Stratum], served: str) -> list[Example]:
    """Examples of these strata that one side answered since a moment, a fair draw of them first."""
    query = select(Example).where(
        Example.feature_id == feature_id,
        Example.at >= since,
        Example.served == served,
        col(Example.stratum).in_(strata),
    )
    return list(tx.exec(query.order_by(col(Example.draw), col(Example.call))))


def of_calls(tx: Session, feature_id: int, calls: Sequence[str], *, strata: Sequence[Stratum]) -> dict[str, Example]:
    """The examples of calls, by call; those that were deleted meanwhile are missing."""
    query = select(Example).where(
        Example.feature_id == feature_id, col(Example.call).in_(calls), col(Example.stratum).in_(strata)
    )
    return {row.call: row for row in tx.exec(query.order_by(col(Example.stratum).desc()))}


def take(tx: Session, root: str, rows: Iterable[Example], at: datetime) -> None:
    """Note that a judge is asked about these calls."""
    tx.add_all(StagePair(root=root, call=row.call, unit=row.unit, at=at) for row in rows)
    tx.flush()


def settle(tx: Session, root: str, said: Mapping[str, str]) -> None:
    """Keep the judge's word by call; of those it was asked about and has no word, that there is none."""
    for row in of_stage(tx, root):
        if row.said == "":
            row.said = said.get(row.call, UNREAD)
            tx.add(row)
    tx.flush()


def drop(tx: Session, root: str, calls: Sequence[str]) -> None:
    """Forget pairs whose texts are gone before they were judged."""
    tx.exec(delete(StagePair).where(col(StagePair.root) == root, col(StagePair.call).in_(calls)))
