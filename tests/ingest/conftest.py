"""A deployment whose gateway has a spool: on SQLite, and on both databases where a test asks for it."""

from __future__ import annotations

import pathlib

import pytest

from engine.desk import Desk
from engine.services import Services
from tests.builders import a_feature
from tests.ingest.spooled import MODELS
from tests.ingest.totals import some_prices
from tests.prepared import sqlite_in


@pytest.fixture
def database_url(request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> str:
    """SQLite, unless the test is parametrised with another."""
    if getattr(request, "param", "sqlite") == "postgres":
        return request.getfixturevalue("prepared_postgres_url")
    return sqlite_in(tmp_path)


@pytest.fixture
def deployment(desk: Desk) -> Services:
    """A registered feature and a price of each model."""
    a_feature(desk, model=MODELS[0])
    some_prices(desk.services)
    return desk.services


@pytest.fixture
def folder(deployment: Services) -> pathlib.Path:
    """Where the gateway writes."""
    return deployment.settings.spool_folder
