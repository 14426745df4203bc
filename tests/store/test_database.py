"""What a transaction promises, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlmodel import func, select

from engine.models.feature import Feature
from engine.store.database import Database
from tests.builders import a_feature_row

NOW = datetime(2026, 11, 30, 9, tzinfo=UTC)


def test_a_reader_sees_one_moment_however_much_is_written_meanwhile(database: Database) -> None:
    count = select(func.count()).select_from(Feature)
    with database.read() as tx:
        before = tx.exec(count).one()
        with database.write() as other:
            a_feature_row(other, NOW)
        assert tx.exec(count).one() == before
    with database.read() as tx:
        assert tx.exec(count).one() == before + 1
