"""What endpoints list is kept by name, whoever looks, and a day once told stays."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from sqlmodel import select

from engine.models.checkup import ListedModel
from engine.store import listings
from engine.store.database import Database
from tests.meddling import meddling

URL, NOW, LAST = "http://x/v1", datetime(2026, 11, 25, 9, tzinfo=UTC), date(2027, 3, 31)


def see(database: Database, found: dict[str, date | None], at: datetime = NOW) -> None:
    with database.write() as tx:
        listings.see(tx, URL, found, at)


def test_two_who_look_at_one_moment_see_each_model_once(database: Database) -> None:
    with meddling(database, "INSERT INTO listed_model", lambda other: see(other, {"b": None, "a": None})):
        see(database, {"a": None, "b": LAST})
    with database.read() as tx:
        assert sorted(row.name for row in tx.exec(select(ListedModel))) == ["a", "b"]


def test_what_is_listed_no_more_keeps_its_last_day_and_what_is_listed_since_when(database: Database) -> None:
    later = NOW + timedelta(days=30)
    see(database, {"a": LAST, "b": LAST})
    see(database, {})
    see(database, {"b": None, "c": None}, later)
    with database.read() as tx:
        assert listings.shutdowns(tx, [URL]) == {"a": LAST}
        assert listings.arrived(tx, URL, later) == ["c"]
        seen = {row.name: (row.first_seen_at, row.seen_at) for row in tx.exec(select(ListedModel))}
    assert seen == {"a": (NOW, NOW), "b": (NOW, later), "c": (later, later)}
