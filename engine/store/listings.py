"""Which models each endpoint lists, since when, and until when. Knows nothing of who asks it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime

from sqlmodel import Session, col, select

from engine.models.checkup import ListedModel


def see(tx: Session, base_url: str, found: Mapping[str, date | None], at: datetime) -> None:
    """Keep what an endpoint lists now; what it lists no more keeps the last day it was told."""
    known = {row.name: row for row in tx.exec(select(ListedModel).where(ListedModel.base_url == base_url))}
    for name, day in found.items():
        row = known.get(name) or ListedModel(base_url=base_url, name=name, first_seen_at=at, seen_at=at)
        row.seen_at, row.shutdown_on = at, day
        tx.add(row)
    tx.flush()


def shutdowns(tx: Session, base_urls: Iterable[str]) -> dict[str, date]:
    """The announced last day of each model of some endpoints that has one."""
    query = select(ListedModel).where(col(ListedModel.base_url).in_(list(base_urls)))
    rows = tx.exec(query.where(col(ListedModel.shutdown_on).is_not(None)))
    return {row.name: row.shutdown_on for row in rows if row.shutdown_on is not None}


def arrived(tx: Session, base_url: str, since: datetime) -> list[str]:
    """Models an endpoint lists that it did not when it was first asked, come since a moment, the newest first."""
    rows = list(tx.exec(select(ListedModel).where(ListedModel.base_url == base_url)))
    first = min((row.first_seen_at for row in rows), default=since)
    came = [row for row in rows if row.first_seen_at >= since and row.first_seen_at > first]
    return [row.name for row in sorted(came, key=lambda row: (row.first_seen_at, row.name), reverse=True)]
