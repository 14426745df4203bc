"""Rows as an export has them: hourly sums and predictions, a few at a time. Knows nothing of files."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

from sqlmodel import Session, col, select

from engine.models.call import CallRole, HourlyUsage
from engine.models.investigation import StoredPrediction
from engine.models.labels import Label, LabelSet, Part
from engine.rules.hours import SUMS

_AT_ONCE = 500


def hourly(tx: Session, feature_id: int, slug: str) -> Iterator[dict[str, Any]]:
    """A feature's hourly sums, oldest first."""
    query = select(HourlyUsage).where(HourlyUsage.feature_id == feature_id)
    rows = tx.exec(query.order_by(col(HourlyUsage.hour), col(HourlyUsage.id)).execution_options(yield_per=_AT_ONCE))
    for row in rows:
        yield {
            "hour": f"{row.hour.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
            "feature": slug,
            **{name: getattr(row, name) for name in _KEY},
            **{name: getattr(row, name) for name in SUMS},
        }


def labelled(tx: Session, label_set: LabelSet, *, sealed: bool) -> Iterator[Label]:
    """The rows of a version. The operator's export alone may ask for the sealed ones, and enters a deed."""
    query = select(Label).where(
        Label.feature_id == label_set.feature_id,
        Label.added_in <= label_set.number,
        col(Label.removed_in).is_(None) | (col(Label.removed_in) > label_set.number),
    )
    if not sealed:
        query = query.where(Label.part != Part.SEALED)
    yield from tx.exec(query.order_by(col(Label.part), col(Label.id)).execution_options(yield_per=_AT_ONCE))


def answers_by_day(tx: Session, feature_id: int) -> dict[date, int]:
    """How many calls of a feature were answered on each UTC day."""
    found: dict[date, int] = {}
    query = select(HourlyUsage.hour, HourlyUsage.n).where(
        HourlyUsage.feature_id == feature_id, HourlyUsage.role == CallRole.ANSWER
    )
    for hour, n in tx.exec(query):
        day = hour.astimezone(UTC).date()
        found[day] = found.get(day, 0) + n
    return found


def predictions(tx: Session, run_id: str) -> Iterator[tuple[Label, StoredPrediction]]:
    """Everything a run predicted, by contender and row."""
    query = (
        select(Label, StoredPrediction)
        .join(StoredPrediction, col(StoredPrediction.label_id) == Label.id)
        .where(StoredPrediction.run_id == run_id)
        .order_by(col(StoredPrediction.part), col(StoredPrediction.contender), col(StoredPrediction.label_id))
    )
    yield from tx.exec(query.execution_options(yield_per=_AT_ONCE))


def moment(at: datetime | None) -> str | None:
    """A moment as an export writes it."""
    return None if at is None else at.astimezone(UTC).isoformat(timespec="seconds")


_KEY = ("assigned", "served", "model", "source", "status_class", "role")
