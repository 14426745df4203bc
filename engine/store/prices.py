"""The team's own price table, dated rows that win over the bundled prices. Knows nothing of those."""

from __future__ import annotations

from datetime import date

from sqlmodel import Session, col, select

from engine.models.money import Price


def of(tx: Session, model: str, day: date) -> Price | None:
    """The newest row of a model that has begun by that day."""
    query = select(Price).where(Price.model == model, Price.starts_on <= day).order_by(col(Price.starts_on).desc())
    return tx.exec(query.limit(1)).first()


def add(tx: Session, price: Price) -> Price:
    """Store a row; one of the same model and first day is corrected by it. The row has an id afterwards."""
    same = select(Price).where(Price.model == price.model, Price.starts_on == price.starts_on)
    row = tx.exec(same).one_or_none() or price
    row.input_nano, row.cached_nano, row.output_nano = price.input_nano, price.cached_nano, price.output_nano
    row.source, row.by, row.created_at = price.source, price.by, price.created_at
    tx.add(row)
    tx.flush()
    return row


def every(tx: Session, day: date | None = None) -> list[Price]:
    """All rows, or those that have begun by a day; by model, oldest first."""
    query = select(Price).order_by(col(Price.model), col(Price.starts_on))
    return list(tx.exec(query if day is None else query.where(Price.starts_on <= day)))
