"""A database with one run, and the endpoint it asks: a simulated model on a loopback port."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest
from sqlmodel import SQLModel

from engine.models.investigation import Investigation
from engine.models.money import Price
from engine.settings import Settings
from engine.store import prices
from engine.store.database import Database, open_database
from engine.testing.scripted_server import serving
from engine.testing.simulated_model import MODEL, simulated_app
from tests.builders import a_feature_row
from tests.unit.teachers.asking import RUN, TRUTH, Room

NOW = datetime(2026, 11, 25, 9, tzinfo=UTC)


@pytest.fixture
def database(tmp_path) -> Iterator[Database]:
    opened = open_database(f"sqlite:///{tmp_path}/assay.db")
    SQLModel.metadata.create_all(opened.engine)
    with opened.write() as tx:
        feature = a_feature_row(tx, NOW)
        tx.add(
            Investigation(
                run_id=RUN,
                feature_id=feature.id,
                budget_nano=10**9,
                requested_by="U1",
                created_at=NOW,
                baseline_id=None,
            )
        )
        prices.add(
            tx,
            Price(
                model=MODEL,
                starts_on=date(2026, 1, 1),
                input_nano=2 * 10**9,
                output_nano=8 * 10**9,
                source="test",
                by="U1",
                created_at=NOW,
            ),
        )
    yield opened
    opened.close()


@pytest.fixture
def room(database, tmp_path) -> Iterator[Room]:
    with serving(simulated_app(TRUTH, latency_ms=1)) as url:
        yield Room(database, Settings(home=tmp_path), url)
