"""Which models each endpoint lists, since when, and until when. Knows nothing of who asks it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col, select

from engine.models.checkup import ListedModel


def see(tx: Session, base_url: str, found: Mapping[str, date | None], at: datetime) -> None:
    """Keep what an endpoint lists now; what it lists no more keeps the last day it was told.

    By name, so that a digest and the week's alerts that look at one moment never wait for each other.
    """
    dialect: Any = postgresql if tx.get_bind().dialect.name == "postgresql" else sqlite
    statement = dialect.insert(ListedModel)
    newer = {name: statement.excluded[name] for name in ("seen_at", "shutdown_on")}
    rows = [
        {"base_url": base_url, "name": name, "first_seen_at": at, "seen_at": at, "shutdown_on": day}
        for name, day in sorted(found.items())
    ]
    if rows:
        kept = statement.on_conflict_do_update(index_elements=["base_url", "name"], set_=newer)
        tx.connection().execute(kept, rows)


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
