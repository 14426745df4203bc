"""The ledger of re-baselines: one for each feature and month. Knows nothing of how options are judged."""

from __future__ import annotations

from collections.abc import Sequence

from sqlmodel import Session, col, func, select

from engine.models.checkup import Rebaseline
from engine.models.labels import Label, LabelSet, Part


def of(tx: Session, feature_id: int, period: str) -> Rebaseline | None:
    """A feature's re-baseline of a month."""
    query = select(Rebaseline).where(Rebaseline.feature_id == feature_id, Rebaseline.period == period)
    return tx.exec(query).one_or_none()


def newest_ended(tx: Session, feature_id: int, period: str) -> Rebaseline | None:
    """The newest one with a result, of a month or an earlier one."""
    query = select(Rebaseline).where(
        Rebaseline.feature_id == feature_id,
        Rebaseline.period <= period,
        col(Rebaseline.ended_at).is_not(None),
        Rebaseline.reason == "",
    )
    return tx.exec(query.order_by(col(Rebaseline.period).desc()).limit(1)).first()


def add(tx: Session, row: Rebaseline) -> Rebaseline:
    """Write a re-baseline on the ledger before its rows are read; a second one of the month is refused."""
    tx.add(row)
    tx.flush()
    return row


def save(tx: Session, row: Rebaseline) -> None:
    """Keep what came out of it."""
    tx.add(row)


def count(tx: Session, seal_ids: Sequence[int]) -> int:
    """How many months have read half of the rows of an eval, by its versions."""
    return tx.exec(select(func.count()).where(col(Rebaseline.seal_id).in_(seal_ids))).one()


def sealed_rows(tx: Session, row: Rebaseline, label_set_id: int) -> list[Label]:
    """The sealed labels of a version, for a re-baseline that stands on the ledger."""
    assert row.id is not None, "a re-baseline is on the ledger before rows leave"
    label_set = tx.get_one(LabelSet, label_set_id)
    query = select(Label).where(
        Label.feature_id == label_set.feature_id,
        Label.part == Part.SEALED,
        Label.added_in <= label_set.number,
        col(Label.removed_in).is_(None) | (col(Label.removed_in) > label_set.number),
    )
    return list(tx.exec(query.order_by(col(Label.id))))
